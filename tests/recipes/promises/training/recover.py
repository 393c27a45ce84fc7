"""An interrupted run goes on with its next epoch, from the very weights that it had then."""

from pathlib import Path

import numpy as np
import pytest

from nbkeras import recipes

OWN = [
    (
        {"model": "mine", "x": "batches", "epochs": 4, "run": "my run", "folder": "kept"},
        """
import tensorflow as tf
from tensorflow import keras
batches = tf.data.Dataset.from_tensors((tf.random.normal((8, 2)), tf.ones((8, 1)))).repeat(5)
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
mine.compile(loss="mse")
""",
    ),
]


def kept(values, variables, line):
    from tensorflow import keras

    model = variables[values["model"] or "model"]
    epochs, steps = values["epochs"], 5 if values["model"] else 16
    first = epochs // 2 if values["interrupt"] else 0
    assert variables["history"].epoch == list(range(first, epochs))
    assert iterations(model) == epochs * steps
    folder = Path(values["folder"]) / values["run"]
    assert not list(folder.glob("**/*.*"))

    if not values["interrupt"]:
        crashes_and_goes_on(keras, values, variables)


def crashes_and_goes_on(keras, values, variables):
    """Run the code, end it within its third epoch, and run it again with other weights in memory."""
    code = recipes.get("recover").code(**values)
    spy = spying(keras)
    again = {**variables}
    fit = keras.Model.fit
    try:
        keras.Model.fit = lambda self, *args, callbacks, **rest: fit(
            self, *args, callbacks=[*callbacks, spy], **rest
        )
        with pytest.raises(KeyboardInterrupt):
            exec(code, again)  # noqa: S102
        if values["model"]:
            model = again[values["model"]]
            model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
        exec(code, again)  # noqa: S102
    finally:
        keras.Model.fit = fit
    assert again["history"].epoch == list(range(2, values["epochs"]))
    for weight, restored in zip(spy.weights, spy.restored, strict=True):
        np.testing.assert_array_equal(weight, restored)
    assert spy.iterations == spy.iterations_restored


def spying(keras):
    """Return a callback that is a crash in the third epoch, once, and remembers the weights around it."""

    class Spy(keras.callbacks.Callback):
        crashed = False

        def on_epoch_begin(self, epoch, logs=None):
            if self.crashed and epoch == 2:
                self.restored, self.iterations_restored = self.model.get_weights(), iterations(self.model)

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.weights, self.iterations = self.model.get_weights(), iterations(self.model)

        def on_train_batch_end(self, batch, logs=None):
            if not self.crashed and iterations(self.model) > getattr(self, "iterations", 10**9):
                self.crashed = True
                raise KeyboardInterrupt

    return Spy()


def iterations(model):
    return int(model.optimizer.iterations.numpy())
