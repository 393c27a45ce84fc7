"""The new model has the same layers and settings, new weights unless asked otherwise, and no training."""

import json

import numpy as np

MINE = """
import numpy as np
from tensorflow import keras
inputs = keras.Input((3,))
hidden = keras.layers.Dense(4, activation="tanh", kernel_regularizer="l2", name="a")(inputs)
mine = keras.Model(inputs, keras.layers.Dense(2, name="b")(keras.layers.add([hidden, hidden])), name="mine")
mine.compile("adam", "mse")
mine.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
"""
OWN = [
    ({"model": "mine", "path": "kept.json"}, MINE),
    ({"do": "copy", "model": "mine", "weights": True}, MINE),
    ({"do": "load", "source": "kept.json"}, f"{MINE}open('kept.json', 'w').write(mine.to_json())"),
]


def kept(values, variables, line):
    model = variables["mine" if "mine" in variables else "model"]
    fresh = variables["fresh"]
    assert fresh is not model
    assert json.loads(fresh.to_json())["config"]["layers"] == json.loads(model.to_json())["config"]["layers"]
    x = np.random.default_rng(0).normal(size=(5, model.input_shape[-1]))
    same = np.array_equal(fresh.predict(x, verbose=0), model.predict(x, verbose=0))
    assert same == (values["do"] == "copy" and values["weights"])
    # The recipe says this of the two lines.
    compiled = getattr(fresh, "compiled", getattr(fresh, "_is_compiled", False))
    assert compiled == (line == "keras" and values["do"] != "copy")
    assert not compiled or fresh.optimizer.iterations == 0
