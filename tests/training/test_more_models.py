"""Models of several outputs, and arguments of ``fit`` that change what an epoch is."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras


def watched(call):
    """Make one call in an armed block; return its run and its result."""
    with nbkeras.fitting(quiet=True) as session:
        result = call()
    (run,) = session.runs
    assert run.status == "finished"
    return run, result


@pytest.fixture
def two_outputs(keras):
    inputs = {name: keras.layers.Input((2,), name=name) for name in ("left", "right")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    outputs = {
        "kind": keras.layers.Dense(2, activation="softmax", name="kind")(joined),
        "size": keras.layers.Dense(1, name="size")(joined),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        "adam",
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return model


def test_dicts_of_inputs_and_outputs(two_outputs, data):
    x, y = data
    inputs = {"left": x[:, :2], "right": x[:, 2:]}
    targets = {"kind": y, "size": x.sum(axis=1)}
    run, history = watched(lambda: two_outputs.fit(inputs, targets, epochs=2, validation_split=0.25))
    assert run.history == history.history
    assert {"kind_accuracy", "size_mae", "val_kind_loss", "val_size_loss"} <= set(run.metrics)
    run, values = watched(lambda: two_outputs.evaluate(inputs, targets, return_dict=True))
    assert {name: series[-1] for name, series in run.history.items()} == pytest.approx(values)
    run, outputs = watched(lambda: two_outputs.predict(inputs))
    assert {name: len(rows) for name, rows in outputs.items()} == {"kind": 96, "size": 96}


def frame(x, y):
    import pandas as pd

    return pd.DataFrame(x, columns=list("abcd")), pd.Series(y)


def tensors(x, y):
    import tensorflow as tf

    return tf.constant(x), tf.constant(y)


@pytest.mark.parametrize("make", [frame, tensors])
def test_frames_and_tensors(model, data, make):
    x, y = make(*data)
    run, history = watched(lambda: model.fit(x, y, epochs=2))
    assert run.history == history.history
    assert run.progress.done == 6
    assert run.progress.steps == 3


def test_evaluate_and_predict_of_a_dataset(model, data):
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(data).batch(32)
    run, values = watched(lambda: model.evaluate(batches, return_dict=True))
    assert (run.kind, run.progress.done) == ("evaluate", 3)
    assert {name: series[-1] for name, series in run.history.items()} == pytest.approx(values)
    run, rows = watched(lambda: model.predict(batches.map(lambda x, _: x)))
    assert (run.kind, run.progress.done, len(rows)) == ("predict", 3, 96)


def test_validation_at_every_other_epoch(model, data):
    run, history = watched(
        lambda: model.fit(*data, epochs=4, validation_data=data, validation_freq=2, batch_size=48)
    )
    assert run.history == history.history
    assert len(run.history["loss"]) == 4
    assert run.epoch_numbers("val_loss") == [2, 4]


def test_training_that_goes_on_at_a_later_epoch(model, data):
    run, history = watched(lambda: model.fit(*data, epochs=5, initial_epoch=3))
    assert run.history == history.history
    assert run.epoch_numbers("loss") == [4, 5]
    assert (run.progress.epoch, run.progress.epochs) == (5, 5)


def test_classes_of_different_weight(keras, data):
    def losses(armed):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        arguments = {"epochs": 2, "class_weight": {0: 1.0, 1: 5.0}, "shuffle": False}
        if armed:
            return watched(lambda: model.fit(*data, **arguments))[0].history
        return model.fit(*data, verbose=0, **arguments).history

    assert losses(armed=True) == losses(armed=False)


def test_several_steps_in_one_execution(keras, data):
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=4)
    run, history = watched(lambda: model.fit(*data, epochs=2, batch_size=8))
    assert run.history == history.history
    assert (run.progress.step, run.progress.steps, run.progress.done) == (12, 12, 24)


def test_mixed_precision(keras, data):
    mixed = keras.mixed_precision.Policy("mixed_float16")
    layers = [keras.layers.Dense(4, dtype=mixed), keras.layers.Dense(2, dtype="float32")]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Softmax(dtype="float32")])
    optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.125))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    run, history = watched(lambda: model.fit(*data, epochs=2))
    assert run.history == history.history
    assert run.progress.learning_rate == pytest.approx(0.125)
    assert np.isfinite(run.history["loss"]).all()


def test_compiled_by_xla(keras, data):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=True)
    run, history = watched(lambda: model.fit(*data, epochs=2))
    assert run.history == history.history
