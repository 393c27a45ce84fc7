"""``python -m tests.benchmarks.transferring SEEDS``: digits 0-4 first, then 5-9, against 5-9 from scratch.

Prints one line of JSON: for each seed and each network, the accuracies on pictures that were never trained
on, and the updates. The plain network learns these small pictures well from scratch too. It stands here so
that nobody takes what the other one gains for what all networks gain.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import nbkeras

keras = tf.keras
BATCH = 10


@dataclass(frozen=True)
class Network:
    """A network, and for how long it is trained.

    Attributes:
        normalized: whether it has BatchNormalization, as Keras makes it.
        of_each: pictures of each new digit that are trained on; all others are for the test.
        before: epochs on the digits 0-4.
        stages: epochs of the two stages of fine-tuning.
        head_rate: learning rate of the first one.
        scratch: epochs from scratch.
    """

    normalized: bool
    of_each: int
    before: int
    stages: tuple[int, int]
    head_rate: float
    scratch: int


NETWORKS = {
    "batch normalization": Network(
        normalized=True, of_each=5, before=20, stages=(20, 20), head_rate=1e-2, scratch=100
    ),
    "plain": Network(normalized=False, of_each=2, before=15, stages=(10, 20), head_rate=3e-3, scratch=80),
}


def pictures(seed, wanted):
    """Return the pictures of some digits in a random order, with labels from 0."""
    data, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(digits))
    order = order[np.isin(digits[order], wanted)]
    return data[order].reshape(-1, 8, 8, 1).astype("float32") / 16, digits[order] - min(wanted)


def parted(x, y, of_each):
    """Return a few pictures of each digit, and all others."""
    few = np.concatenate([np.flatnonzero(y == digit)[:of_each] for digit in range(5)])
    rest = np.setdiff1d(np.arange(len(y)), few)
    return x[few], y[few], x[rest], y[rest]


def made(network, weights=None):
    """Return a compiled model, with weights of its base that were trained before, or new ones."""
    layers = keras.layers

    def convolution(units):
        norm = [layers.BatchNormalization()] if network.normalized else []
        return [layers.Conv2D(units, 3, padding="same", activation="relu"), *norm]

    end = layers.GlobalMaxPooling2D() if network.normalized else layers.Flatten()
    stack = [layers.InputLayer((8, 8, 1)), *convolution(32), layers.MaxPooling2D(), *convolution(64), end]
    head = [] if network.normalized else [layers.Dense(64, activation="relu")]
    base = keras.Sequential(stack, name="base")
    model = keras.Sequential([base, *head, layers.Dropout(0.2), layers.Dense(5, activation="softmax")])
    model.build((None, 8, 8, 1))
    if weights is not None:
        base.set_weights(weights)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def accuracy(model, x, y):
    """Return the share of pictures that a model reads rightly."""
    return float(np.mean(np.argmax(model.predict(x, verbose=0), axis=1) == y))


def measured(seed, network):
    """Train one network on a few pictures from scratch, and from a base that was trained before."""
    keras.utils.set_random_seed(seed)
    earlier = made(network)
    earlier.fit(*pictures(seed, range(5)), epochs=network.before, verbose=0)
    x, y, x_test, y_test = parted(*pictures(seed, range(5, 10)), network.of_each)
    scratch = made(network)
    scratch.fit(x, y, batch_size=BATCH, epochs=network.scratch, verbose=0)
    tuned = made(network, earlier.layers[0].get_weights())
    head, whole = network.stages
    stages = [
        nbkeras.Stage("head", epochs=head, learning_rate=network.head_rate),
        nbkeras.Stage("all", epochs=whole, learning_rate=1e-3),
    ]
    nbkeras.fine_tune(tuned, x, y, batch_size=BATCH, stages=stages, quiet=True)
    updates = -(-len(x) // BATCH)
    return {
        "pictures": network.of_each,
        "scratch": accuracy(scratch, x_test, y_test),
        "scratch updates": updates * network.scratch,
        "tuned": accuracy(tuned, x_test, y_test),
        "tuned updates": updates * (head + whole),
    }


if __name__ == "__main__":
    nbkeras.runs.set_log(None)
    seeds = range(int(sys.argv[1]))
    found = {name: [measured(seed, network) for seed in seeds] for name, network in NETWORKS.items()}
    print(json.dumps(found))  # noqa: T201 - for its reader
