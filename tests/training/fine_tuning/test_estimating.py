"""The time of each stage is estimated by a few steps, of which nothing stays."""

from __future__ import annotations

import itertools

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


def test_it_leaves_all_as_it_was(keras, make):
    model = make(head=[keras.layers.Dropout(0.3, seed=3)])
    model.fit(X, Y, epochs=1, verbose=0)
    flip = keras.layers.RandomFlip("horizontal", seed=1)
    shuffled = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(48, seed=3).batch(16)
    # What a model is asked for the first time, it may make.
    nbkeras.fine_tuning_plan(model, X, Y, stages=[HEAD, ALL])
    before = state(model)
    seeds = [each.numpy() for each in getattr(flip, "variables", [])]
    plan = nbkeras.fine_tuning_plan(
        model, X, Y, stages=[HEAD, ALL], validation_split=0.25, batch_size=8, estimate=True
    )
    nbkeras.fine_tuning_plan(model, shuffled, stages=[ALL], augmentation=flip, estimate=True)
    assert all(each.seconds > 0 for each in plan.stages)
    assert state(model) == before
    for was, now in zip(seeds, getattr(flip, "variables", []), strict=True):
        np.testing.assert_array_equal(was, now.numpy())
    first = next(iter(shuffled))[1].numpy().tolist()
    again = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(48, seed=3).batch(16)
    assert first == next(iter(again))[1].numpy().tolist()


def ticking(monkeypatch, seconds):
    """Let each look at the clock take so long; return how often it was looked at."""
    looks = itertools.count()
    monkeypatch.setattr(estimating, "clock", lambda: seconds * next(looks))
    return lambda: next(looks)


@BOTH
def test_it_grows_with_steps_and_epochs(make, monkeypatch):
    ticking(monkeypatch, 0.25)
    model = make()
    options = {"batch_size": 4, "validation_split": 0.25, "estimate": True}

    def seconds(*stages, **more):
        plan = nbkeras.fine_tuning_plan(model, X, Y, stages=stages, **{**options, **more})
        return [each.seconds for each in plan.stages]

    # 9 batches are trained on and 3 validated, a quarter of a second each; for the head, all 12 come once.
    assert seconds(HEAD, HEAD, ALL) == [0.25 * (12 + 2 * 12), 0.25 * 2 * 12, 0.25 * 3 * 12]
    assert seconds(HEAD, cache=False) == [0.25 * 2 * 12]
    assert seconds(Stage("all", epochs=30), batch_size=8) == [0.25 * 30 * (5 + 2)]


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
