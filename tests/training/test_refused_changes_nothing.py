"""What is refused leaves the weights, the optimizer and the arguments as they were."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal


def state(model):
    optimizer = model.optimizer
    variables = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    return [*model.get_weights(), *(variable.numpy() for variable in variables)]


@pytest.mark.parametrize(
    "options",
    [{"early_stopping": "f1:2"}, {"early_stopping": "val_loss:2"}, {"epochs": 0}, {"csv": "/dev/null/x.csv"}],
)
def test_weights_optimizer_and_arguments(keras, model, data, options):
    model.fit(*data, verbose=0)
    callbacks = [keras.callbacks.LambdaCallback()]
    before, iterations = state(model), int(model.optimizer.iterations)
    rate = float(np.asarray(model.optimizer.learning_rate))
    copies = [each.copy() for each in data]
    runs = len(nbkeras.runs.all())
    with pytest.raises(Refusal), nbkeras.fitting(quiet=True, **options):
        model.fit(*data, callbacks=callbacks)
    assert int(model.optimizer.iterations) == iterations
    assert float(np.asarray(model.optimizer.learning_rate)) == rate
    for now, then in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(now, then)
    for now, then in zip(data, copies, strict=True):
        np.testing.assert_array_equal(now, then)
    assert len(callbacks) == 1
    assert len(nbkeras.runs.all()) == runs
    assert model.stop_training is False
