"""Dropout really drops, by its rate and anew each time, whatever is trainable; without it nothing varies."""

import numpy as np

# What comes out is what the dropout let through: zeros can be counted.
BARE = """
import numpy as np
from tensorflow import keras
ones = np.ones((50, 40), "float32")
inputs = keras.Input((40,))
bare = keras.Model(inputs, keras.layers.Dropout(0.25)(inputs))
"""
NESTED = """
import numpy as np
from tensorflow import keras
ones = np.ones((50, 40), "float32")
inside = keras.Sequential([keras.Input((40,)), keras.layers.Dropout(0.25, name="deep")], name="inside")
inputs = keras.Input((40,))
bare = keras.Model(inputs, inside(inputs))
"""

OWN = [
    ({"model": "bare", "x": "ones"}, BARE),
    ({"model": "bare", "x": "ones", "way": "call", "trainable": False}, BARE),
    ({"model": "bare", "x": "ones", "samples": 5}, NESTED),
]


def kept(values, variables, line):
    samples = variables["samples"]
    model, x = variables[values["model"] or "model"], variables[values["x"] or "x"]
    assert samples.shape[:2] == (values["samples"], len(x))
    assert not np.array_equal(samples[0], samples[1])
    np.testing.assert_allclose(variables["mean"], samples.mean(axis=0))
    np.testing.assert_allclose(variables["spread"], samples.std(axis=0))
    # In inference mode the model itself never varies.
    again = [model.predict(x, verbose=0) for _ in range(2)]
    np.testing.assert_array_equal(*again)
    assert bool(model.trainable_weights) == (values["trainable"] and not values["model"])
    if values["model"]:
        zeros = (samples == 0).mean(axis=(1, 2))
        np.testing.assert_allclose(zeros, 0.25, atol=0.06)
        np.testing.assert_allclose(samples[samples > 0], 1 / 0.75, rtol=1e-5)
    else:
        # With dropout, a prediction is right on average only before the sigmoid; nearly so after it.
        assert abs(variables["mean"] - again[0]).mean() < 0.1
        assert variables["spread"].mean() > 0.005
