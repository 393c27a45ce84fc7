"""Batches follow each other, states go on from one to the next and are zero as each epoch begins."""

import numpy as np

OWN = [
    (
        {"x": "walk", "batch_size": 3, "steps": 5, "units": 4, "epochs": 2},
        """
import numpy as np
walk = np.random.default_rng(1).normal(size=(70, 2)).cumsum(axis=0) / 10
""",
    ),
]


def kept(values, variables, line):
    model, inputs, targets = (variables[name] for name in ("model", "inputs", "targets"))
    streams, steps = values["batch_size"], values["steps"]
    series = variables["series"]
    assert inputs.shape == targets.shape == (len(inputs), steps, series.shape[1])
    assert len(inputs) == (len(series) - 1) // (streams * steps) * streams
    # Put together again, each stream is a piece of the series, and the targets are a step ahead.
    length = len(inputs) // streams * steps
    for stream in range(streams):
        whole = inputs[stream::streams].reshape(length, -1)
        start = stream * length
        np.testing.assert_array_equal(whole, series[start : start + length])
        ahead = targets[stream::streams].reshape(length, -1)
        np.testing.assert_array_equal(ahead, series[start + 1 : start + 1 + length])
    assert len(variables["history"].history["loss"]) == values["epochs"]
    if values["predictor"]:
        last = reference(values, model).predict(series[np.newaxis, -steps:], verbose=0)[0, -1]
        np.testing.assert_allclose(variables["next_values"], last, rtol=1e-4, atol=1e-5)
    states_go_on(values, variables, model)
    epochs_begin_at_zero(values, variables, model)


def reference(values, model):
    """Return a model without states that stay, for streams of any length."""
    from tensorflow import keras

    cell = getattr(keras.layers, values["cell"])(values["units"], return_sequences=True)
    features = model.layers[-1].units
    free = keras.Sequential([keras.Input((None, features)), cell, keras.layers.Dense(features)])
    free.set_weights(model.get_weights())
    return free


def states_go_on(values, variables, model):
    """Batch after batch gives what one pass over the whole streams gives."""
    streams, inputs = values["batch_size"], variables["inputs"]
    model.layers[0].reset_states()
    got = model.predict(inputs, batch_size=streams, verbose=0)
    whole = np.stack([np.concatenate(inputs[stream::streams]) for stream in range(streams)])
    expected = reference(values, model).predict(whole, verbose=0)
    for stream in range(streams):
        found = np.concatenate(got[stream::streams])
        np.testing.assert_allclose(found, expected[stream], rtol=1e-3, atol=1e-5)


def epochs_begin_at_zero(values, variables, model):
    from tensorflow import keras

    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append((batch, max(abs(np.asarray(state)).max() for state in model.layers[0].states)))

    order = [variables["ResetStates"](), Look()]
    options = {"batch_size": values["batch_size"], "shuffle": False, "verbose": 0}
    model.fit(variables["inputs"], variables["targets"], epochs=2, callbacks=order, **options)
    batches = len(variables["inputs"]) // values["batch_size"]
    assert [batch for batch, _ in seen] == [*range(batches)] * 2
    assert all((state == 0) == (batch == 0) for batch, state in seen), seen
