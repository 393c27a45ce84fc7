"""Writes one run: what `Monitor` and `nbkeras.track` have in common.

The recorder is called at the end of every batch and must cost next to nothing there: between two ticks it
compares a clock with a number. On a tick (at most ten a second) it reads the metrics, obeys what a view
asked for, and hands what is new to the run's observers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks import open_runs
from nbkeras.callbacks.frames import is_alive
from nbkeras.callbacks.interrupt import GracefulInterrupt
from nbkeras.callbacks.learning_rate import read_learning_rate, write_learning_rate
from nbkeras.callbacks.model_facts import optimizer_facts
from nbkeras.callbacks.pace import Pace
from nbkeras.runs import registry
from nbkeras.runtime import hardware
from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from nbkeras.callbacks.plan import Plan
    from nbkeras.runs.run import Run
    from nbkeras.runs.vocabulary import Status

# Seconds between two ticks.
TICK = 0.1
# A tick may cost this share of the time: where a front end makes ticks dear, they become rarer.
TICK_SHARE = 0.01
# Seconds between two ticks at the most, however dear they are.
LONGEST_TICK = 1.0
# Seconds between two looks at memory and learning rate, which cost more than a metric.
SLOW_TICK = 1.0


class Recorder:
    """Turns the events of one training into a `Run`."""

    def __init__(
        self,
        plan: Plan,
        *,
        stop: Callable[[], None],
        optimizer: Any = None,
        is_used: Callable[[], bool] = lambda: True,
        steps: int | None = None,
        host: FrameType | None = None,
        tick: float = TICK,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin a run.

        Args:
            plan: what is known of it.
            stop: called in the training's thread when the run shall end after this batch.
            optimizer: the one whose learning rate is shown and can be set, None for none.
            is_used: whether the training uses it; until it does, it is taken for none.
            steps: steps per epoch, None when unknown.
            host: a frame that lives exactly as long as the training, for the interrupt handler.
            tick: seconds between two ticks. Default 0.1.
            clock: seconds, ever rising.
        """
        open_runs.close_abandoned(None)
        self.host = host
        self._plan = plan
        self._stop = stop
        self._optimizer: Any = None
        self._waiting = optimizer
        self._is_used = is_used
        self._tick_length = tick
        self._clock = clock
        self._pace = Pace()
        self.run: Run = registry.begin(
            plan.kind,
            plan.name,
            plan.parameters,
            hardware.environment(),
            id=plan.id,
            notes=plan.notes,
            shown=plan.view,
            drawn=plan.drawn,
            continues=None if plan.continues is None else (plan.continues.steps, plan.continues.epochs),
            history=None if plan.continues is None else plan.continues.history,
        )
        self._control = self.run.control
        self._interrupt = GracefulInterrupt(self._control, plan.interrupts)
        self._interrupt.install(host)
        progress = self.run.progress
        progress.phase = "predict" if plan.kind == "predict" else "train"
        progress.epochs = plan.epochs
        progress.steps = steps
        self._base = 0
        self._step = 0
        self._validation_step = 0
        self._last_logged = -1
        self._told_stop = False
        self._paused_for = 0.0
        self._carried = 0.0
        self._began = clock()
        self._cost = 0.0
        self._due = self._began
        self._look(self._began)
        open_runs.opened(self)
        self.run.tick()

    @property
    def goes_on(self) -> bool:
        """Whether the training has not been left."""
        return self.run.ended is None and (self.host is None or is_alive(self.host))

    def epoch_begin(self, epoch: int) -> None:
        """Note the beginning of an epoch, counted from 1."""
        progress = self.run.progress
        progress.phase = "train"
        progress.epoch = epoch
        self._base += self._step
        self._step = 0
        self._pace.epoch_began(self._elapsed(self._clock()), self._base)

    def position(self) -> dict[str, float]:
        """Return where the run is, for `go_on`."""
        done = self._base + self._step
        return {"done": done, "step": self._step, "elapsed": self._elapsed(self._clock())}

    def next_part(self, optimizer: Any, is_used: Callable[[], bool], steps: int | None) -> None:
        """Go on with the run in another ``fit``, with an optimizer and a pace of its own."""
        self._optimizer, self._waiting, self._is_used = None, optimizer, is_used
        self.run.progress.steps = steps
        # Where the run is by now: a mark that comes next stands there.
        now = self._clock()
        self._measure(now)
        self._pace = Pace()
        self._look(now)

    def go_on(self, position: Mapping[str, float], *, marked: bool = True) -> None:
        """Go on with a run from where it was; what this process needed to get there is left out."""
        now = self._clock()
        self._step = int(position["step"])
        self._base = int(position["done"]) - self._step
        self._carried = position["elapsed"]
        self._began, self._paused_for = now - self._carried, 0.0
        self._last_logged = self._base + self._step
        self._pace = Pace()
        self._measure(now)
        if marked:
            self.run.add_event("resumed from a backup")
        self.run.tick()

    def step_end(self, step: int, logs: Mapping[str, Any] | None) -> None:
        """Note that ``step`` steps of this epoch are done."""
        self._step = step
        if self._control.pending or self._clock() >= self._due:
            self._tick(logs)

    def validation_begin(self) -> None:
        """Note that the validation of this epoch begins."""
        progress = self.run.progress
        progress.phase = "validate"
        progress.validation_step = 0

    def validation_step_end(self, step: int) -> None:
        """Note that ``step`` steps of the validation are done."""
        self._validation_step = step
        if self._control.pending or self._clock() >= self._due:
            self.run.progress.validation_step = step
            self._tick(None)

    def epoch_end(self, epoch: int, logs: Mapping[str, Any] | None) -> None:
        """Note the end of an epoch, with its metrics."""
        progress = self.run.progress
        progress.phase = "train"
        # What the data did not tell, the first epoch has shown.
        if progress.steps is None and not self._control.stopping:
            progress.steps = self._step or None
        progress.validation_steps = self._validation_step or progress.validation_steps
        self.run.record_epoch(epoch, scalars(logs))
        self._pace.epoch_ended(self._elapsed(self._clock()))
        if self._control.pending or self._clock() >= self._due:
            self._tick(None)

    def end(self, status: Status, reason: str = "", logs: Mapping[str, Any] | None = None) -> None:
        """Close the run; a second call does nothing."""
        with self._interrupt.held(repeat=status != "interrupted"):
            open_runs.closed(self)
            # A frame holds all that the training had in hand, the data too.
            self.host = None
            if self.run.ended is not None:
                return
            if logs:
                self.run.record_epoch(max(1, self.run.progress.epoch), scalars(logs))
            now = self._clock()
            self._measure(now)
            self._look(now)
            self.run.finish(status, reason)

    def end_as_asked(self, logs: Mapping[str, Any] | None = None, reason: str = "") -> None:
        """Close a run whose training came back by itself: finished, or stopped on request."""
        if self._control.stopping:
            self.end("stopped", self._control.stop_reason, logs)
        else:
            self.end("finished", reason, logs)

    def fail(self, error: BaseException | None) -> None:
        """Close a run whose training was left; without an error, nobody has said why."""
        if error is None and self._plan.kind == "loop":
            self.end("stopped", "left before its end")
        elif error is None:
            self.end("failed", "left by an error that was caught")
        elif isinstance(error, KeyboardInterrupt):
            self.end("interrupted", "interrupt")
        else:
            first = (str(error).strip().splitlines() or [""])[0]
            self.end("failed", f"{type(error).__name__}: {first[:200]}")

    def _elapsed(self, now: float) -> float:
        return now - self._began - self._paused_for

    def _tick(self, logs: Mapping[str, Any] | None) -> None:
        now = self._clock()
        self._measure(now)
        done = self._base + self._step
        if logs and done != self._last_logged:
            self._last_logged = done
            self.run.record_step(done, scalars(logs))
        limit = self._plan.max_time
        if limit is not None and self._elapsed(now) - self._carried >= limit and not self._control.stopping:
            self._control.stop(f"time limit of {format_duration(limit)}")
        snapshot = self._obey()
        self.run.tick(snapshot=snapshot)
        self._cost += 0.3 * (self._clock() - now - self._cost)
        self._due = now + max(self._tick_length, min(LONGEST_TICK, self._cost / TICK_SHARE))
        if self._control.stopping:
            self._stop()
        elif self._control.paused:
            self._pause()

    def _measure(self, now: float) -> None:
        elapsed = self._elapsed(now)
        progress = self.run.progress
        pace = self._pace
        done = self._base + self._step
        if progress.phase != "validate":
            pace.stepped(elapsed, done)
        progress.step = self._step
        progress.done = done
        progress.elapsed = elapsed
        epochs_left = None if progress.epochs is None else max(0, progress.epochs - max(1, progress.epoch))
        steps_left = None if progress.steps is None else max(0, progress.steps - self._step)
        progress.remaining = pace.remaining(elapsed, epochs_left, steps_left)
        progress.step_rate = pace.step_rate
        size = self._plan.batch_size
        progress.sample_rate = None if size is None or pace.step_rate is None else pace.step_rate * size
        if now >= self._slow_due:
            self._look(now)

    def _look(self, now: float) -> None:
        """Look at what costs more than a metric; first before training, so that no batch pays for imports."""
        self._slow_due = now + SLOW_TICK
        self._take_optimizer()
        progress = self.run.progress
        progress.memory = hardware.process_memory()
        progress.gpu_memory = hardware.gpu_memory()
        progress.learning_rate = read_learning_rate(self._optimizer)

    def _take_optimizer(self) -> None:
        """Take the optimizer as soon as it is seen to be the one that trains."""
        if self._waiting is not None and self._is_used():
            self._optimizer, self._waiting = self._waiting, None
            for name, fact in optimizer_facts(self._optimizer).items():
                self.run.parameters.setdefault(name, fact)

    def _obey(self) -> bool:
        commands = self._control.take()
        if commands.learning_rate is not None:
            self._set_learning_rate(commands.learning_rate)
        if commands.stop and not self._told_stop:
            self._told_stop = True
            self.run.add_event(f"stopping: {self._control.stop_reason}")
        return commands.snapshot

    def _set_learning_rate(self, value: float) -> None:
        self._take_optimizer()
        try:
            write_learning_rate(self._optimizer, value)
        except Refusal as refusal:
            self.run.add_event(str(refusal))
        else:
            self.run.progress.learning_rate = value
            self.run.add_event(f"learning rate set to {value:g}")

    def _pause(self) -> None:
        began = self._clock()
        self.run.set_status("paused")
        self.run.add_event("paused")
        self.run.tick()
        # Waking twice a second keeps the views alive: a page that is opened meanwhile finds its picture.
        while self._control.wait_while_paused(0.5):
            self.run.tick(snapshot=self._obey())
        self._paused_for += self._clock() - began
        self.run.set_status("running")
        self.run.add_event("resumed")
        self.run.tick(snapshot=self._obey())
        if self._control.stopping:
            self._stop()


def scalars(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the values of Keras's logs that are single numbers, as floats: the losses first.

    Keras 3 hands over its logs in alphabetical order, tf_keras with the loss in front, where people look.
    """
    values = _numbers(logs or {})
    names = sorted(values, key=lambda name: (name.startswith("val_"), name.removeprefix("val_") != "loss"))
    return {name: values[name] for name in names}


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, value in logs.items():
        if isinstance(value, dict):
            # A metric may return several values by name; Keras's own callbacks see them side by side, too.
            values |= _numbers(value)
            continue
        try:
            values[name] = float(value)
        except (TypeError, ValueError):
            # A metric may return an array (a confusion matrix): there is no curve of it.
            continue
    return values
