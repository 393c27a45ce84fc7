"""What the tests of searches tune: a small training that counts its fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# Where a search without a directory keeps its trials.
HERE = Path(".nbkeras/tuning/search")


class Training:
    """A function to tune, which counts its fits and notes what it was given."""

    def __init__(self, keras, *, epochs=2, lr=None, build=True, **fit):
        self.keras, self.lr, self.build = keras, lr, build
        rng = np.random.default_rng(0)
        self.x = rng.random((24, 3)).astype("float32")
        self.fit = {"validation_split": 0.25, "batch_size": 18, "epochs": epochs, **fit}
        self.given, self.fits = [], 0

    def __call__(self, hp):
        keras = self.keras
        units = hp.Choice("units", [2, 3])
        lr = hp.Float("lr", 1e-3, 1e-1, sampling="log") if self.lr is None else self.lr
        layers = [keras.layers.Input((3,))] if self.build else []
        model = keras.Sequential([*layers, keras.layers.Dense(units), keras.layers.Dense(1)])
        # Unnamed on purpose: a second one in a process would be called mean_absolute_error_1.
        metrics = [keras.metrics.MeanAbsoluteError()]
        model.compile(keras.optimizers.SGD(lr), "mse", metrics=metrics)
        self.begun()
        model.fit(self.x, self.x.sum(axis=1), **self.fit)
        self.fits += 1
        self.given.append((units, lr))
        return model

    def begun(self):
        pass

    def value(self, model):
        """The validation loss of a model."""
        return float(np.mean((model.predict(self.x[18:], verbose=0)[:, 0] - self.x[18:].sum(axis=1)) ** 2))
