"""Models whose steps can be computed by hand, and steps for them."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import tensorflow as tf

from tests.recipes.cases import PAIRWISE


# `make grid` runs these on both lines; each takes long.
@pytest.fixture(params=["keras", "tf_keras"] if PAIRWISE else ["keras"])
def keras(request):
    return importlib.import_module(request.param)


@pytest.fixture
def space(keras):
    """The notebook that a body sees."""
    return {"__name__": "__main__", "keras": keras, "tf": tf}


@pytest.fixture
def line(keras):
    """A model y = w·x with w = 1, an SGD of rate 0.1 and the mean squared error."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    model.set_weights([np.ones((1, 1), "float32")])
    return model


@pytest.fixture
def large(keras):
    """A model with all that a step can forget: regularisation, batch statistics, dropout."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, kernel_regularizer="l2", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5),
            layers.Dense(1, name="last"),
        ],
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


@pytest.fixture
def points():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


@pytest.fixture
def half_precision(keras):
    policy = keras.mixed_precision
    before = policy.dtype_policy() if keras.__name__ == "keras" else policy.global_policy()
    policy.set_global_policy("mixed_float16")
    yield
    policy.set_global_policy(before)
