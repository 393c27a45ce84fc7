"""The time of each stage is estimated by a few steps, of which nothing stays."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras import Stage
from nbkeras.callbacks.backup.randomness import read_random
from nbkeras.callbacks.backup.variables import read_variables
from nbkeras.reproducibility.fingerprint import digest_of
from nbkeras.reproducibility.names import name_counters
from nbkeras.training.fine_tuning import estimating

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3
HEAD, ALL = Stage("head", epochs=2), Stage("all", epochs=3, learning_rate=1e-3, depth_factor=0.1)
BOTH = pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)


def state(model):
    """Return all that a training could change."""
    layers = model._flatten_layers()
    return {
        "variables": {k: list(map(digest_of, v)) for k, v in read_variables(model).items()},
        "random": {name: repr(each) for name, each in read_random().items()},
        "attributes": {name: id(value) for name, value in vars(model).items()},
        "names": name_counters(),
        "metrics": [metric.name for metric in model.metrics],
        "flags": [each.trainable for each in layers],
    }


@BOTH
def test_it_leaves_all_as_it_was(keras, make):
    model = make(head=[keras.layers.Dropout(0.3, seed=3)])
    model.fit(X, Y, epochs=1, verbose=0)
    before = state(model)
    options = {"validation_split": 0.25, "batch_size": 8, "estimate": True}
    plan = nbkeras.fine_tuning_plan(model, X, Y, stages=[HEAD, ALL], **options)
    assert all(each.seconds > 0 for each in plan.stages)
    assert state(model) == before


@pytest.mark.costly
def test_it_leaves_the_data_where_they_were(keras, make):
    model, flip = make(), keras.layers.RandomFlip("horizontal", seed=1)
    one, other = (tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(48, seed=3).batch(16) for _ in range(2))
    before, seeds = state(model), [each.numpy() for each in flip.variables]
    nbkeras.fine_tuning_plan(model, one, stages=[ALL], augmentation=flip, estimate=True)
    assert state(model) == before
    for was, now in zip(seeds, flip.variables, strict=True):
        np.testing.assert_array_equal(was, now.numpy())
    for _ in range(2):
        np.testing.assert_array_equal(*(np.concatenate([y for _, y in each]) for each in (one, other)))


def ticking(monkeypatch, seconds):
    """Let each look at the clock take so long; return how often it was looked at."""
    looks = itertools.count()
    monkeypatch.setattr(estimating, "clock", lambda: seconds * next(looks))
    return lambda: next(looks)


# Of 48 samples, 9 batches of 4 are trained on and 3 validated, and for the head, all 12 come once.
@pytest.mark.parametrize(
    ("stages", "more", "steps"),
    [
        ([HEAD], {}, [12 + 2 * 12]),
        pytest.param([HEAD, HEAD, ALL], {}, [12 + 2 * 12, 2 * 12, 3 * 12], marks=pytest.mark.costly),
        pytest.param([HEAD], {"cache": False}, [2 * 12], marks=pytest.mark.costly),
        pytest.param([replace(ALL, epochs=30)], {"batch_size": 8}, [30 * (5 + 2)], marks=pytest.mark.costly),
    ],
)
@BOTH
def test_it_grows_with_steps_and_epochs(make, monkeypatch, stages, more, steps):
    ticking(monkeypatch, 0.25)
    options = {"batch_size": 4, "validation_split": 0.25, "estimate": True, **more}
    plan = nbkeras.fine_tuning_plan(make(), X, Y, stages=stages, **options)
    assert [each.seconds for each in plan.stages] == [0.25 * each for each in steps]


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_it_is_bounded_and_said(make, monkeypatch):
    looks = ticking(monkeypatch, 5.0)
    model = make()
    plan = nbkeras.fine_tuning_plan(model, X, Y, stages=[Stage("all", epochs=100)], estimate=True)
    # The beginning, a step that traces, and one more.
    assert looks() == 3
    assert repr(plan).splitlines()[0].endswith("epochs  updates   about")
    assert repr(plan).splitlines()[1].endswith("200  17 min")
    assert "About 17 min in all" in repr(plan)
    generator = iter([(X, Y)])
    unknown = nbkeras.fine_tuning_plan(model, generator, stages=[ALL], estimate=True)
    assert repr(unknown).splitlines()[1].endswith("?")
    assert "no time is known" in repr(unknown)
    assert next(generator) is not None
