"""What trying batch sizes has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.memory import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.training.batch_sizes.trials import Size

# A doubling that gives less than this is said not to pay; sizes that are nearer than this tell too little.
PAYS, APART = 0.05, 1.5

shown_as: list[Callable[[BatchSizesFound], dict[str, str]]] = []
"""What a notebook shows of it; the last one counts."""


@dataclass(frozen=True, slots=True, repr=False)
class BatchSizesFound:
    """What `nbkeras.batch_size_find` has found.

    Attributes:
        sizes: those that fit, rising, each with ``size``, ``seconds`` of a step, ``rate`` in samples a
            second, and ``memory`` in bytes.
        too_large: the smallest size that is known not to fit, None where all that were tried do.
        why: why it ended.
        seconds: that it took.
        notes: what else is to be known, a line each.
    """

    sizes: tuple[Size, ...]
    too_large: int | None
    why: str
    seconds: float
    notes: tuple[str, ...] = field(default=())

    @property
    def largest(self) -> int | None:
        """The largest size that fits, None where none does."""
        return self.sizes[-1].size if self.sizes else None

    @property
    def suggested(self) -> int | None:
        """The size from which twice as many samples in a batch give less than 5 % more samples a second."""
        for smaller in self.sizes:
            larger = next((each for each in self.sizes if each.size >= 2 * smaller.size), self.sizes[-1])
            times = larger.size / smaller.size
            if times >= APART and larger.rate < smaller.rate * (1 + PAYS) ** log2(times):
                return smaller.size
        return self.largest

    def lines(self) -> tuple[str, ...]:
        """Return what was found, in words."""
        first = f"{len(self.sizes)} batch sizes in {format_duration(self.seconds)}: {self.why}"
        if self.largest is None:
            return (first, *self.notes)
        pays = f"{self.suggested}: twice as much gives less than {PAYS:.0%} more samples a second"
        fits = f"all fit, up to {self.largest}"
        if self.too_large:
            fits = f"largest that fits: {self.largest}; {self.too_large} does not"
        if self.suggested == self.largest:
            why = "fits" if self.too_large else "was tried: more may pay"
            pays = f"{self.largest}, the largest that {why}"
        return (first, f"suggested: {pays}", fits, *self.notes)

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return the sizes as a table's rows: size, samples a second, milliseconds a step, memory."""
        return tuple(
            (
                f"{each.size:,}",
                f"{each.rate:,.0f}",
                f"{1000 * each.seconds:,.3g}",
                "-" if each.memory is None else format_bytes(each.memory),
            )
            for each in self.sizes
        )

    def __repr__(self) -> str:
        """Return the lines, and the sizes below them."""
        return "\n".join(
            [*self.lines(), *("  ".join(f"{cell:>12}" for cell in row) for row in self._table())]
        )

    def _table(self) -> tuple[tuple[str, ...], ...]:
        return (HEADER, *self.rows()) if self.sizes else ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return shown_as[-1](self) if shown_as else {"text/plain": repr(self)}


HEADER = ("batch size", "samples/s", "ms/step", "memory")
