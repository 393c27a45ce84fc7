"""The learning rate that is shown, and can be set, is that of an optimizer that trains."""

from __future__ import annotations

import pytest

import nbkeras
from nbkeras.widgets import offer


@pytest.fixture
def offered(monkeypatch):
    """What a view in Jupyter would offer."""
    monkeypatch.setattr(offer, "frontend", lambda: offer.Frontend.JUPYTER)
    monkeypatch.setattr(offer, "hears_comms_while_busy", lambda: True)
    return lambda run: offer.controls_of(run).learning_rate


def with_own_step(keras, used):
    """A model whose train_step uses one of its optimizers."""
    import tensorflow as tf

    class Own(keras.Sequential):
        def compile(self, d_optimizer, **more):
            super().compile(**more)
            self.d_optimizer = d_optimizer
            self.mean = keras.metrics.Mean(name="d_loss")

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x, training=True)[:, 0] - tf.cast(y, "float32")) ** 2)
            weights = self.trainable_variables
            getattr(self, used).apply_gradients(
                zip(tape.gradient(loss, weights), weights, strict=True),
            )
            self.mean.update_state(loss)
            return {"d_loss": self.mean.result()}

    model = Own([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.125))
    return model


class Press:
    """Presses at a step, and looks on."""

    def __init__(self, keras, offered):
        self.seen, self.rates = [], []
        self.callback = keras.callbacks.LambdaCallback(on_train_batch_end=self._press)
        self._offered = offered

    def _press(self, batch, logs):
        run = nbkeras.runs.latest()
        self.seen.append(self._offered(run))
        if len(self.seen) == 2:
            run.control.set_learning_rate(0.5)


def test_an_optimizer_that_trains_nothing_is_not_offered(keras, data, offered):
    model = with_own_step(keras, "d_optimizer")
    press = Press(keras, offered)
    runs = []
    for _ in range(2):
        with nbkeras.fitting(quiet=True) as session:
            model.fit(*data, epochs=2, callbacks=[press.callback])
        assert not {"optimizer", "learning_rate"} & session.run.parameters.keys()
        assert session.run.progress.learning_rate is None
        runs += session.runs
    assert press.seen == [False] * 12
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.001)
    (event,) = [event for run in runs for event in run.events]
    assert event.text.startswith("learning rate not changed: ")


def test_the_models_optimizer_is_offered_as_soon_as_it_has_trained(keras, data, offered):
    model = with_own_step(keras, "optimizer")
    press = Press(keras, offered)
    with nbkeras.fitting(quiet=True) as session:
        model.fit(*data, epochs=2, callbacks=[press.callback])
    assert press.seen[0] is False
    assert press.seen[-1] is True
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.5)
    assert session.run.parameters["optimizer"] == "RMSprop"
    # It has counted steps by now.
    press = Press(keras, offered)
    with nbkeras.fitting(quiet=True):
        model.fit(*data, callbacks=[press.callback])
    assert press.seen == [True] * 3


def test_an_ordinary_model_offers_it_at_once(keras, model, data, offered):
    press = Press(keras, offered)
    with nbkeras.fitting(quiet=True):
        model.fit(*data, callbacks=[press.callback])
    assert press.seen == [True] * 3
