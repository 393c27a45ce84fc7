"""What the tests of fine-tuning share: a small model with a base and a head, on each Keras line."""

from __future__ import annotations

import pytest

from nbkeras.reproducibility import seeding


@pytest.fixture(autouse=True)
def settings_of_others(monkeypatch):
    """Seeding makes operations deterministic, for good; other tests want none of it."""
    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    yield
    from tensorflow.python.framework import config

    config.disable_op_determinism()


@pytest.fixture
def make(keras, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))

    def make(optimizer=None, *, head=(), **compiled):
        keras.utils.set_random_seed(1)
        layers = keras.layers
        low = [
            layers.Conv2D(2, 3, name="c1"),
            layers.BatchNormalization(name="bn"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(3, 2, name="c2"),
            layers.GlobalAveragePooling2D(name="mean"),
        ]
        base = keras.Sequential(low, name="base")
        parts = [keras.Input((6, 6, 1)), base, *head, layers.Dense(3, name="head")]
        model = keras.Sequential(parts, name="net")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        options = {"loss": loss, "metrics": ["accuracy"], **compiled}
        model.compile(optimizer or keras.optimizers.Adam(0.05, beta_1=0.8), **options)
        return model

    return make
