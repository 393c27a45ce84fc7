"""What is known of a difference between two runs, and what a cause of it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkeras.reproducibility.proof.comparing import Difference
    from nbkeras.reproducibility.proof.source import Evidence, Source
    from nbkeras.reproducibility.proof.trace import Fit, Trace, Value

SEED = "`keras.utils.set_random_seed(1)` as the first line of the cell, or `%%fit --seed 1`"
UNKNOWN = "`%seed 1 --deterministic`, and make everything that the cell uses in the cell itself"
# Kinds of difference that what the cell draws or reads by itself can make.
DRAWN = frozenset({"data", "variables", "weights", "length"})


@dataclass(frozen=True, slots=True)
class Cause:
    """What makes two runs differ, most probably.

    Attributes:
        name: a few words.
        why: what speaks for it.
        fix: what to type.
        weight: how sure it is, up to 100.
    """

    name: str
    why: str
    fix: str
    weight: int


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of a difference."""

    one: Trace
    other: Trace
    difference: Difference
    source: Source
    held: frozenset[str] = frozenset()
    """Names of datasets that an earlier cell has made and this one trains on."""

    @property
    def fit(self) -> Fit | None:
        """The training of the first run in which they differ."""
        return self.one.fits[self.difference.fit] if self.difference.fit < len(self.one.fits) else None

    @property
    def fits(self) -> tuple[Fit, Fit] | None:
        """Both trainings in which they differ."""
        at = self.difference.fit
        both = at < min(len(self.one.fits), len(self.other.fits))
        return (self.one.fits[at], self.other.fits[at]) if both else None

    @property
    def is_seeded(self) -> bool:
        """Whether the cell seeds by itself."""
        return self.source.seeded_above or bool(self.source.of_kind("seed"))

    def before(self) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the variables as they were before the training, or at the end where there was none."""
        fits = self.fits
        return (self.one.end, self.other.end) if fits is None else (fits[0].variables, fits[1].variables)


def at(place: Evidence) -> str:
    """Say where in the cell something stands."""
    where = f"the function {place.function}" if place.function else f"line {place.line}"
    return f"{where}, {place.text}"
