"""What was pickled, or is in the notebook, is in the file: the same weights and the same answers."""

import numpy as np
from tensorflow import keras

MINE = """
import pickle
from tensorflow import keras
mine = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, name="three")])
mine.compile(loss="mse")
with open("old.pkl", "wb") as file:
    pickle.dump(mine, file)
"""
OWN = [
    ({"model": "mine", "path": "mine.keras"}, MINE),
    ({"pickled": "old.pkl", "path": "new.keras"}, MINE),
]


def kept(values, variables, line):
    model = variables[values["model"] or "model"]
    again = keras.models.load_model(values["path"])
    x = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    np.testing.assert_array_equal(again(x), model(x))
    np.testing.assert_array_equal(variables["restored"](x), model(x))
    if values["pickled"]:
        np.testing.assert_array_equal(again(x), variables["mine"](x))
    for before, after in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
