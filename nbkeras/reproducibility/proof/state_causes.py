"""Causes that no seed mends: what runs have left, the clock, the system, the order of hashes, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.reproducibility.proof.case import DRAWN, UNKNOWN, Cause, at
from nbkeras.reproducibility.proof.comparing import LAST, differing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.reproducibility.proof.case import Case


def of_an_error(case: Case) -> Cause:
    """Say why a cell that ran once does not run again."""
    if case.other.fresh:
        why = "this notebook's cells, each once and in their order, do not make what the cell needs"
        return Cause("leftover state", why, "Restart and Run All Cells, until that works", 85)
    why = f"{case.one.label} left something behind with which the cell does not run again"
    return Cause("leftover state", why, "make what the cell changes in the cell itself", 85)


def leftover(case: Case) -> Iterator[Cause]:
    """Find what an earlier cell has made and an earlier run of this one has changed."""
    free, last = case.source.free, case.source.last_fit
    for name in differing(case.one.start, case.other.start):
        if case.difference.kind != "variables" and free.get(name, 0) > last:
            continue
        mine, theirs = case.one.start[name], case.other.start[name]
        where = "in a new process" if case.other.fresh else f"when {case.other.label} began"
        why = (
            f"{name}, from an earlier cell: {mine.words} when {case.one.label} began, {theirs.words} {where}"
        )
        if mine.words == theirs.words:
            why = f"{name} ({mine.words}), from an earlier cell, had another value {where}"
        # One that makes data augments them.
        is_model = mine.words.startswith("model") and case.difference.kind != "data"
        fix = "make and compile the model in this cell" if is_model else f"make {name} in this cell"
        # Where nothing is seeded, another list is the less probable cause.
        weight = _weight_of_model(case) if is_model else 85 if case.is_seeded else 80
        yield Cause("leftover state", why, fix, weight if _matters(case, name) else 45)
    if case.held and case.difference.kind == "data" and not case.other.fresh:
        name = min(case.held)
        why = f"the dataset {name} was made by an earlier cell and goes on shuffling where it was"
        yield Cause("leftover state", why, f"make {name} in this cell", 83)


def hash_order(case: Case) -> Iterator[Cause]:
    """Find what a new process orders in another way."""
    if not case.other.fresh or case.one.hash_probe == case.other.hash_probe:
        return
    fix = "sort it, `sorted(set(…))`, or give each kernel the same hashes: `%seed --hash-seed 0`"
    for one, other in (case.before(), (case.one.start, case.other.start)):
        for name in differing(one, other):
            if one[name].loose and one[name].loose == other[name].loose:
                why = f"{name} ({one[name].words}) has the same items in another order in a new process"
                # A list may be in another order for many reasons, a set for this one.
                certain = "set of" in one[name].words or case.source.of_kind("set")
                yield Cause("hash order", why, fix, 94 if certain else 60)
    for place in case.source.of_kind("set")[:1]:
        what = "a hash of a text is another number" if "hash(" in place.text else "texts in a set are ordered"
        why = f"{at(place)}: {what} {'' if 'hash(' in place.text else 'in another way '}in each process"
        drawn = case.difference.kind == "variables" or case.difference.how == "values"
        yield Cause("hash order", why, fix, 90 if case.is_seeded or drawn else 60)


def clock(case: Case) -> Iterator[Cause]:
    """Find a time that goes into what the cell computes."""
    for place in case.source.of_kind("clock"):
        why = f"{at(place)} gives another value each time, and the cell goes on with it"
        decides = place.feeds or case.difference.kind == "variables"
        goes_on = place.inside in {"call", "sum"} or (place.inside == "name" and place.feeds)
        weight = 91 if case.difference.kind in DRAWN else 50
        if decides and goes_on:
            yield Cause("clock", why, "write a fixed number in its place", weight)
        elif place.inside in {"call", "sum"} or (place.inside == "difference" and decides):
            # A callback or a condition may stop a training by the time.
            yield Cause("clock", why, "write a fixed number in its place", 45)


def system(case: Case) -> Iterator[Cause]:
    """Find what the system gives: random bytes and names, the number of the process."""
    drawn = case.difference.kind in DRAWN
    for place in case.source.of_kind("system", "process"):
        if place.inside in {"text", "list"} or (place.kind == "process" and not case.other.fresh):
            continue
        if place.kind == "process":
            why = f"{at(place)} is another number in each process, and the cell goes on with it"
            yield Cause(
                "number of the process", why, "write a fixed number in its place", 90 if drawn else 50
            )
        else:
            why = f"{at(place)} is random by the system, and no seed reaches it"
            fix = "draw from a generator with a seed: `np.random.default_rng(1)`"
            weight = 89 if place.feeds or case.difference.kind == "variables" else 45
            # Random waits of threads change an order and no value.
            weight = 60 if "order" in case.difference.how else weight
            yield Cause("randomness of the system", why, fix, weight if drawn else 50)


def files(case: Case) -> Iterator[Cause]:
    """Find a file that one run writes and the next one reads."""
    written, read = (
        case.source.of_kind("writes"),
        [
            place
            for place in case.source.of_kind("reads")
            if place.feeds or case.difference.kind == "variables"
        ],
    )
    if written and read and not case.other.fresh:
        why = f"{at(read[0])} reads a file, and {case.one.label} may have written it: {at(written[0])}"
        fix = "read what an earlier cell made, and write elsewhere; or delete the file as the cell begins"
        yield Cause("leftover state", why, fix, 61)


def opaque(case: Case) -> Iterator[Cause]:
    """Name what differs before the training, where nothing else tells why."""
    one, other = case.before()
    names = [name for name in differing(one, other) if case.source.flow.feeds(name)]
    makers = {name: next(case.source.flow.makers(name), None) for name in names}
    lines = {name: step.parts[0].lineno for name, step in makers.items() if step is not None}  # type: ignore[attr-defined]
    for name in sorted(lines, key=lines.__getitem__)[:1]:
        step = makers[name]
        unknown = sorted(
            each
            for each in (step.reads if step else ())
            if each in case.source.free and each not in case.one.start and each not in case.source.modules
        )
        line = lines[name] + case.source.shift
        if unknown:
            why = f"line {line} makes {name} from {unknown[0]}, of an earlier cell, which may have changed"
            yield Cause("leftover state", why, f"make {unknown[0]} in this cell", 37)
        else:
            why = f"{name}, which line {line} makes, had another value in each run"
            yield Cause("not known", why, UNKNOWN, 1)


def _matters(case: Case, name: str) -> bool:
    """Tell whether a name of an earlier cell may decide what differs, as far as the cell's words say."""
    source, difference = case.source, case.difference
    if name not in source.reads:
        # A function reads it.
        return True
    if difference.kind == "variables":
        return bool(source.flow.reached_from({name}) & {*difference.names}) or LAST in difference.names
    return source.flow.feeds(name)


def _weight_of_model(case: Case) -> int:
    if case.difference.kind in {"weights", "optimizer", "architecture", "variables"}:
        return 95
    fits = case.fits
    # A layer that another cell has made goes on drawing where it was, whatever is seeded since.
    return 90 if case.is_seeded and fits is not None and fits[0].seeds != fits[1].seeds else 60
