"""The monitor as a widget: one per view of a run."""

from __future__ import annotations

import functools
import gzip
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from ipywidgets import Layout, Widget, widget_serialization

from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.offer import controls_of
from nbkeras.widgets.protocol import FULL_POINTS, Message, keyframe

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord

_STATIC = Path(__file__).parent / "static"


class ViewCode(Widget):  # type: ignore[misc]  # ipywidgets is untyped
    """The view's JavaScript, sent to the front end once per kernel instead of once per run."""

    source = traitlets.Bytes(help="The ES module, gzipped.").tag(sync=True)
    digest = traitlets.Unicode(help="SHA-256 of the module, by which a page keeps it.").tag(sync=True)


class MonitorWidget(anywidget.AnyWidget):
    """A monitor of one run; what it shows comes by `post` and, for a view opened late, by `snapshot`."""

    _esm = _STATIC / "bootstrap.js"

    code = traitlets.Instance(ViewCode).tag(sync=True, **widget_serialization)
    run_id = traitlets.Unicode().tag(sync=True)
    # Made when the front end asks for the state, so that it is never stale and never sent for nothing.
    snapshot = traitlets.Any().tag(sync=True, to_json=lambda _, widget: widget.picture())

    def __init__(self, run: RunRecord) -> None:
        """Make a monitor of a run; display it to show it."""
        self._run = run
        self.seq = 0
        super().__init__(code=view_code(), layout=_layout(), run_id=run.id)

    def picture(self) -> dict[str, Any]:
        """Return the whole picture, as the state carries it."""
        message = self.keyframe()
        return {"content": message.content, "buffers": message.buffers}

    def keyframe(self, points: int = FULL_POINTS) -> Message:
        """Return the run's picture as it is now, in at most so many points."""
        return keyframe(self._run, self.seq, controls_of(self._run), points=points)

    def post(self, message: Message) -> None:
        """Send a message to all views of this monitor."""
        self.send(message.content, message.buffers)


@functools.lru_cache(maxsize=1)
def view_code() -> ViewCode:
    """Return the kernel's one `ViewCode`.

    Raises:
        Refusal: when the package was put together without its view.
    """
    try:
        module = (_STATIC / "monitor.js").read_bytes()
    except FileNotFoundError:
        text = "this installation lacks the monitor's view: type  %pip install --force-reinstall nbkeras"
        raise Refusal(text) from None
    # mtime 0: the same module gives the same bytes.
    return ViewCode(source=gzip.compress(module, mtime=0), digest=hashlib.sha256(module).hexdigest())


@functools.lru_cache(maxsize=1)
def _layout() -> Any:
    """Return the one layout of all monitors: ipywidgets would make, send and keep another for each."""
    return Layout()
