"""What is done to the ``fit`` of a trial, and to the one of the probe that comes before all trials."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from nbkeras.callbacks.monitor import monitor_class
from nbkeras.callbacks.plan import Plan
from nbkeras.runtime.keras_lines import active_line, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.callback_lists import JoinedList
from nbkeras.training.calls import Call
from nbkeras.training.metric_names import refuse_unknown_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nbkeras.callbacks.interrupt import InterruptCount
    from nbkeras.runs.control import Control
    from nbkeras.runs.events import Fresh
    from nbkeras.runs.run import Run
    from nbkeras.training.calls import CallKind
    from nbkeras.training.tuning.objective import Objective

EPOCHS, FIRST_EPOCH = "tuner/epochs", "tuner/initial_epoch"


class FitReached(BaseException):
    """The probe has come to the fit. No ``except Exception`` of the user's catches it."""


class Probe:
    """Takes the call of ``fit`` and makes none: the values asked for so far are the search space."""

    def __init__(self) -> None:
        """Begin without a call."""
        self.reached: Call | None = None

    def call(self, kind: CallKind, method: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        """Let everything through but the ``fit``."""
        __tracebackhide__ = True
        if kind != "fit":
            return method(model, *args, **kwargs)
        # Wrong arguments are a TypeError in Keras's own words.
        self.reached = Call.of(kind, method, model, args, kwargs)
        self.reached.refuse_if_not_compiled()
        raise FitReached


@dataclass(slots=True)
class Orders:
    """What a trial is to do.

    Attributes:
        name: the name of its run.
        objective: what the search is for.
        epochs: epochs of a fit that does not say its own.
        values: KerasTuner's values, its own notes among them.
        parameters: what the run's record says.
        weights: the file for the weights of the best epoch.
        warm: the weights with which it begins, None for new ones.
        seconds: how long it may take, None for as long as it wants.
        interrupts: the interrupts of the whole search.
        control: the wishes for the whole search.
        on_tick: called while it trains, with its run.
    """

    name: str
    objective: Objective
    epochs: int | None
    values: dict[str, Any]
    parameters: dict[str, Any]
    weights: Path
    warm: Path | None
    seconds: float | None
    interrupts: InterruptCount
    control: Control
    on_tick: Callable[[Run], None]


class TrialFit:
    """Makes the one ``fit`` of a trial: monitored without a view, its best epoch's weights kept."""

    def __init__(self, orders: Orders) -> None:
        """Begin without a fit."""
        self.model: Any = None
        self.run: Run | None = None
        self.history: dict[str, list[float]] = {}
        self.epochs: list[int] = []
        self._best = math.nan
        self._orders = orders

    def call(self, kind: CallKind, method: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        """Make a call: a ``fit`` as the search wants it, everything else as it is."""
        __tracebackhide__ = True
        if kind != "fit":
            return method(model, *args, **kwargs)
        call = Call.of(kind, method, model, args, kwargs)
        self._refuse(call)
        self.model = model
        notes = self._change(call)
        line = line_of(model) or active_line()
        monitor = monitor_class(line)(plan=self._plan(call, notes))
        lambda_callback = keras_module(line).callbacks.LambdaCallback
        keep = lambda_callback(on_epoch_end=self._keep_best)
        watch = lambda_callback(on_train_begin=lambda logs: self._watch(monitor.run))  # noqa: ARG005
        with joined(call, [keep, monitor, watch]):
            try:
                result = call.run()
            except BaseException as error:
                monitor.close(error)
                raise
        monitor.close()
        self._take(getattr(result, "history", None), getattr(result, "epoch", None))
        return result

    def _watch(self, run: Run) -> None:
        self.run = run
        run.observe(self)

    def on_tick(self, run: Run, fresh: Fresh) -> None:  # noqa: ARG002 - an observer of the trial's run
        """Pass on a stop of the search, and tell the view."""
        control = self._orders.control
        if control.stopping and not run.control.stopping:
            run.control.stop(control.stop_reason)
        self._orders.on_tick(run)

    def on_end(self, run: Run) -> None:
        """End the search, too, when somebody has stopped its trial."""
        if run.control.stopping:
            self._orders.control.stop(run.control.stop_reason)

    def _refuse(self, call: Call) -> None:
        if self.model is not None:
            text = (
                "expected a cell with one fit, received a second one in the same trial: "
                "put the other one into a cell of its own"
            )
            raise Refusal(text)
        call.refuse_if_not_compiled()
        refuse_unknown_metric(call, self._orders.objective.name, "objective")

    def _change(self, call: Call) -> list[str]:
        """Set what the search asks for; return what is said about it."""
        orders = self._orders
        notes = []
        if not call.says("verbose"):
            call.set("verbose", 0)
            notes.append("Keras's progress bar off, verbose=1 keeps it")
        if EPOCHS in orders.values:
            # Hyperband says itself how long each trial trains, whatever the code says.
            first, last = int(orders.values[FIRST_EPOCH]), int(orders.values[EPOCHS])
            call.set("epochs", last)
            call.set("initial_epoch", first)
            notes.append(f"epochs {first + 1} to {last} by Hyperband")
        elif orders.epochs is not None and not call.says("epochs"):
            call.set("epochs", orders.epochs)
            notes.append(f"epochs={orders.epochs} by --epochs")
        if orders.warm is not None:
            load(call.model, orders.warm)
        return [" · ".join(notes)] if notes else []

    def _plan(self, call: Call, notes: list[str]) -> Plan:
        orders = self._orders
        return Plan(
            name=orders.name,
            batch_size=call.batch_size,
            max_time=orders.seconds,
            view=False,
            notes=notes,
            parameters={"batch_size": call.batch_size, **orders.parameters},
            interrupts=orders.interrupts,
        )

    def _keep_best(self, epoch: int, logs: Any) -> None:  # noqa: ARG002 - Keras passes it
        """Keep the weights of an epoch that is the best one so far."""
        objective = self._orders.objective
        if objective.name not in (logs or {}):
            self._refuse_without(logs or {})
        value = _number(logs[objective.name])
        if objective.better(value, self._best):
            self._best = value
            self.model.save_weights(str(self._orders.weights))

    def _refuse_without(self, names: Any) -> NoReturn:
        has = ", ".join(map(str, names)) or "nothing"
        text = (
            f"objective: expected a metric that the fit reports ({has}), received "
            f"{self._orders.objective.name!r}: take one of them"
        )
        raise Refusal(text)

    def _take(self, history: Any, epochs: Any) -> None:
        if not isinstance(history, dict) or not isinstance(epochs, list):
            return
        self.history = {str(key): [_number(each) for each in values] for key, values in history.items()}
        self.epochs = [int(epoch) + 1 for epoch in epochs]


@contextmanager
def joined(call: Call, more: list[Any]) -> Iterator[None]:
    """Join callbacks to those of a call while it lasts."""
    own = call.get("callbacks")
    if hasattr(own, "callbacks"):
        # Keras uses a CallbackList as it is.
        members = JoinedList(own, call.model, more)
        try:
            yield
        finally:
            members.leave()
        return
    call.set("callbacks", [*(own if isinstance(own, (list, tuple)) else [] if own is None else [own]), *more])
    yield


def load(model: Any, weights: Path) -> None:
    """Load the weights that a trial has kept; a model without an input shape is built as it was then."""
    shape = weights.with_name("build_config.json")
    if not model.built and shape.exists():
        model.build_from_config(json.loads(shape.read_text(encoding="utf-8")))
    model.load_weights(str(weights))


def keep_shape(model: Any, weights: Path) -> None:
    """Write beside its weights how a model was built, as KerasTuner does."""
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    if config:
        text = json.dumps(config, default=str)
        weights.with_name("build_config.json").write_text(text, encoding="utf-8")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        # A metric that is an array has no place in a search.
        return math.nan
