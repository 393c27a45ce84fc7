"""Training ends for want of a better value, and the model has the weights of its best epoch if asked."""

import numpy as np

OWN = [
    (
        {"model": "mine", "x": "inputs", "y": "targets", "epochs": 3},
        """
import numpy as np
from tensorflow import keras
inputs, targets = np.ones((40, 2), "float32"), np.ones((40, 1), "float32")
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
mine.compile(loss="mse")
""",
    ),
]


def kept(values, variables, line):
    model = variables[values["model"] or "model"]
    history = variables["history"].history
    seen = history[values["metric"]]
    best = int(np.argmin(seen) if values["mode"] == "min" else np.argmax(seen))
    assert len(seen) <= values["epochs"]
    stopped = len(seen) < values["epochs"]
    assert not stopped or len(seen) >= values["patience"] + 1
    if values["restore_best"] and stopped and not values["model"] and values["min_delta"] == 0:
        x, y = variables["x"][-103:], variables["y"][-103:]
        held_out = model.evaluate(x, y, verbose=0, return_dict=True)
        np.testing.assert_allclose(held_out["loss"], history["val_loss"][best], rtol=1e-4)
