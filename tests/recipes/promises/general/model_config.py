"""The file holds the architecture and no weights; the model from it is alike, and a model of its own."""

import json
from pathlib import Path

import numpy as np

MINE = """
from tensorflow import keras
inputs = keras.Input((8,), name="in")
hidden = keras.layers.Dense(4, activation="tanh", name="shared")
mine = keras.Model(inputs, keras.layers.Add(name="sum")([hidden(inputs), hidden(inputs)]))
"""
OWN = [({"model": "mine", "weights": True, "path": "mine.json", "built": "copy"}, MINE)]


def kept(values, variables, line):
    model, again = variables[values["model"] or "model"], variables[values["built"]]
    text = Path(values["path"]).read_text()
    json.loads(text)
    assert len(text) < 20_000
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert again.count_params() == model.count_params()
    x = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    same = np.allclose(again(x), model(x))
    assert same == values["weights"]
    before = model.get_weights()
    again.set_weights([weight + 1 for weight in again.get_weights()])
    for weight, kept_weight in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept_weight)
    if not values["model"]:
        assert bool(getattr(again, "compiled", again.optimizer)) == (line == "keras")
