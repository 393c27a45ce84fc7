"""Compares two runs of a cell and finds the first thing in which they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from nbkeras.reproducibility.fingerprint import plain_name
from nbkeras.reproducibility.proof.trace import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.reproducibility.proof.trace import Batch, Fit, Pairs, Trace

Kind = Literal[
    "error", "length", "architecture", "weights", "optimizer", "data", "step", "history", "variables"
]
How = Literal["", "order", "order in the batch", "values", "samples"]

LAST = "the value of its last line"
"""What stands for the value of a cell's last line among its variables."""
RETURNED = "what it returns"
"""What stands for the value of a function."""
_NAMES = 3
_NONE = Value("no value", "")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared, in words; ``same`` None where it could not be seen."""

    what: str
    same: bool | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which two runs differ.

    Attributes:
        kind: what it is.
        words: it in a few words.
        fit: which ``fit`` of the cell, from 0.
        step: after which step of it, or in which batch; 0 before training.
        how: in what way data differ.
        names: what differs, by the names of the first run.
    """

    kind: Kind
    words: str
    fit: int = 0
    step: int = 0
    how: How = ""
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Comparison:
    """What came of comparing two runs.

    Attributes:
        checks: what was compared, in the order in which it happened.
        difference: the first one, None where there is none.
        compared: how many variables at the end were.
    """

    checks: list[Check]
    difference: Difference | None = None
    compared: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """Which variables are the result of a cell.

    Attributes:
        made: those that a cell with a training makes itself, None for all. A list of earlier cells grows.
        timed: those that hold a time, or a name made by chance.
        texts: those that may be texts of such a name.
    """

    made: frozenset[str] | None = None
    timed: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()

    def is_time(self, name: str, one: Value, other: Value) -> bool:
        """Tell a difference that comes of the clock or the system alone."""
        both = one.words[:1] + other.words[:1]
        return name in self.timed or (name in self.texts and not both.strip("'\""))


def compare(one: Trace, other: Trace, results: Results | None = None) -> Comparison:
    """Compare two runs of a cell, in the order in which things happened.

    Args:
        one: the first run.
        other: another run.
        results: which of the variables at the end count. Default None: all of them.
    """
    results = results or Results()
    if other.error:
        words = f"{other.label} failed where {one.label} did not: {other.error}"
        return Comparison([Check("the cell runs", same=False, words=other.error)], Difference("error", words))
    found = Comparison([])
    for number, (mine, theirs) in enumerate(zip_longest(one.fits, other.fits)):
        if mine is None or theirs is None:
            words = f"{len(one.fits)} trainings in {one.label}, {len(other.fits)} in {other.label}"
            found.checks.append(Check("trainings", same=False, words=words))
            found.difference = found.difference or Difference("length", words, number)
            break
        title = f"fit {number + 1}: " if len(one.fits) > 1 else ""
        checks, difference = _fits(mine, theirs, number, title)
        found.checks += checks
        found.difference = found.difference or difference
        if mine.stopped or theirs.stopped:
            found.checks.append(Check(f"{title}after Stop", same=None, words="stopped by hand, not compared"))
            return found
    _compare_variables(one, other, found, results)
    return found


def differing(one: dict[str, Value], other: dict[str, Value]) -> list[str]:
    """Return the variables that both runs have and whose values differ."""
    return [name for name, value in one.items() if name in other and other[name].digest != value.digest]


def _fits(one: Fit, other: Fit, number: int, title: str) -> tuple[list[Check], Difference | None]:
    checks, found = [], []
    for check, difference in _begin(one, other, number):
        checks.append(check)
        found.append(difference)
    steps, step_difference = _steps(one, other, number)
    checks += steps
    found.append(step_difference)
    cut = one.stopped or other.stopped
    for check, difference in () if cut else _end(one, other, number):
        checks.append(check)
        found.append(difference)
    titled = [Check(title + check.what, check.same, check.words) for check in checks]
    first = next((each for each in found if each is not None and each.kind != "optimizer"), None)
    # Another count of steps at the beginning is only a difference where it leads to one.
    early = next((each for each in found if each is not None), None)
    return titled, early if first is not None else None


def _begin(one: Fit, other: Fit, number: int) -> Iterator[tuple[Check, Difference | None]]:
    if not one.weights and not other.weights:
        yield Check("initial weights", same=None, words="the model is built by its first batch"), None
    elif len(one.weights) != len(other.weights):
        words = f"{len(one.weights)} and {len(other.weights)} variables"
        yield Check("initial weights", same=False, words=words), Difference("architecture", words, number)
    else:
        names = _changed(one.weights, other.weights)
        words = f"{len(names)} of {len(one.weights)} arrays differ: {_listed(names)}"
        difference = (
            Difference("weights", f"the initial weights: {words}", number, names=names) if names else None
        )
        yield (
            Check("initial weights", not names, words if names else _count(len(one.weights), "array")),
            difference,
        )
    if one.seeds:
        names = _changed(one.seeds, other.seeds)
        words = f"{len(names)} of {len(one.seeds)}" if names else f"{len(one.seeds)} of them"
        yield Check("seeds of random layers", not names, words), None
    if one.optimizer and other.optimizer:
        names = _changed(one.optimizer, other.optimizer)
        words = f"{_listed(names)}" if names else _count(len(one.optimizer), "array")
        difference = Difference("optimizer", f"the optimizer at the beginning: {words}", number, names=names)
        yield Check("optimizer at the beginning", not names, words), difference if names else None


def _steps(one: Fit, other: Fit, number: int) -> tuple[list[Check], Difference | None]:
    batch = next(
        (n for n, (a, b) in enumerate(_both(one.batches, other.batches), 1) if a.parts != b.parts), 0
    )
    loss = next((n for n, (a, b) in enumerate(_both(one.losses, other.losses), 1) if not _equal(a, b)), 0)
    seen = sorted({int(step) for step in one.marks} & {int(step) for step in other.marks})
    weights = next((n for n in seen if _changed(one.marks[str(n)], other.marks[str(n)])), 0)
    found: list[Difference] = []
    how = how_data_differ(one.batches, other.batches, batch) if batch else ""
    names = _changed(one.marks[str(weights)], other.marks[str(weights)]) if weights else ()
    if batch:
        found.append(Difference("data", f"batch {batch}: {_HOW[how]}", number, batch, how))
    if loss:
        found.append(Difference("step", f"the loss of step {loss}", number, loss, names=names))
    if weights:
        words = f"the weights after step {weights}: {_listed(names)}"
        found.append(Difference("step", words, number, weights, names=names))
    both = len(list(_both(one.batches, other.batches)))
    checks = [
        Check(
            "batches",
            None if not both else not batch,
            _HOW[how] if batch else _count(both, "batch") if both else "handed to several devices",
        ),
        Check("loss by step", not loss, f"from step {loss} on" if loss else _count(len(one.losses), "step")),
        Check(
            "weights after steps",
            not weights,
            f"{_listed(names)} after step {weights}" if weights else f"looked at {_count(len(seen), 'time')}",
        ),
    ]
    # Of one step, its batch comes first, then the loss, then the weights.
    return checks, min(found, key=lambda each: each.step, default=None)


def _end(one: Fit, other: Fit, number: int) -> Iterator[tuple[Check, Difference | None]]:
    if len(one.losses) != len(other.losses):
        words = f"{len(one.losses)} and {len(other.losses)} steps"
        yield Check("steps", same=False, words=words), Difference("length", words, number)
    mine, theirs = (_history(each) for each in (one, other))
    names = tuple(name for name in mine if mine[name] != theirs.get(name))
    words = _listed(names) if names else _count(len(one.epochs), "epoch")
    yield (
        Check("history", not names, words),
        Difference("history", f"the history: {words}", number, names=names) if names else None,
    )
    names = _changed(one.final, other.final)
    words = _listed(names) if names else _count(len(one.final), "array")
    yield (
        Check("weights and optimizer at the end", not names, words),
        Difference("step", f"at the end: {words}", number, len(one.losses), names=names) if names else None,
    )


_HOW: dict[How, str] = {
    "": "",
    "order": "the same samples in another order",
    "order in the batch": "the same samples in another order within the batch",
    "values": "the same places, other values",
    "samples": "other samples",
}


def how_data_differ(one: list[Batch], other: list[Batch], number: int) -> How:
    """Tell in what way the data differ from a batch on, by digests that mind no order."""
    mine, theirs = one[number - 1], other[number - 1]
    if mine.loose == theirs.loose and all(mine.loose):
        return "order in the batch"
    changed = [a != b for a, b in zip(mine.parts, theirs.parts, strict=False)]
    for at, is_other in enumerate(changed):
        if is_other and _total(one, at) is not None and _total(one, at) == _total(other, at):
            return "order"
    # The labels are where they were: their samples came in the same order.
    return "values" if not all(changed) else "samples"


def _total(batches: list[Batch], part: int) -> int | None:
    loose = [batch.loose[part] for batch in batches]
    return sum(int(each, 16) for each in loose) % 2**64 if all(loose) else None


def _compare_variables(one: Trace, other: Trace, found: Comparison, results: Results) -> None:
    """Compare what the cell leaves: with a training, what it makes; without one, what it reads as well."""
    made = one.end.keys() if results.made is None or not one.fits else one.end.keys() & results.made
    mine = {name: value for name, value in one.end.items() if name in made}
    apart = [name for name in mine if name not in other.end]
    theirs = {**dict.fromkeys(apart, _NONE), **other.end}
    names = tuple(differing(mine, theirs))
    timed = [name for name in names if results.is_time(name, mine[name], theirs[name])]
    # A cell that only takes the time has no other result.
    if len(timed) < len(mine):
        names = tuple(name for name in names if name not in timed)
    else:
        timed = []
    if not mine:
        return
    words = "; ".join(_apart(name, mine[name].words, theirs[name].words) for name in names[:_NAMES])
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    seen = _count(len(mine) - len(timed), "variable")
    clock = f"; from the clock or the system, not counted: {_listed(tuple(timed))}" if timed else ""
    found.compared = len(mine) - len(timed)
    what = "variables at the end" if one.fits else "variables"
    found.checks.append(Check(what, not names, f"{words}{more}" if names else f"{seen}{clock}"))
    if names and found.difference is None:
        # After all trainings.
        difference = Difference("variables", f"the {what}: {words}{more}", len(one.fits), names=names)
        found.difference = difference


def _apart(name: str, mine: str, theirs: str) -> str:
    return f"{name} ({mine})" if mine == theirs else f"{name}: {mine} and {theirs}"


def _history(fit: Fit) -> dict[str, list[str]]:
    history: dict[str, list[str]] = {}
    for epoch in fit.epochs:
        for name, value in epoch.items():
            history.setdefault(plain_name(name), []).append(float(value).hex())
    return history


def _changed(one: Pairs, other: Pairs) -> tuple[str, ...]:
    return tuple(name for (name, mine), (_, theirs) in zip(one, other, strict=False) if mine != theirs)


def _both(one: list, other: list) -> Iterator[tuple]:  # type: ignore[type-arg]
    return zip(one, other, strict=False)


def _equal(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _count(number: int, noun: str) -> str:
    plural = "batches" if noun == "batch" else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
