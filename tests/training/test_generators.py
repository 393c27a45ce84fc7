"""Generators under a strategy of Keras 3, which reads batches only to learn their shapes, and drops them."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras

# tf_keras reads none before it trains.
pytestmark = pytest.mark.parametrize("keras", ["keras"], indirect=True)


@pytest.fixture
def made(keras):
    def made(base=keras.Sequential):
        keras.utils.set_random_seed(1)
        model = base([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    return made


@pytest.fixture
def validate(data):
    """Train on arrays, with a generator that says in its targets which batch it is, and is read once."""
    x, y = data

    def validate(model, *callbacks, epochs=1):
        batches = ((x[:8], np.full((8, 1), number, "float32")) for number in range(1000))
        return model.fit(
            x,
            y,
            shuffle=False,
            validation_data=batches,
            validation_steps=6,
            epochs=epochs,
            callbacks=list(callbacks),
            verbose=0,
        )

    return validate


def test_a_validation_takes_each_batch(made, validate):
    with nbkeras.fitting(quiet=True, strategy="none"):
        expected = validate(made()).history
    with nbkeras.fitting(quiet=True, strategy="one") as session:
        received = validate(made()).history
    assert received.keys() == expected.keys()
    for name, values in expected.items():
        assert received[name] == pytest.approx(values, rel=1e-6)
    (note,) = [each for each in session.run.notes if "held back" in each]
    assert note.startswith("the validation's generator is held back while Keras 3 learns its shapes")


def test_a_backup_goes_on(made, validate, leaving, tmp_path):
    """Its replay tells no callback of the validations that it repeats."""

    def cell(leave):
        with nbkeras.fitting(quiet=True, strategy="one", backup=tmp_path / "b", every="epoch") as session:
            history = validate(made(), leaving(leave), epochs=3)
        return history, session.run

    with pytest.raises(KeyboardInterrupt):
        cell(2)
    history, run = cell(None)
    assert run.status == "finished"
    assert len(history.history["val_loss"]) == 3
    # Held, it would give the replay one batch for ever.
    assert not [each for each in run.notes if "held back" in each]


def test_an_evaluate_of_the_models_own(keras, made, validate):
    class Own(keras.Sequential):
        def evaluate(self, *data, callbacks=None, **options):
            del callbacks
            return super().evaluate(*data, **options)

    with nbkeras.fitting(quiet=True, strategy="one") as session:
        validate(made(Own))
    assert session.run.status == "finished"
    assert not [each for each in session.run.notes if "held back" in each]
