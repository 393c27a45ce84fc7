"""What a range test has found, and how its rate becomes the model's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.learning_rate import read_learning_rate, schedule_of
from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

shown_as: list[Callable[[RatesFound], dict[str, Any]]] = []
"""What a notebook shows of it; the last one counts."""


@dataclass(frozen=True, slots=True, repr=False)
class RatesFound:
    """What `nbkeras.lr_find` has found.

    Attributes:
        model: the model, which is as it was.
        rates: the learning rates that were tried, rising.
        losses: the loss of the batch at each rate.
        smoothed: the smooth curve of them, from which the suggestions are.
        suggestions: rates by name: ``"valley"``, ``"steepest"`` and ``"minimum/10"``; none where the loss did
            not fall.
        why: why the test ended: all rates were tried, the loss diverged, the time was over, an interrupt.
        seconds: that it took.
        notes: what else is to be known, a line each.
    """

    model: Any
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestions: dict[str, float]
    why: str
    seconds: float
    notes: tuple[str, ...] = field(default=())

    @property
    def suggested(self) -> float | None:
        """The rate of the valley, None where there is no suggestion."""
        return self.suggestions.get("valley")

    def use(self, rate: str | float = "valley") -> None:
        """Give the model's optimizer a rate, and print what it was before.

        Args:
            rate: the name of a suggestion, or a rate of your own. Default ``"valley"``.

        Raises:
            Refusal: for a name that is none of the suggestions, and for an optimizer whose rate follows a
                schedule.
        """
        print(self.used(rate))  # noqa: T201 - nothing silent

    def used(self, rate: str | float) -> str:
        """Do what `use` does, and return the line."""
        value = self._rate(rate)
        optimizer = getattr(self.model, "optimizer", None)
        schedule = schedule_of(optimizer)
        kind = type(getattr(optimizer, "inner_optimizer", optimizer)).__name__
        if schedule is not None:
            raise Refusal(
                f"use: expected an optimizer with a rate of its own, received {kind} with {schedule}: give "
                f"that schedule  {value:.2g} , or compile with  keras.optimizers.{kind}({value:.2g})"
            )
        before = read_learning_rate(optimizer)
        if before is None or optimizer is None:
            raise Refusal(f"use: expected a compiled model, received {self.model.name!r}: compile it again")
        optimizer.learning_rate = value
        return f"learning rate of {self.model.name}: {before:.3g} → {value:.3g}"

    def _rate(self, rate: str | float) -> float:
        if isinstance(rate, str):
            if rate not in self.suggestions:
                names = " , ".join(repr(name) for name in self.suggestions)
                raise Refusal(
                    f"use: expected {names or 'a rate, for there is no suggestion'}, received {rate!r}: "
                    f"type  found.use({next(iter(self.suggestions), 0.001)!r})"
                )
            return self.suggestions[rate]
        if isinstance(rate, bool) or not 0 < rate < float("inf"):
            raise Refusal(f"use: expected a rate above 0, received {rate!r}: type  found.use(0.001)")
        return float(rate)

    def lines(self) -> tuple[str, ...]:
        """Return what was found, in words."""
        tried = len(self.rates)
        span = f" from {self.rates[0]:.1e} to {self.rates[-1]:.1e}" if tried else ""
        taken = format_duration(self.seconds)
        first = f"{tried} rate{'s' * (tried != 1)}{span} in {taken}: {self.why}; the model is as it was"
        rates = " · ".join(f"{name} {rate:.2e}" for name, rate in self.suggestions.items())
        return (first, f"suggested: {rates}" if rates else _NOTHING, *self.notes)

    def __repr__(self) -> str:
        """Return the lines."""
        return "\n".join(self.lines())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return shown_as[-1](self) if shown_as else {"text/plain": repr(self)}


_NOTHING = (
    "no suggestion: the loss did not fall over rates enough; try more of them (steps), others (start, end), "
    "or a longer time (max_time)"
)
