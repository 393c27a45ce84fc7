"""`Monitor`: the Keras callback that records a training and shows it live."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from nbkeras.callbacks.batch_hooks import StraightHooks, hooks_caller
from nbkeras.callbacks.interrupt import count_here
from nbkeras.callbacks.model_facts import is_used, metric_directions, model_facts
from nbkeras.callbacks.plan import Continued, Plan
from nbkeras.callbacks.recorder import TICK, Recorder
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.keras_lines import Line, active_line, keras_module, line_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from types import FrameType

    from nbkeras.runs.run import Run
    from nbkeras.runs.vocabulary import Kind

    Logs: TypeAlias = Mapping[str, Any] | None


class MonitorHooks:
    """Shows a training live and records it in the run log.

    Put it last in the ``callbacks`` of ``fit``, ``evaluate`` or ``predict``: it opens the monitor in a
    notebook and one updating line in a terminal. It may be used again for another call; each call makes
    a new run. Pass ``verbose=0`` to ``fit``, else Keras draws its own progress bar as well; in a terminal the
    bar then stands in place of the monitor's line.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> monitor = nbkeras.Monitor(name="line")
        >>> history = model.fit(np.ones((8, 1)), np.ones((8, 1)), verbose=0, callbacks=[monitor])
        >>> monitor.run.status
        'finished'

    Args:
        name: name of the run; by default the model's name.
        max_time: stop after this time of training: seconds, a ``timedelta``, or text such as ``"10m"``;
            by default never.
        view: show the run while it goes on. Default True; False records it only.
        plan: what ``%%fit`` knows of the call; it stands for all of the above. Default None.

    Raises:
        Refusal: when ``max_time`` is no time.
    """

    # Keras 3: batch hooks run in the training's own thread and in order, because Colab drops messages
    # from other threads.
    async_safe = False
    # Seconds between two ticks of its runs.
    _tick = TICK

    def __init__(
        self,
        name: str | None = None,
        *,
        max_time: str | float | timedelta | None = None,
        view: bool = True,
        plan: Plan | None = None,
    ) -> None:
        super().__init__()
        # tf_keras: hand over the tensors of a batch as they are; they become numbers on ticks only.
        self._supports_tf_logs = True
        self._in_session = plan is not None
        if plan is None:
            seconds = None if max_time is None else parse_duration(max_time, option="max_time")
            plan = Plan(name=str(name or ""), max_time=seconds, view=view)
        self._plan = plan
        self.asked: Plan | None = None
        """What a session asks of the next run; what this Monitor was given itself goes before it."""
        self._kind: Kind = "fit"
        self._recorder: Recorder | None = None
        self._straight = StraightHooks()
        self._step_end: Any = None
        self._results = plan.results
        self._fitting = False

    @property
    def name(self) -> str:
        """The name that it gives its runs, "" for the model's."""
        return self._plan.name

    @property
    def max_time(self) -> float | None:
        """The seconds after which it stops a training, None for never."""
        return self._plan.max_time

    @property
    def run(self) -> Run | None:
        """The run that was recorded last, None before the first."""
        return None if self._recorder is None else self._recorder.run

    def close(self, error: BaseException | None = None) -> None:
        """Close a run whose call did not come to its end.

        ``%%fit`` calls it for every call it monitors; a plain ``fit`` that raises leaves its run open
        until the cell has ended.
        """
        self.asked = None
        recorder = self._recorder
        if recorder is None:
            return
        self._fitting = False
        self._straight.remove()
        if error is None:
            recorder.end_as_asked()
        else:
            recorder.fail(error)

    def continue_run(self, run: str, continued: Continued) -> None:
        """Let the next run be an earlier one that goes on."""
        plan = self._plan if self.asked is None else self.asked
        plan = replace(plan, id=run, continues=continued)
        if self.asked is None:
            self._plan = plan
        else:
            self.asked = plan

    def get_state(self) -> dict[str, Any]:
        """Return where the run is, for an exact backup."""
        return {} if self._recorder is None else {**self._recorder.position()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the run from where a backup was made."""
        if state:
            self._live.go_on(state)

    def __reduce__(self) -> Any:
        """Copy and pickle as a fresh Monitor: a run has one writer (KerasTuner copies its callbacks)."""
        return _fresh, (line_of(self), self._plan, self._in_session)

    # Keras calls the methods below.

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Begin a run of kind fit."""
        self._begin("fit", _callers_caller(), hooks_caller())
        self._fitting = True

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Note that an epoch begins."""
        self._live.epoch_begin(epoch + 1)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Note a step."""
        self._step_end(batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note an epoch's metrics."""
        run = self._live.run
        if not run.directions:
            # Keras makes the metrics of a compile when it meets the first batch.
            run.directions = metric_directions(self.model)  # type: ignore[attr-defined]
        self._live.epoch_end(epoch + 1, logs)

    def on_train_end(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Close the run."""
        self._fitting = False
        self._straight.remove()
        if self._results is not None:
            self._results(self.model, self._live.run)  # type: ignore[attr-defined]
        self._live.end_as_asked(reason=self._why_it_ended())

    def on_test_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Begin a run of kind evaluate, or the validation of the fit under way."""
        # A plain fit that an error has ended says nothing of it: the evaluation after it is one of its own.
        self._fitting = self._fitting and self._live.goes_on
        if self._fitting:
            self._live.validation_begin()
        else:
            self._begin("evaluate", _callers_caller(), hooks_caller())

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Note a step of it."""
        if self._fitting:
            self._live.validation_step_end(batch + 1)
        else:
            self._step_end(batch + 1, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Close a run of kind evaluate."""
        if not self._fitting:
            self._straight.remove()
            self._live.end_as_asked(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Begin a run of kind predict."""
        self._begin("predict", _callers_caller(), hooks_caller())

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Note a step of it."""
        self._step_end(batch + 1, None)

    def on_predict_end(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Close the run."""
        self._straight.remove()
        self._live.end_as_asked()

    # tf_keras asks these before it calls the batch hooks; Keras 3's base class lacks them.

    def _implements_train_batch_hooks(self) -> bool:
        return True

    def _implements_test_batch_hooks(self) -> bool:
        return True

    def _implements_predict_batch_hooks(self) -> bool:
        return True

    @property
    def _live(self) -> Recorder:
        if self._recorder is None:
            self._begin("fit", None, None)
        assert self._recorder is not None  # noqa: S101 - _begin has just made it
        return self._recorder

    def _begin(self, kind: Kind, host: Any, caller: Any) -> None:
        model = self.model  # type: ignore[attr-defined]  # Keras's base class brings model and params
        params = self.params or {}  # type: ignore[attr-defined]
        given = self._plan if self.asked is None else _joined(self._plan, self.asked)
        plan = replace(
            given,
            kind=kind,
            name=given.name or str(getattr(model, "name", "") or kind),
            epochs=self._epochs_of(params) if kind == "fit" else 1,
            drawn=bool(params.get("verbose")),
            parameters={**model_facts(model, kind), **given.parameters},
            # The calls of one cell share the count of its interrupts; in a script each plain fit has its own.
            interrupts=given.interrupts if self._in_session or self.asked else count_here(),
        )
        if kind == "fit":
            plan.parameters["epochs"] = plan.epochs
        self.asked = None
        # An id is good for one run.
        self._plan = replace(self._plan, id=None, continues=None)
        self._kind = kind
        self._results = plan.results
        optimizer = getattr(model, "optimizer", None) if kind == "fit" else None
        steps = params.get("steps")
        self._recorder = Recorder(
            plan,
            stop=self._stop,
            optimizer=optimizer,
            is_used=lambda: is_used(model, optimizer),
            steps=steps,
            host=host,
            tick=self._tick,
        )
        self._step_end = self._recorder.step_end
        self._straight.set(caller, self)

    def _epochs_of(self, params: Mapping[str, Any]) -> int | None:
        return params.get("epochs")

    def _stop(self) -> None:
        if self._kind == "fit":
            self.model.stop_training = True  # type: ignore[attr-defined]
        else:
            # There is nothing to keep of half an evaluation, and half a prediction would mislead.
            raise KeyboardInterrupt

    def _why_it_ended(self) -> str:
        progress = self._live.run.progress
        early = progress.epochs is not None and 0 < progress.epoch < progress.epochs
        return f"ended by a callback after epoch {progress.epoch}" if early else ""


def _joined(own: Plan, asked: Plan) -> Plan:
    """Return what a session asks for, with what a Monitor of the user's says itself in place of it."""
    limit = asked.max_time if own.max_time is None else own.max_time
    return replace(asked, name=own.name or asked.name, max_time=limit, view=own.view and asked.view)


def _fresh(line: Line | None, plan: Plan, in_session: bool) -> Any:  # noqa: FBT001 - pickle passes by place
    monitor = monitor_class(line)(plan=replace(plan, id=None))
    monitor._in_session = in_session  # noqa: SLF001 - own class
    return monitor


def _callers_caller() -> FrameType:
    # From a hook that is _callers_caller, hook, CallbackList, fit: the frame of fit itself.
    return sys._getframe(3)  # noqa: SLF001 - CPython's documented way to a frame


@functools.lru_cache(maxsize=2)
def monitor_class(line: Line | None = None) -> type[Any]:
    """Return `Monitor` as a callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    members = {"__doc__": MonitorHooks.__doc__, "__module__": "nbkeras"}
    return type("Monitor", (MonitorHooks, base), members)
