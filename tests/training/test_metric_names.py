"""A metric that the ``fit`` will report is never refused, whatever named it; another one is."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal

# Keras 3.15 calls NumPy 2's __array__ in the old way when it reads the learning rate.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.fixture
def compiled(keras):
    def compiled(metrics, **more):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy", metrics=metrics, **more)
        return model

    return compiled


@pytest.mark.parametrize(
    "metrics",
    [
        ["AUC", "Precision", "Recall"],
        ["MeanSquaredError", "F1Score"],
        ["mse", "MAE", "binary_accuracy"],
        ["SparseCategoricalAccuracy", "acc"],
    ],
)
def test_names_of_texts_are_those_of_the_history(data, compiled, metrics):
    from nbkeras.training.metric_names import compiled_metrics

    x, y = data
    y = y[:, None].astype("float32")
    model = compiled(metrics)
    names = compiled_metrics(model)
    assert set(names) == set(model.fit(x, y, verbose=0).history)
    # Keras has the objects now; the names are the same.
    assert set(names) == set(compiled_metrics(model))
    for name in names:
        with nbkeras.fitting(quiet=True, early_stopping=f"{name}:3") as session:
            model.fit(x, y)
        assert session.run.status == "finished"


def test_a_name_that_only_the_other_line_gives_is_refused(keras, data, compiled):
    right, wrong = ("AUC", "auc") if keras.__name__ == "keras" else ("auc", "AUC")
    model = compiled(["AUC"])
    with (
        pytest.raises(Refusal, match=f"received '{wrong}' .the model reports loss, {right}.: take one"),
        nbkeras.fitting(quiet=True, early_stopping=f"{wrong}:3"),
    ):
        model.fit(*data)


@pytest.mark.filterwarnings("ignore:Early stopping conditioned on metric")
def test_objects_that_keras_numbers_are_not_refused(keras, data, compiled):
    x, y = data
    # tf_keras takes no classes; what it makes of a text has a number where no graph is traced.
    model = (
        compiled([keras.metrics.AUC]) if keras.__name__ == "keras" else compiled(["AUC"], run_eagerly=True)
    )
    with nbkeras.fitting(quiet=True, early_stopping="auc_7:3") as session:
        model.fit(x[:8], y[:8, None].astype("float32"))
    assert session.run.status == "finished"


@pytest.fixture(params=["list", "dict", "names of its own", "deeper", "one layer"])
def two(request, keras, data):
    """A model of two outputs with its targets."""
    inputs = keras.Input((4,))
    a, b = (keras.layers.Dense(1, name=name)(inputs) for name in "ab")
    twice = keras.layers.Dense(1, name="twice")
    structure = {
        "list": lambda a, b: [a, b],
        "dict": lambda a, b: {"a": a, "b": b},
        "names of its own": lambda a, b: {"first": a, "second": b},
        "deeper": lambda a, b: {"deep": [a, b]},
        "one layer": lambda a, b: [a, b],
    }[request.param]
    if request.param == "one layer":
        a, b = twice(inputs), twice(keras.layers.Activation("relu")(inputs))
    model = keras.Model(inputs, structure(a, b))
    model.compile("sgd", "mse", metrics=[["mae"], ["mse"]] if request.param == "list" else None)
    return model, structure(data[1], data[1]), request.param


@pytest.mark.costly("names of its own", "deeper", "one layer")
def test_names_of_several_outputs(data, two):
    from nbkeras.training.calls import Call
    from nbkeras.training.metric_names import refuse_unknown_metric

    model, y, kind = two
    names = model.fit(data[0], y, verbose=0, validation_data=(data[0], y)).history
    call = Call.of("fit", type(model).fit, model, (data[0], y), {"validation_data": (data[0], y)})
    for name in names:
        refuse_unknown_metric(call, name, "early_stopping")
    if kind not in ("list", "dict"):
        return
    refuse_unknown_metric(call, "a_mae_1", "early_stopping")
    for name, said in (("mae", "the model may report loss, a_loss, b_loss"), ("val_a_loss", "no validation")):
        with pytest.raises(Refusal, match=said), nbkeras.fitting(quiet=True, early_stopping=f"{name}:3"):
            model.fit(data[0], y)


def test_what_a_callback_may_add_is_not_refused(keras, data, compiled):
    def add(epoch, logs):
        logs["f1"] = float(epoch)

    class Own(keras.callbacks.ModelCheckpoint):
        def on_epoch_end(self, epoch, logs=None):
            logs["f1"] = float(epoch)

    for adding in (keras.callbacks.LambdaCallback(on_epoch_end=add), Own("unused.keras")):
        with nbkeras.fitting(quiet=True, early_stopping="f1:3") as session:
            history = compiled(["mae"]).fit(*data, epochs=3, callbacks=[[adding]]).history
        assert history["f1"] == [0.0, 1.0, 2.0]
        assert session.run.status == "finished"


def test_the_learning_rate_that_a_callback_logs_is_a_metric(keras, data, compiled, tmp_path):
    name = "learning_rate" if keras.__name__ == "keras" else "lr"
    for adding in (
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch)),
        keras.callbacks.ReduceLROnPlateau("loss"),
    ):
        with nbkeras.fitting(quiet=True, early_stopping=f"{name}:3"):
            history = compiled(["mae"]).fit(*data, callbacks=[adding]).history
        assert np.isfinite(history[name]).all()
        with (
            pytest.raises(Refusal, match=f"the model reports loss, mae, {name}"),
            nbkeras.fitting(quiet=True, early_stopping="f1:3"),
        ):
            compiled(["mae"]).fit(*data, callbacks=[adding])
    silent = [keras.callbacks.CSVLogger(tmp_path / "log.csv"), keras.callbacks.LambdaCallback(print)]
    with pytest.raises(Refusal, match="received 'lr'"), nbkeras.fitting(early_stopping="lr:3"):
        compiled(["mae"]).fit(*data, callbacks=silent)
