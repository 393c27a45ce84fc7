"""The two Keras lines in one process, small weights, and no network."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from nbkeras.models.pretrained import cache, known
from nbkeras.runtime.refusal import Refusal

SHAPE = (32, 32, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype("float32")
LABELS = np.arange(8) % 2


@pytest.fixture(params=["keras", "tf_keras"])
def line(request, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1" if request.param == "tf_keras" else "0")
    return request.param


@pytest.fixture
def keras(line):
    return importlib.import_module(line)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """The folder of weights, empty; what is asked of the network is refused."""
    folder = tmp_path / "kept"
    monkeypatch.setattr(cache, "folder", lambda line: folder)

    def download(url, path, **_):
        raise Refusal(f"expected an answer for {url}, received none")

    monkeypatch.setattr(cache, "download", download)
    return folder


def make_tiny(line):
    """Return a function like those of ``keras.applications``, whose own models take seconds each to train."""
    keras = importlib.import_module(line)
    layers = keras.layers
    utils = importlib.import_module(
        "keras.src.utils.file_utils" if line == "keras" else "tf_keras.src.utils.data_utils"
    )

    def make(*, include_top=True, weights="imagenet", input_shape=None, pooling=None):
        shape = input_shape or SHAPE
        if min(shape) < 3 or shape[0] < 16:
            raise ValueError(f"Input size must be at least 16x16;\n received {shape}")
        images = keras.Input(shape)
        x = layers.Conv2D(4, 3, strides=4)(images)
        x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
        x = layers.Conv2D(6, 3, strides=2, activation="tanh")(x)
        if include_top or pooling:
            x = layers.GlobalAveragePooling2D()(x)
        if include_top:
            x = layers.Dense(1000, activation="softmax", name="predictions")(x)
        model = keras.Model(images, x)
        if weights == "imagenet":
            kind = "whole" if include_top else "base"
            url = f"https://storage.googleapis.com/{kind}.h5"
            model.load_weights(utils.get_file(f"tiny_{kind}.h5", url, cache_subdir="models"))
        elif weights is not None:
            model.load_weights(weights)
        return model

    make.__name__ = "Tiny"
    # Its preprocess_input is MobileNet's.
    make.__module__ = f"{line}.src.applications.mobilenet"
    return make


@pytest.fixture
def tiny(line, keras, monkeypatch):
    """Put Tiny among the models of Keras; return its name."""
    monkeypatch.setattr(keras.applications, "Tiny", make_tiny(line), raising=False)
    known.known_models.cache_clear()
    yield "Tiny"
    known.known_models.cache_clear()
