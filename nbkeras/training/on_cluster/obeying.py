"""A worker's monitor: carries out what is asked of all workers after the step that rank 0 has chosen."""

from __future__ import annotations

import functools
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.monitor import MonitorHooks
from nbkeras.cluster import worker
from nbkeras.cluster.commands import AHEAD, LEARNING_RATE, PAUSE, RESUME, STOP, number_of
from nbkeras.runtime.keras_lines import Line, active_line, keras_module

if TYPE_CHECKING:
    from nbkeras.callbacks.plan import Continued
    from nbkeras.cluster.commands import Commands
    from nbkeras.runs.run import Run

# Seconds between two looks whether a pause is over.
_LOOK = 0.05


class Obeying:
    """What one worker knows of the wishes of its notebook."""

    def __init__(self, commands: Commands, *, decides: bool) -> None:
        """Begin with a cell; what was asked before is not for it.

        Args:
            commands: the file of the cluster.
            decides: whether this is rank 0.
        """
        self._commands = commands
        self._decides = decides
        self._done = commands.decided_number
        self._call = 0
        self._step = 0
        self._run: Run | None = None

    def step_ends(self, run: Run) -> None:
        """Look after a step of a call; its run's own control gets what is to be done."""
        if run is not self._run:
            self._run, self._call, self._step = run, self._call + 1, 0
        self._step += 1
        commands = self._commands
        # There is room for one decision: the last one must be carried out, or it would be lost.
        if self._decides and commands.asked_number != commands.decided_number == self._done:
            self._decide(run)
        if commands.decided_number == self._done:
            return
        wish = commands.decided()
        if wish.call == self._call and wish.step > self._step:
            return
        self._done = wish.number
        if wish.call != self._call:
            return
        if wish.what == STOP:
            run.control.stop("asked in the notebook")
        elif wish.what == LEARNING_RATE:
            run.control.set_learning_rate(wish.value)

    def _decide(self, run: Run) -> None:
        asked = self._commands.asked()
        # One that came when its own run had ended is carried out by none.
        is_meant = asked.run == number_of(run.id)
        self._commands.decide(replace(asked, call=self._call if is_meant else 0, step=self._step + AHEAD))
        if asked.what == PAUSE and is_meant:
            # The others wait for rank 0 in their next step: only it needs to pause.
            run.control.pause()
            threading.Thread(target=self._resume, args=(run, asked.number), daemon=True).start()

    def _resume(self, run: Run, pause: int) -> None:
        tick = threading.Event()
        while self._commands.asked_number == pause and run.live:
            tick.wait(_LOOK)
        asked = self._commands.asked()
        if asked.what == RESUME:
            self._commands.decide(asked)
        run.control.resume()


class WorkerMonitorHooks(MonitorHooks):
    """The monitor of a worker."""

    # A tick takes 0.8 ms here, and as long in the notebook's process, which may share the workers' cores.
    _tick = 0.25
    obeying: Obeying
    continued: dict[str, Continued]

    def continue_run(self, run: str, continued: Continued) -> None:
        """Note it, too: the notebook's run goes on as well."""
        self.continued[run] = continued
        super().continue_run(run, continued)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look what is asked for, then note the step."""
        self.obeying.step_ends(self._live.run)
        super().on_train_batch_end(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do the same, outside the validation of a ``fit``: that ends with the next step."""
        if not self._fitting:
            self.obeying.step_ends(self._live.run)
        super().on_test_batch_end(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do the same."""
        self.obeying.step_ends(self._live.run)
        super().on_predict_batch_end(batch, logs)


def begin_obeying() -> Obeying:
    """Return what the monitors of this worker's cell share."""
    here = worker.here()
    return Obeying(here.commands, decides=here.rank == 0)


@functools.lru_cache(maxsize=2)
def worker_monitor_class(line: Line | None = None) -> type[Any]:
    """Return the monitor of a worker as a callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    return type("Monitor", (WorkerMonitorHooks, base), {"__module__": "nbkeras"})
