"""Training ends after just so many epochs without a better value; the weights are those of the best epoch."""

import numpy as np
import pytest

from nbkeras import Refusal, recipes

BETTER = {"val_loss": "min", "val_accuracy": "max", "val_wobble": "max", "val_hits": "min"}
# Metrics whose names say nothing, or the contrary of what the metric itself says.
_METRIC = """
import numpy as np
from tensorflow import keras

class Wobble(keras.metrics.Mean):
    _direction = "{way}"
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(keras.backend.mean(y_pred))

inputs, targets = np.ones((40, 2), "float32"), -np.ones((40, 1), "float32")
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
mine.compile("sgd", "mse", metrics=[Wobble(name="{name}")])
"""
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
    (
        {"model": "mine", "x": "train", "validation": "held", "patience": 0},
        """
import tensorflow as tf
from tensorflow import keras
train = tf.data.Dataset.from_tensors((tf.ones((8, 2)), tf.ones((8, 1))))
held = tf.data.Dataset.from_tensors((tf.ones((8, 2)), -tf.ones((8, 1))))
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
mine.compile(loss="mse")
mine.set_weights([tf.zeros((2, 1)).numpy(), -tf.ones((1,)).numpy()])
""",
    ),
    (
        {"model": "mine", "x": "inputs", "y": "targets", "metric": "val_wobble", "epochs": 5},
        _METRIC.format(way="up", name="wobble"),
    ),
    # The highest accuracy is never the last: with the wrong direction the worst weights would be kept.
    ({"metric": "val_accuracy"}, ""),
]


def allowed(values):
    return values["mode"] in {"auto", BETTER[values["metric"]]}


def kept(values, variables, line):
    if not values["model"]:
        refused(values)
    values = {**values, "mode": BETTER[values["metric"]]}
    history = variables["history"].history
    seen = history[values["metric"]]
    stop, best = by_the_rule(seen, values)
    if values["epochs"] == 50:
        assert stop is not None, seen
    assert len(seen) == (values["epochs"] if stop is None else stop + 1)

    model = variables[values["model"] or "model"]
    now = model.evaluate(*held_out(values, variables), verbose=0, return_dict=True)
    epoch = best if values["restore_best"] else -1
    np.testing.assert_allclose(now["loss"], history["val_loss"][epoch], rtol=1e-4)


def refused(values):
    """The direction that would keep the worst weights, and a name that says nothing."""
    wrong = {"min": "max", "max": "min"}[BETTER[values["metric"]]]
    for metric, mode in ((values["metric"], wrong), ("val_strange", "auto")):
        with pytest.raises(Refusal, match=r"early_stopping: mode: expected (lower|higher)"):
            recipes.get("early_stopping").code(**{**values, "metric": metric, "mode": mode})


def by_the_rule(seen, values):
    """Return the epoch after which training has to end, None for none, and the best epoch."""
    sign = 1 if values["mode"] == "max" else -1
    top, best = -np.inf, 0
    for epoch, value in enumerate(seen):
        if sign * value > top + values["min_delta"]:
            top, best = sign * value, epoch
        elif epoch - best >= values["patience"]:
            return epoch, best
    return None, best


def held_out(values, variables):
    if values["validation"]:
        return (variables[values["validation"]],)
    x, y = variables[values["x"] or "x"], variables[values["y"] or "y"]
    start = int(len(x) * 0.8)
    return x[start:], y[start:]
