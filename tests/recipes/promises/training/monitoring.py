"""The logs hold just the metrics of this run, epoch by epoch; a second run can't get into them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from nbkeras import recipes

OTHERS = {"folder": "my logs", "epochs": 2}
OWN = [
    (
        {"model": "mine", "x": "batches", "validation": "batches", "log": "csv", "run": "my run", **OTHERS},
        """
import tensorflow as tf
from tensorflow import keras
batches = tf.data.Dataset.from_tensors((tf.random.normal((8, 2)), tf.ones((8, 1))))
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
mine.compile(loss="mse")
""",
    ),
]


def kept(values, variables, line):
    history, log_dir = variables["history"].history, variables["log_dir"]
    assert log_dir.parent == Path(values["folder"])
    if values["run"]:
        assert log_dir.name == values["run"]
        with pytest.raises(FileExistsError):
            exec(recipes.get("monitoring").code(line=line, **values), {**variables})  # noqa: S102
    if values["log"] == "csv":
        with (log_dir / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == values["epochs"]
        for name, series in history.items():
            np.testing.assert_allclose([float(row[name]) for row in rows], series, rtol=1e-5)
        return
    for name, series in history.items():
        group = "validation" if name.startswith("val_") else "train"
        found = events(log_dir / group)[f"epoch_{name.removeprefix('val_')}"]
        np.testing.assert_allclose(found, series, rtol=1e-5)
    assert any("kernel" in tag for tag in events(log_dir / "train")) is values["histograms"]


def events(folder):
    """Return what the one file of a folder says: tag -> its values in order."""
    import tensorflow as tf

    (path,) = folder.glob("*.v2")
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(tf.make_ndarray(value.tensor))
    return found
