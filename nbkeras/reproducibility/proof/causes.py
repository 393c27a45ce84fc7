"""Names the most probable cause of a difference: by what was measured first, then by what the cell says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.reproducibility.proof import batches
from nbkeras.reproducibility.proof.comparing import differing
from nbkeras.reproducibility.proof.layers import augments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.reproducibility.proof.comparing import Difference
    from nbkeras.reproducibility.proof.source import Evidence, Source
    from nbkeras.reproducibility.proof.trace import Fit, RandomLayer, Trace, Value

SEED = "keras.utils.set_random_seed(1)  as the first line of the cell, or  %%fit --seed 1"
_DRAWN = frozenset({"data", "variables", "weights", "length"})


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
        return bool(self.source.of_kind("seed"))

    def before(self) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the variables as they were before the training, or at the end where there was none."""
        fits = self.fits
        return (self.one.end, self.other.end) if fits is None else (fits[0].variables, fits[1].variables)


def most_probable(case: Case) -> Cause:
    """Return the most probable cause."""
    if case.difference.kind == "error":
        return _of_an_error(case)
    found = [cause for rule in _RULES for cause in rule(case)]
    unknown = Cause(
        "not known",
        "nothing in the cell is known to differ from run to run",
        "%seed 1 --deterministic  and make everything that the cell uses in the cell itself",
        0,
    )
    return max(found, key=lambda cause: cause.weight, default=unknown)


def _of_an_error(case: Case) -> Cause:
    if case.other.fresh:
        why = "this notebook's cells, each once and in their order, do not make what the cell needs"
        return Cause("leftover state", why, "Restart and Run All Cells, until that works", 85)
    why = f"{case.one.label} left something behind with which the cell does not run again"
    return Cause("leftover state", why, "make what the cell changes in the cell itself", 85)


def _leftover(case: Case) -> Iterator[Cause]:
    kind = case.difference.kind
    changed = differing(case.one.start, case.other.start)
    free = case.source.free
    names = [name for name in changed if free.get(name, 10**9) <= case.source.last_fit or name not in free]
    for name in names:
        mine, theirs = case.one.start[name], case.other.start[name]
        where = "in a new process" if case.other.fresh else f"when {case.other.label} began"
        why = (
            f"{name}, from an earlier cell: {mine.words} when {case.one.label} began, {theirs.words} {where}"
        )
        if mine.words == theirs.words:
            why = f"{name} ({mine.words}), from an earlier cell, had another value {where}"
        is_model = mine.words.startswith("model")
        fix = "make and compile the model in this cell" if is_model else f"make {name} in this cell"
        # Where nothing is seeded, another list is the less probable cause.
        weight = _weight_of_model(case) if is_model else 85 if case.is_seeded else 80
        yield Cause("leftover state", why, fix, weight)
    if case.held and kind == "data" and not case.other.fresh:
        name = min(case.held)
        why = f"the dataset {name} was made by an earlier cell and goes on shuffling where it was"
        yield Cause("leftover state", why, f"make {name} in this cell", 83)


def _weight_of_model(case: Case) -> int:
    if case.difference.kind in {"weights", "optimizer", "architecture", "variables"}:
        return 95
    fits = case.fits
    # A layer that another cell has made goes on drawing where it was, whatever is seeded since.
    return 90 if case.is_seeded and fits is not None and fits[0].seeds != fits[1].seeds else 60


def _hash_order(case: Case) -> Iterator[Cause]:
    if not case.other.fresh or case.one.hash_probe == case.other.hash_probe:
        return
    fix = "sort it:  sorted(set(…)) ; or the same hashes in each kernel:  %seed --hash-seed 0"
    for one, other in (case.before(), (case.one.start, case.other.start)):
        for name in differing(one, other):
            if one[name].loose and one[name].loose == other[name].loose:
                why = f"{name} ({one[name].words}) has the same items in another order in a new process"
                yield Cause("hash order", why, fix, 94)
    for place in case.source.of_kind("set")[:1]:
        why = f"{_at(place)}: the order of texts in a set changes with each process"
        drawn = case.difference.kind == "variables" or case.difference.how == "values"
        yield Cause("hash order", why, fix, 90 if case.is_seeded or drawn else 60)


def _clock(case: Case) -> Iterator[Cause]:
    for place in case.source.of_kind("clock"):
        if place.inside in {"call", "sum"}:
            why = f"{_at(place)} gives another value each time, and the cell goes on with it"
            weight = 91 if case.difference.kind in _DRAWN else 50
            yield Cause("clock", why, "write a fixed number in its place", weight)


def _unordered(case: Case) -> Iterator[Cause]:
    fit, difference = case.fit, case.difference
    places = case.source.of_kind("unordered")
    if difference.kind != "data" or not (places or (fit is not None and batches.UNORDERED in fit.pipeline)):
        return
    where = f"{_at(places[0])}: " if places else ""
    why = f"{where}{batches.UNORDERED}, and the threads are not equally fast each time"
    weight = 40 if difference.how == "values" else 92
    yield Cause("unordered parallel map", why, "take deterministic=False away", weight)


def _threads(case: Case) -> Iterator[Cause]:
    fit = case.fit
    places = case.source.of_kind("threads")
    workers = fit is not None and batches.WORKERS in fit.pipeline
    if not places and not workers:
        return
    where = _at(places[0]) if places else "several workers load the data"
    why = (
        f"{where}: who comes first differs from run to run, and random numbers and results come in that order"
    )
    fix = (
        "give each task a generator of its own, np.random.default_rng([seed, task]), and keep results by task"
    )
    drawn = 89 if case.is_seeded else 72
    yield Cause("thread race", why, fix, drawn if case.difference.kind in _DRAWN else 30)


def _numpy(case: Case) -> Iterator[Cause]:
    if case.difference.kind not in _DRAWN:
        return
    weights = case.difference.kind == "weights" and not case.is_seeded
    for place in case.source.of_kind("NumPy generator", "Python generator"):
        if "seed" not in place.given and place.text.endswith("()"):
            seeded = f"{place.text[:-1]}1)"
            why = f"{_at(place)} has no seed: it draws other numbers each time"
            yield Cause(f"unseeded {place.kind.split()[0]}", why, seeded, 70 if weights else 90)
    for kind in ("NumPy", "Python"):
        states = [each.random.get(kind) for each in case.fits or (case.one, case.other)]
        if states[0] != states[1] and not case.is_seeded:
            for place in case.source.of_kind(kind)[:1]:
                why = f"{_at(place)} draws from {kind}'s own generator, which was in another state each time"
                yield Cause(f"unseeded {kind}", why, SEED, 70 if weights else 88)


def _augmentation(case: Case) -> Iterator[Cause]:
    difference, fit = case.difference, case.fit
    if difference.kind == "data" and difference.how in {"values", "samples"}:
        # A layer of noise stands in the pipeline as well as in the model.
        for place in case.source.of_kind("augmentation", "random op", "dropout")[:1]:
            yield Cause("unseeded augmentation", *_drawing_in_data(case, place), 87)
    if difference.kind in {"variables", "weights"} and not case.is_seeded:
        for place in case.source.of_kind("random op")[:1]:
            why = f"{_at(place)} draws other numbers each time: no seed is set"
            yield Cause("unseeded TensorFlow", why, SEED, 84)
    for layer in _suspects(case):
        if augments(layer.kind) and fit is not None:
            yield _random_layer(case, fit, layer, "unseeded augmentation")


def _dropout(case: Case) -> Iterator[Cause]:
    fit = case.fit
    for layer in _suspects(case):
        if not augments(layer.kind) and fit is not None:
            yield _random_layer(case, fit, layer, "dropout without a seed")


def _weights(case: Case) -> Iterator[Cause]:
    fit, difference = case.fit, case.difference
    built_late = fit is not None and not fit.weights and difference.kind == "step" and difference.step == 1
    if difference.kind != "weights" and not built_late:
        return
    why = "nothing in the cell seeds the random numbers from which the layers draw their first weights"
    if case.is_seeded:
        why = "the layers drew their first weights from another state of the random numbers"
    yield Cause("unseeded weights", why, SEED, 30 if case.is_seeded else 87)


def _shuffle(case: Case) -> Iterator[Cause]:
    fit = case.fit
    if fit is None or case.difference.kind != "data" or case.difference.how not in {"order", "samples"}:
        return
    if batches.UNSEEDED_SHUFFLE in fit.pipeline:
        yield Cause("unseeded shuffle", "the dataset shuffles without a seed", "shuffle(…, seed=1)", 85)
    elif fit.seed is None and batches.SHUFFLED in fit.pipeline:
        yield Cause("unseeded shuffle", "fit shuffles the data without a seed", SEED, 75)


def _operations(case: Case) -> Iterator[Cause]:
    fit = case.fit
    if fit is not None and case.difference.kind == "step":
        why = "weights, data and layers were the same: an operation adds in an order that is not fixed"
        yield Cause("operations", why, "%seed 1 --deterministic  in the notebook's first cell", 40)


def _suspects(case: Case) -> list[RandomLayer]:
    """Return the random layers that may have made a step differ, those first whose seeds did."""
    fits = case.fits
    if fits is None or case.difference.kind not in {"step", "history"}:
        return []
    one, other = fits
    free = [layer for layer in one.layers if not layer.seeded] or one.layers
    moved = [
        name for (name, mine), (_, theirs) in zip(one.seeds, other.seeds, strict=False) if mine != theirs
    ]
    return sorted(free, key=lambda layer: not any(layer.name in name for name in moved))


def _random_layer(case: Case, fit: Fit, layer: RandomLayer, name: str) -> Cause:
    fits = case.fits
    moved = fits is not None and fits[0].seeds != fits[1].seeds
    what = f"the layer {layer.name} ({layer.kind})"
    if moved:
        why = f"{what} began with another random state"
    elif fit.seed is None:
        why = f"{what} draws random numbers, and no seed is set"
    else:
        why = f"{what} draws random numbers that no seed reaches"
    # Where each layer began with the same state, they are hardly the cause.
    unseeded = moved or (fit.seed is None and not fit.seeds) or layer.kind in {"LSTM", "GRU", "SimpleRNN"}
    return Cause(name, why, SEED, 86 if unseeded else 20)


def _drawing_in_data(case: Case, place: Evidence) -> tuple[str, str]:
    fit = case.fit
    parallel = case.source.of_kind("parallel") or (fit is not None and batches.PARALLEL in fit.pipeline)
    if fit is not None and fit.seed is not None and parallel:
        why = f"{_at(place)} draws in a parallel map, where the threads take the random numbers as they come"
        return why, "%seed 1 --deterministic , or a stateless operation with a seed of each sample"
    return f"{_at(place)} draws other numbers each time: no seed is set", SEED


def _at(place: Evidence) -> str:
    where = f"the function {place.function}" if place.function else f"line {place.line}"
    return f"{where}, {place.text}"


_RULES: tuple[Callable[[Case], Iterator[Cause]], ...] = (
    _leftover,
    _hash_order,
    _clock,
    _unordered,
    _threads,
    _numpy,
    _augmentation,
    _dropout,
    _weights,
    _shuffle,
    _operations,
)
