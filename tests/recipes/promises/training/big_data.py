"""Each sample is read once an epoch, in a new order, a batch at a time; a fifth is held out."""

from pathlib import Path

import numpy as np
import pytest

from nbkeras import recipes
from nbkeras.runtime.refusal import Refusal

_FILES = Path(__file__).with_suffix("")
_MODEL = """
from tensorflow import keras
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
mine.compile(loss="mse")
"""
_HDF5 = {"source": "hdf5", "file": str(_FILES / "data.h5"), "x_key": "inputs", "y_key": "targets"}
_ARRAYS = {"source": "arrays", "x_file": str(_FILES / "x.npy"), "y_file": str(_FILES / "y.npy")}
OWN = [
    ({**_HDF5, "model": "mine"}, _MODEL),
    ({**_ARRAYS, "model": "mine", "pipeline": "class", "batch_size": 10}, _MODEL),
    ({"source": "texts", "folder": str(_FILES / "texts"), "batch_size": 3, "cache": "memory"}, ""),
]


def kept(values, variables, line):
    train, validation = variables["train"], variables["validation"]
    first, second, held = one_epoch(train), one_epoch(train), one_epoch(validation)
    total = {"hdf5": 200, "arrays": 200, "images": 80, "texts": 80}[values["source"]]
    if values["folder"]:
        total = 10
    elif values["file"] or values["x_file"]:
        total = 33
    assert len(held) in (total // 5, total // 5 + 1)
    assert sorted(first) == sorted(second)
    assert first != second
    assert len(set(first)) == len(first) == total - len(held)
    # Held out texts may have words that are unknown, and then look alike.
    assert not set(first) & set(held)
    for data in (train, validation):
        sizes = [len(x) for x, _ in data]
        assert all(size == values["batch_size"] for size in sizes[:-1])
    check_targets(values, variables)

    if values["model"] or "history" in variables:
        model = variables[values["model"] or "model"]
        assert len(variables["history"].history["val_loss"]) == 2
        steps = int(np.ceil(len(first) / values["batch_size"]))
        assert int(model.optimizer.iterations.numpy()) == 2 * steps
    if values["folder"]:
        with pytest.raises(Refusal, match=r"5 files or more that end with \.bmp.*with 0"):
            recipes.get("big_data").code(**{**values, "source": "images"})
        with pytest.raises(Refusal, match=r"two or more classes, received .* with 0"):
            recipes.get("big_data").code(**{**values, "folder": f"{values['folder']}/a"})
    if values["file"]:
        with pytest.raises(Refusal, match=r"inputs, targets.*'more'"):
            recipes.get("big_data").code(**{**values, "x_key": "more"})


def one_epoch(data):
    """Return what tells each sample from the others, in the order in which they came."""
    found = [sample.tobytes() for x, _ in data for sample in np.asarray(x)]
    if hasattr(data, "on_epoch_end"):
        data.on_epoch_end()
    return found


def check_targets(values, variables):
    """Every sample has its own target."""
    for batch in variables["train"]:
        x, y = map(np.asarray, batch)
        if values["source"] == "images":
            brightness = x.reshape(len(x), -1).mean(axis=1)
            np.testing.assert_array_equal(y, brightness < 127)
            assert variables["class_names"] == ["bright", "dark"]
            assert x.shape[1:] == (values["image_size"], values["image_size"], 3)
        elif values["source"] == "texts":
            words = variables["words"].get_vocabulary()
            marks = {"a", "b"} if values["folder"] else {"good", "bad"}
            for numbers, label in zip(x, y, strict=True):
                (mark,) = {words[n] for n in numbers} & marks
                assert label == {"a": 0, "b": 1, "good": 0, "bad": 1}[mark]
        else:
            np.testing.assert_allclose(y, x.sum(axis=1), rtol=1e-5, atol=1e-5)
