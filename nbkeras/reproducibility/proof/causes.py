"""Names the most probable cause of a difference: by what was measured first, then by what the cell says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.reproducibility.proof import batches
from nbkeras.reproducibility.proof.case import DRAWN, SEED, UNKNOWN, Cause, at
from nbkeras.reproducibility.proof.layers import augments
from nbkeras.reproducibility.proof.state_causes import (
    clock,
    files,
    hash_order,
    leftover,
    of_an_error,
    opaque,
    system,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.reproducibility.proof.case import Case
    from nbkeras.reproducibility.proof.source import Evidence
    from nbkeras.reproducibility.proof.trace import Fit, RandomLayer

_RECURRENT = {"LSTM", "GRU", "SimpleRNN"}


def most_probable(case: Case) -> Cause:
    """Return the most probable cause."""
    if case.difference.kind == "error":
        return of_an_error(case)
    found = [cause for rule in _RULES for cause in rule(case)]
    unknown = Cause("not known", "nothing in the cell is known to differ from run to run", UNKNOWN, 0)
    return max(found, key=lambda cause: cause.weight, default=unknown)


def _unordered(case: Case) -> Iterator[Cause]:
    fit, difference = case.fit, case.difference
    places = case.source.of_kind("unordered")
    if difference.kind != "data" or not (places or (fit is not None and batches.UNORDERED in fit.pipeline)):
        return
    where = f"{at(places[0])}: " if places else ""
    why = f"{where}{batches.UNORDERED}, and the threads are not equally fast each time"
    weight = 40 if difference.how == "values" else 92
    yield Cause("unordered parallel map", why, "take `deterministic=False` away", weight)


def _threads(case: Case) -> Iterator[Cause]:
    fit = case.fit
    places = case.source.of_kind("threads")
    workers = fit is not None and batches.WORKERS in fit.pipeline
    if not places and not workers:
        return
    where = at(places[0]) if places else "several workers load the data"
    why = (
        f"{where}: who comes first differs from run to run, and random numbers and results come in that order"
    )
    fix = "give each task a generator of its own, `np.random.default_rng([seed, task])`; keep results by task"
    drawn = 89 if case.is_seeded else 72
    yield Cause("thread race", why, fix, drawn if case.difference.kind in DRAWN else 30)


def _numpy(case: Case) -> Iterator[Cause]:
    if case.difference.kind not in DRAWN:
        return
    weights = case.difference.kind == "weights" and not case.is_seeded
    for place in case.source.of_kind("NumPy generator", "Python generator"):
        if "seed" not in place.given:
            seeded = f"`{place.text.partition('(')[0]}(1)`"
            why = f"{at(place)} has no seed: it draws other numbers each time"
            yield Cause(f"unseeded {place.kind.split()[0]}", why, seeded, 70 if weights else 90)
    for kind in ("NumPy", "Python"):
        states = [each.random.get(kind) for each in case.fits or (case.one, case.other)]
        if states[0] != states[1] and not case.is_seeded:
            for place in case.source.of_kind(kind)[:1]:
                why = f"{at(place)} draws from {kind}'s own generator, which was in another state each time"
                yield Cause(f"unseeded {kind}", why, SEED, 70 if weights else 88)


def _augmentation(case: Case) -> Iterator[Cause]:
    difference, fit = case.difference, case.fit
    if difference.kind == "data" and difference.how in {"values", "samples"}:
        # A layer of noise stands in the pipeline as well as in the model; one of the model's is no cause here
        # where a seed is set.
        kinds = ("augmentation", "random op", *(() if case.is_seeded else ("dropout",)))
        for place in case.source.of_kind(*kinds)[:1]:
            yield _drawing_in_data(case, place)
    if difference.kind in {"variables", "weights"} and not case.is_seeded:
        for place in case.source.of_kind("random op")[:1]:
            why = f"{at(place)} draws other numbers each time: no seed is set"
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
        yield Cause("unseeded shuffle", "the dataset shuffles without a seed", "`shuffle(…, seed=1)`", 85)
    elif fit.seed is None and batches.SHUFFLED in fit.pipeline:
        yield Cause("unseeded shuffle", "fit shuffles the data without a seed", SEED, 75)


def _operations(case: Case) -> Iterator[Cause]:
    fit = case.fit
    if fit is not None and case.difference.kind == "step":
        why = "weights, data and layers were the same: an operation adds in an order that is not fixed"
        yield Cause("operations", why, "`%seed 1 --deterministic` in the notebook's first cell", 40)


def _unseeded(case: Case) -> Iterator[Cause]:
    fits = case.fits
    one, other = fits or (case.one, case.other)
    moved = [name for name, state in one.random.items() if other.random.get(name, state) != state]
    if "TensorFlow" not in one.random and case.source.uses("tensorflow", "keras", "tf_keras"):
        moved.append("TensorFlow")
    if moved and not case.is_seeded and case.difference.kind in DRAWN:
        why = f"no line seeds the generators of {' and '.join(moved)}, which began in other states"
        yield Cause("nothing is seeded", why, SEED, 36)


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
    what, fix = f"the layer {layer.name} ({layer.kind})", SEED
    if moved:
        why = f"{what} began with another random state"
    elif fit.seed is None:
        why = f"{what} draws random numbers, and no seed is set"
    else:
        why = f"{what} draws random numbers that no seed reaches"
        if layer.kind in _RECURRENT and not fit.seeds:
            # tf_keras's recurrent_dropout; Keras 3 has a seed for it, and holds it among the states.
            fix = "`recurrent_dropout=0`, or Keras 3, where a seed reaches it"
    # Where each layer began with the same state, they are hardly the cause.
    unseeded = moved or (fit.seed is None and not fit.seeds) or layer.kind in _RECURRENT
    return Cause(name, why, fix, 86 if unseeded else 20)


def _drawing_in_data(case: Case, place: Evidence) -> Cause:
    fit = case.fit
    parallel = case.source.of_kind("parallel") or (fit is not None and batches.PARALLEL in fit.pipeline)
    if fit is not None and fit.seed is not None and parallel:
        why = f"{at(place)} draws in a parallel map, where the threads take the random numbers as they come"
        fix = "`%seed 1 --deterministic`, or a stateless operation with a seed of each sample"
        return Cause("thread race", why, fix, 87)
    if case.is_seeded:
        why = f"{at(place)} may draw from where {case.one.label} has left it: its generator is no new one"
        return Cause("leftover state", why, "make the layer or the generator in this cell", 60)
    why = f"{at(place)} draws other numbers each time: no seed is set"
    return Cause("unseeded augmentation", why, SEED, 87)


_RULES: tuple[Callable[[Case], Iterator[Cause]], ...] = (
    leftover,
    hash_order,
    clock,
    system,
    files,
    opaque,
    _unseeded,
    _unordered,
    _threads,
    _numpy,
    _augmentation,
    _dropout,
    _weights,
    _shuffle,
    _operations,
)
