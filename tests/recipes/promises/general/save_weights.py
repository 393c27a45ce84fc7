"""The weights come back to the bit, and with the optimizer's state training goes on as it would have."""

import numpy as np

MINE = """
import numpy as np
from tensorflow import keras

def build():
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model

inputs = np.random.default_rng(0).normal(size=(40, 2))
saved = build()
saved.fit(inputs, inputs[:, :1], verbose=0)
saved.save_weights("model.weights.h5")
mine = build()
"""
BARE = (
    "mine = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])"
)
ALIKE = """
from tensorflow import keras
saved = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16), keras.layers.Dense(1)])
saved.compile("adam", "mse")
saved.save_weights("alike.weights.h5")
"""
OWN = [
    ({"model": "mine", "path": "kept.weights.h5"}, MINE),
    ({"model": "mine", "do": "load"}, MINE),
    ({"model": "mine", "do": "load", "optimizer": False}, MINE),
    ({"model": "mine", "do": "load", "optimizer": False}, MINE + BARE),
    ({"do": "load", "source": "alike.weights.h5", "optimizer": False}, ALIKE),
]


def kept(values, variables, line):
    model = variables[values["model"] or "model"]
    other = variables["copy"] if values["do"] == "save" else variables["saved"]
    assert other is not model
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    if values["do"] == "save" or "inputs" not in variables or getattr(model, "optimizer", None) is None:
        return
    assert variables["changed"] > 0
    for each in (model, other):
        each.fit(variables["inputs"], variables["inputs"][:, :1], epochs=2, shuffle=False, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights(), strict=True)]
    assert all(same) == values["optimizer"]
