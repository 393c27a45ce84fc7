"""The saved models are those of the notebook or pickle and train on exactly; what goes with them is there."""

import json
from pathlib import Path

import numpy as np

MINE = """
import pickle
import numpy as np
from tensorflow import keras
mine = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(1, name="b")])
mine.compile("adam", "mse")
mine.fit(np.ones((64, 8)), np.ones(64), verbose=0)
"""
OWN = [
    ({"model": "mine", "folder": "a/b"}, MINE),
    ({"do": "convert"}, f"{MINE}pickle.dump(mine, open('model.pkl', 'wb'))"),
    ({"do": "convert"}, f"{MINE}pickle.dump({{'one': mine, 'n': 3}}, open('model.pkl', 'wb'))"),
    ({"do": "convert", "source": "m.joblib"}, f"{MINE}import joblib\njoblib.dump(mine, 'm.joblib')"),
]


def kept(values, variables, line):
    from tensorflow import keras

    saved = list(Path(values["folder"]).glob("*.keras"))
    names = ["one"] if "one" in variables.get("models", {}) else ["model"]
    assert [path.stem for path in saved] == names
    loaded = keras.models.load_model(saved[0])
    model = variables["mine" if "mine" in variables else "model"]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 8)), rng.integers(0, 2, size=64)
    for each in (model, loaded):
        each.fit(x, y, shuffle=False, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    if values["do"] == "instead":
        extras = json.loads((Path(values["folder"]) / "extras.json").read_text())
        if values["model"]:
            assert extras == {"layers": ["a", "b"]}
        else:
            assert extras["history"] == variables["history"].history
