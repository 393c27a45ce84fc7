"""On a TPU, for which another strategy stands here, what leaves the shape of batches open is named."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal


@pytest.fixture
def fit(keras, monkeypatch):
    """Train on a dataset under one device that passes for a TPU."""
    import tensorflow as tf

    class TPUStrategy(tf.distribute.OneDeviceStrategy):
        pass

    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    monkeypatch.setattr(tf.distribute, "TPUStrategy", TPUStrategy)

    def fit(change):
        x = np.ones((10, 4), "float32")
        data = change(tf.data.Dataset.from_tensor_slices((x, x[:, :1])))
        with TPUStrategy("CPU:0").scope(), nbkeras.fitting(quiet=True) as session:
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            model.fit(data, shuffle=False, verbose=0)
        return session.run

    return fit


def masked(x, y):
    import tensorflow as tf

    return tf.boolean_mask(x, y[:, 0] > 0), y


@pytest.mark.parametrize(
    ("change", "step", "mend"),
    [
        (lambda rows: rows.batch(4), "batch", r"batch\(…, drop_remainder=True\)"),
        (lambda rows: rows.batch(4).prefetch(2), "batch", r"batch\(…, drop_remainder=True\)"),
        (lambda rows: rows.batch(5, drop_remainder=True).map(masked), "map", "ensure_shape in map"),
    ],
)
def test_the_step_that_leaves_the_shape_open(fit, change, step, mend):
    said = f"received a dataset whose {step} leaves it open: write  {mend}$"
    with pytest.raises(Refusal, match=f"^fit: expected batches of one shape, .* {said}"):
        fit(change)


def test_batches_of_one_shape(fit):
    assert fit(lambda rows: rows.batch(5, drop_remainder=True).prefetch(1)).status == "finished"
