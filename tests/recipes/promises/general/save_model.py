"""What is read back is the saved model: same weights and optimizer, and training goes on to the same bits."""

from pathlib import Path

import numpy as np
import pytest

MINE = """
import numpy as np
from tensorflow import keras
inputs = np.random.default_rng(0).normal(size=(40, 2))
mine = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
mine.compile("adam", "mse")
"""
TRAINED = f"{MINE}mine.fit(inputs, inputs[:, :1], verbose=0)\n"
# What model.export leaves switched on.
AUGMENTED = """
import numpy as np
from tensorflow import keras
inputs = np.random.default_rng(0).random((40, 6, 6, 1), dtype="float32")
layers = [keras.layers.RandomFlip(), keras.layers.Dropout(0.5), keras.layers.BatchNormalization()]
mine = keras.Sequential([keras.Input((6, 6, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(1)])
mine.compile("adam", "mse")
"""
OWN = [
    ({"do": "export", "model": "mine", "x": "inputs"}, AUGMENTED),
    ({"model": "mine", "path": "kept.keras"}, MINE),
    ({"model": "mine"}, TRAINED),
    ({"do": "h5", "model": "mine", "h5": "kept.h5"}, TRAINED),
    ({"do": "export", "model": "mine", "x": "inputs", "folder": "served"}, TRAINED),
    ({"do": "load"}, f"{TRAINED}mine.save('model.keras')"),
    ({"do": "load", "training": False}, f"{TRAINED}mine.save('model.keras')"),
    ({"do": "load", "source": "model.h5"}, f"{TRAINED}mine.save('model.h5')"),
]


def kept(values, variables, line):
    model = variables["mine" if "mine" in variables else "model"]
    if values["do"] == "export":
        assert Path(values["folder"], "saved_model.pb").is_file()
        x = variables[values["x"] or "x"][:5].astype("float32")
        np.testing.assert_allclose(variables["served"].serve(x), model.predict(x, verbose=0), rtol=1e-4)
        return
    loaded = variables["loaded"]
    assert loaded is not model
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    h5 = values["do"] == "h5" or (values["do"] == "load" and values["source"].endswith(".h5"))
    if values["do"] == "load" and (not values["training"] or (h5 and line == "keras")):
        with pytest.raises((RuntimeError, ValueError), match="compile"):
            loaded.fit(*_data(model), verbose=0)
        return
    _train(loaded)
    _train(model)
    same = [np.array_equal(a, b) for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True)]
    # The moments of the optimizer are not in what Keras 3 reads of an .h5 file.
    assert all(same) == (not h5 or line == "tf_keras")


def _data(model):
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, model.input_shape[-1])), rng.integers(0, 2, size=64)


def _train(model):
    model.fit(*_data(model), epochs=2, shuffle=False, verbose=0)
