"""Shows a run while it goes on: a widget in notebooks, a line in terminals."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.stamped_runs import stamp_run
from nbkeras.runs import openers
from nbkeras.runs.events import Fresh
from nbkeras.runs.opening import stampers
from nbkeras.runtime.frontend import in_kernel, running_shell
from nbkeras.widgets.allowance import SKETCH_EVERY, Allowance
from nbkeras.widgets.cell_events import listen
from nbkeras.widgets.folding import fold
from nbkeras.widgets.protocol import FULL_POINTS, KEPT_POINTS, SKETCH_POINTS, tick
from nbkeras.widgets.text import TextView

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord
    from nbkeras.runs.run import Run

MIME = "application/vnd.nbkeras.monitor+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def install() -> None:
    """Stamp and show every run that begins from now on; a second call changes nothing.

    A notebook is listened to as well, for ``import nbkeras`` alone: else nobody would close the run of a
    ``fit`` that an error has ended, and no button of its view would be heard.
    """
    if stamp_run not in stampers:
        stampers.append(stamp_run)
    if open_view not in openers:
        openers.append(open_view)
    shell = running_shell()
    if shell is not None:
        listen(shell)


def open_view(run: Run) -> None:
    """Show a run in whatever front end there is."""
    run.observe(LiveMonitor(run) if in_kernel() else TextView())


class LiveMonitor:
    """The monitor in a notebook: a widget while the run lasts, a static picture after it.

    What a notebook shows after its kernel is gone is what was displayed last. So the widget is displayed
    with an id, and replaced at the end by HTML and text alone.
    """

    def __init__(self, run: Run) -> None:
        """Make the monitor; its first tick displays it, when the run's notes are known."""
        from nbkeras.widgets.monitor import MonitorWidget

        self._widget = MonitorWidget(run)
        self._display: Any = None
        self._known: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self._status: str = run.status
        self._sketch_due = 0.0
        self._allowance = Allowance()
        self._waiting = Fresh()

    def on_tick(self, run: Run, fresh: Fresh) -> None:
        """Send what is new; first of all the display itself."""
        if self._display is None:
            self._show(run)
            return
        now = time.monotonic()
        waiting = self._waiting
        waiting.steps += fresh.steps
        waiting.epochs += fresh.epochs
        waiting.events += fresh.events
        known = (run.metrics, tuple(run.notes))
        if fresh.snapshot or known != self._known or now >= self._sketch_due:
            # A keyframe holds all that a tick would have said.
            size = self._send_keyframe(FULL_POINTS if fresh.snapshot else SKETCH_POINTS)
            self._known = known
            self._sketch_due = now + (SKETCH_EVERY if fresh.snapshot else self._allowance.sketched(size))
            missed = waiting.steps or waiting.epochs
            if not missed:
                waiting.events.clear()
                self._status = run.status
                return
        urgent = fresh.events or run.status != self._status
        if urgent or self._allowance.allows_tick(now):
            self._allowance.ticked(now, self._send_tick(run))

    def _send_keyframe(self, points: int) -> int:
        widget = self._widget
        widget.seq += 1
        message = widget.keyframe(points)
        widget.post(message)
        return message.size

    def _send_tick(self, run: Run) -> int:
        widget = self._widget
        widget.seq += 1
        message = tick(run, self._waiting, widget.seq, status=run.status != self._status)
        widget.post(message)
        self._waiting = Fresh()
        self._status = run.status
        return message.size

    def on_end(self, run: Run) -> None:
        """Send the last picture, then put the static one in the widget's place."""
        if self._display is None:
            self._show(run)
        self._send_keyframe(FULL_POINTS)
        from nbkeras.widgets.static_html import static_bundle

        self._display.update(static_bundle(run), raw=True)
        self._widget.close()
        fold(run, self._display)

    def _show(self, run: Run) -> None:
        from IPython.display import display

        self._display = display(live_bundle(run, self._widget), raw=True, display_id=True)
        self._known = (run.metrics, tuple(run.notes))
        self._sketch_due = time.monotonic() + SKETCH_EVERY


def live_bundle(run: RunRecord, widget: Any) -> dict[str, Any]:
    """Return what is displayed while a widget shows a run.

    JupyterLab with nbkeras's extension draws the second one, which works again when the page is closed
    and reopened while the kernel is busy; every other front end draws the widget.
    """
    message = widget.keyframe(SKETCH_POINTS if run.live else KEPT_POINTS)
    return {
        "text/plain": f"{run.name}: {run.status}",
        WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id},
        MIME: {
            "version": 1,
            "run": run.id,
            "comm": widget.model_id,
            "content": message.content,
            "buffers": [base64.b64encode(buffer).decode() for buffer in message.buffers],
        },
    }
