"""What a user has set on the model between two runs of its training is said, and not passed over."""

from __future__ import annotations

import pytest

import nbkeras


@pytest.fixture
def fit(keras, data, tmp_path, capsys):
    """Return a model, and a function that trains it until an interrupt and returns what was said."""

    class Leaving(keras.callbacks.Callback):
        def __init__(self, left):
            super().__init__()
            self.left = left

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")

    def fit(steps, change=lambda: None):
        change()
        own = nbkeras.ExactBackup(tmp_path / "b", every=1)
        plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=99, factor=0.5)
        with pytest.raises(KeyboardInterrupt):
            model.fit(*data, epochs=3, shuffle=False, verbose=0, callbacks=[own, plateau, Leaving(steps)])
        return capsys.readouterr().out

    return model, fit


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_learning_rate_and_frozen_layers(keras, fit):
    model, train = fit
    train(2)
    # As the callbacks have left it: nothing to say.
    assert "resumes at epoch 1, step 1 from backup-000001" in (said := train(3))
    assert "without training\n" in said

    def set_rate():
        model.optimizer.learning_rate = 0.001

    def freeze():
        model.layers[0].trainable = False
        model.compile(keras.optimizers.SGD(0.5), "mse")

    assert "without training; learning rate 0.5 as in the backup, not 0.001\n" in train(2, set_rate)
    assert float(model.optimizer.learning_rate.numpy()) == 0.5
    if keras.__name__ == "tf_keras":
        # Its SGD has slots for what is trainable.
        with pytest.raises(nbkeras.Refusal, match="other variables of the optimizer"):
            train(2, freeze)
        return
    said = train(2, freeze)
    assert "without training; not exact: layer 1 (Dense) has trainable=False, and had True\n" in said
