"""A `Monitor` whose run lasts over several ``fit``s, with a mark where each begins."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.model_facts import is_used
from nbkeras.callbacks.monitor import MonitorHooks
from nbkeras.runtime.keras_lines import Line, active_line, keras_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from nbkeras.callbacks.plan import Continued
    from nbkeras.runs.vocabulary import Kind


class StagedMonitorHooks(MonitorHooks):
    """Records the stages of one training as one run: `finish` ends it.

    Attributes:
        host: the frame that lives as long as all stages.
        note: what is said above the monitor of the coming stage, "" for nothing.
        mark: what is said where the coming stage begins, "" where an earlier process has said it.
        epochs: those of all stages, as far as they are known.
        whole: how far all stages together had come, where they go on.
        passes: whether the coming stage is finished, and gives what it came to.
        said: notes of the whole run.
    """

    host: FrameType | None = None
    note: str = ""
    mark: str = ""
    epochs: int = 0
    whole: Continued | None = None
    passes: bool = False
    said: tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether somebody has asked the run to stop."""
        return self.run is not None and self.run.control.stopping

    def finish(self) -> None:
        """End the run."""
        super().close()

    def close(self, error: BaseException | None = None) -> None:
        """Close the run if its call was left by an error; the end of one call is not its own."""
        if error is not None:
            super().close(error)
        self.asked = None

    def continue_run(self, run: str, continued: Continued) -> None:
        """Let the run be an earlier one that goes on, with all its stages."""
        if not self._is_open:
            super().continue_run(run, continued if self.whole is None else self.whole)

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from where a backup was made; what is finished needs no mark."""
        if state:
            self._live.go_on(state, marked=not self.passes)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Note what the stage came to."""
        self._fitting = False
        self._straight.remove()
        if self._results is not None:
            self._results(self.model, self._live.run)  # type: ignore[attr-defined]

    @property
    def _is_open(self) -> bool:
        return self.run is not None and self.run.ended is None

    def _begin(self, kind: Kind, host: Any, caller: Any) -> None:
        if kind == "fit" and self._is_open:
            self._next_stage(caller)
        else:
            super()._begin(kind, self.host or host, caller)
        if kind == "fit":
            run = self._live.run
            for note in (*self.said, *filter(None, (self.note,))):
                run.add_note(note)
            if self.mark:
                run.add_event(self.mark)
            run.tick()

    def _epochs_of(self, params: Mapping[str, Any]) -> int | None:  # noqa: ARG002 - it knows one stage's
        return self.epochs

    def _next_stage(self, caller: Any) -> None:
        asked, self.asked = self.asked, None
        recorder, model = self._live, self.model  # type: ignore[attr-defined]
        if asked is not None:
            self._results = asked.results
            for note in asked.notes:
                recorder.run.add_note(note)
        optimizer = model.optimizer
        steps = (self.params or {}).get("steps")  # type: ignore[attr-defined]
        # Early stopping may have ended the stage before.
        recorder.run.progress.epochs = recorder.run.parameters["epochs"] = self.epochs
        recorder.next_part(optimizer, lambda: is_used(model, optimizer), steps)
        self._straight.set(caller, self)


@functools.lru_cache(maxsize=2)
def staged_monitor_class(line: Line | None = None) -> type[Any]:
    """Return the callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    members = {"__doc__": StagedMonitorHooks.__doc__, "__module__": "nbkeras"}
    return type("StagedMonitor", (StagedMonitorHooks, base), members)
