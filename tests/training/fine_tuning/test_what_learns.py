"""Only what a stage says is given gradients, and only that moves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nbkeras
from nbkeras import Stage

X = np.random.default_rng(0).normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3
HEAD, HIGH, ALL, NORM = {"head"}, {"head", "c2"}, {"head", "c2", "c1"}, {"head", "c2", "c1", "bn"}
STAGES = [
    Stage("head"),
    Stage("c2"),
    Stage("all", depth_factor=0.1),
    Stage("all", batch_norm=True),
    # What was thawed is frozen again.
    Stage("head"),
]
MOVED = [HEAD, HIGH, ALL, NORM, HEAD]


def test_the_optimizer_is_given_what_the_stage_says_and_nothing_else_moves(keras, make):
    given, layer_of = [], {}

    class Seen(keras.optimizers.SGD):
        def apply_gradients(self, grads_and_vars, **options):
            pairs = list(grads_and_vars)
            assert all(gradient is not None for gradient, _ in pairs)
            # As Keras traces the step of a stage.
            given[-1] |= {layer_of[id(weight)] for _, weight in pairs}
            return super().apply_gradients(pairs, **options)

    # Momentum and decay would move weights without gradients.
    model = make(Seen(0.05, momentum=0.9, weight_decay=0.1))
    layers = [*model.get_layer("base").layers, model.get_layer("head")]
    layer_of |= {id(weight): each.name for each in layers for weight in each.weights}
    before = []

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            given.append(set())
            before.append({each.name: [np.array(weight) for weight in each.get_weights()] for each in layers})

    look = Look()
    nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True, callbacks=[look])
    assert given == MOVED
    look.on_train_begin()
    moved = [
        {name for name in one if any((a != b).any() for a, b in zip(one[name], other[name], strict=True))}
        for one, other in itertools.pairwise(before)
    ]
    assert moved == MOVED


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_batch_normalization_of_the_base_uses_its_own_statistics_in_training(make):
    losses = []
    for batch_norm in (False, True):
        model = make()
        norm = model.get_layer("base").get_layer("bn")
        scale, shift, mean, variance = norm.get_weights()
        norm.set_weights([scale, shift, mean + 1, variance * 4])
        inference = model.evaluate(X, Y, batch_size=48, verbose=0)[0]
        stages = [Stage("all", learning_rate=1e-9, batch_norm=batch_norm)]
        (training,) = nbkeras.fine_tune(model, X, Y, batch_size=48, stages=stages, quiet=True).history["loss"]
        losses.append(abs(training - inference))
    kept, of_the_batch = losses
    assert kept < 1e-6
    assert of_the_batch > 1e-3
