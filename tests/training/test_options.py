"""Each option does what Keras's own arguments and callbacks would do, and says so."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal


def test_epochs_only_where_the_call_does_not_say(model, data):
    with nbkeras.fitting(quiet=True, epochs=3) as session:
        model.fit(*data)
        model.fit(*data, epochs=2)
    assert [len(run.history["loss"]) for run in session.runs] == [3, 2]
    assert "epochs=3 by --epochs" in session.runs[0].notes[0]
    assert "--epochs 3 not used, the call says epochs=2" in session.runs[1].notes[0]


def test_batch_size_only_where_the_call_does_not_say(model, data):
    with nbkeras.fitting(quiet=True, batch_size=48) as session:
        model.fit(*data)
        model.fit(*data, batch_size=24)
        model.predict(data[0])
    assert [run.progress.done for run in session.runs] == [2, 4, 2]


def test_keras_progress_bar_is_off_unless_the_call_asks(model, data, capsys):
    with nbkeras.fitting(quiet=True) as session:
        model.fit(*data)
        assert capsys.readouterr().out == ""
        model.fit(*data, verbose=2)
    assert "loss" in capsys.readouterr().out
    assert "verbose=1 keeps it" in session.runs[0].notes[0]
    assert session.runs[1].notes == []


def test_early_stopping_restores_the_best_weights(model, data):
    x, y = data
    model.optimizer.learning_rate = 0.0
    with nbkeras.fitting(quiet=True, epochs=50, early_stopping="val_loss:2") as session:
        history = model.fit(x, y, validation_split=0.25)
    assert len(history.history["loss"]) == 3
    assert session.run.status == "finished"
    assert session.run.reason == "ended by a callback after epoch 3"
    assert (
        'EarlyStopping(monitor="val_loss", patience=2, mode="min", restore_best_weights=True)'
        in session.run.notes[1]
    )


def test_early_stopping_watches_the_loss_without_validation(model, data):
    with nbkeras.fitting(quiet=True, early_stopping=5) as session:
        model.fit(*data)
    assert 'monitor="loss"' in session.run.notes[1]


def test_accuracy_is_maximised_on_both_lines(model, data):
    with nbkeras.fitting(quiet=True, early_stopping="accuracy:1", restore_best=False) as session:
        model.fit(*data)
    assert 'mode="max", restore_best_weights=False' in session.run.notes[1]


# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_checkpoint_keeps_the_best_model(keras, model, data, tmp_path):
    with nbkeras.fitting(quiet=True, epochs=3, checkpoint=tmp_path / "best.keras"):
        model.fit(*data, validation_split=0.25)
    loaded = keras.models.load_model(tmp_path / "best.keras")
    assert loaded.predict(data[0], verbose=0).shape == (96, 2)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_csv_and_tensorboard(model, data, tmp_path):
    with nbkeras.fitting(quiet=True, epochs=2, csv=tmp_path / "log.csv", tensorboard=tmp_path / "tb"):
        history = model.fit(*data)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == pytest.approx(history.history["loss"])
    assert list((tmp_path / "tb").glob("*/train/events*"))


def test_max_time_stops_and_returns_history(model, data):
    with nbkeras.fitting(quiet=True, epochs=10**6, max_time=0.3) as session:
        history = model.fit(*data)
    assert session.run.status == "stopped"
    assert session.run.reason == "time limit of 0.3s"
    assert 0 < len(history.history["loss"]) < 10**6


def test_name(model, data):
    with nbkeras.fitting(quiet=True, name="first") as session:
        model.fit(*data)
    with nbkeras.fitting(quiet=True) as unnamed:
        model.fit(*data)
    assert session.run.name == "first"
    assert unnamed.run.name == "small"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": -1}, "epochs: expected a whole number of 1 or more, received -1"),
        ({"epochs": 2.5}, "epochs: expected a whole number of 1 or more, received 2.5"),
        ({"epochs": True}, "epochs: expected a whole number"),
        ({"batch_size": 0}, "batch_size: expected a whole number"),
        ({"early_stopping": -3}, "early_stopping: expected [METRIC:]PATIENCE"),
        ({"early_stopping": "loss:many"}, "received 'loss:many'"),
        ({"max_time": "soon"}, "max_time: expected a time such as 90s, 10m or 1h30m, received 'soon'"),
        ({"max_time": -5}, "max_time: expected a time"),
        ({"checkpoint": "best"}, "give  best.keras"),
        ({"checkpoint": "."}, "checkpoint: expected a file, received the directory"),
        ({"csv": "/dev/null/log.csv"}, "csv: expected a place that can be written"),
        ({"tensorboard": "/dev/null"}, "tensorboard: expected a directory, received the file"),
        ({"tensorboard": "/dev/null/logs"}, "tensorboard: expected a place that can be written"),
        (
            {"csv": "deep/er/a.csv"},
            "received 'deep/er/a.csv': give  a.csv  or make the folder 'deep/er' first",
        ),
        ({"csv": 5}, "csv: expected the path of a file, received 5"),
        ({"csv": b"a.csv"}, "csv: expected the path of a file, received b'a.csv'"),
        ({"csv": "a" * 300}, "csv: expected a file that can be written"),
        ({"checkpoint": ["a.keras"]}, "checkpoint: expected the path of a file, received ['a.keras']"),
        ({"tensorboard": 5}, "tensorboard: expected the path of a directory, received 5"),
        ({"early_stopping": ("val_loss",)}, "early_stopping: expected [METRIC:]PATIENCE"),
        ({"early_stopping": ("val_loss", 2, 3)}, "early_stopping: expected [METRIC:]PATIENCE"),
        ({"early_stopping": (2, "val_loss")}, "early_stopping: expected [METRIC:]PATIENCE"),
        ({"early_stopping": ["val_loss", 2]}, "early_stopping: expected [METRIC:]PATIENCE"),
        ({"early_stopping": ()}, "early_stopping: expected [METRIC:]PATIENCE"),
        ({"max_time": [1]}, "max_time: expected a time such as 90s, 10m or 1h30m, received [1]"),
        ({"max_time": True}, "max_time: expected a time"),
        ({"name": 5}, "name: expected a text, received 5: give  '5'"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(options, words):
    with pytest.raises(Refusal) as caught, nbkeras.fitting(**options):
        pytest.fail("the block must not run")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_folders_that_keras_makes_are_not_asked_for(keras, model, data):
    """ModelCheckpoint and TensorBoard make them; CSVLogger does not, and so is refused above."""
    from tensorflow.errors import NotFoundError

    with nbkeras.fitting(quiet=True, checkpoint="deep/one/best.keras", tensorboard="deep/two") as session:
        model.fit(*data)
    assert session.run.status == "finished"
    assert list(Path("deep/two").glob("*/train/events*"))
    assert Path("deep/one/best.keras").is_file()
    with pytest.raises((FileNotFoundError, NotFoundError)):
        model.fit(*data, verbose=0, callbacks=[keras.callbacks.CSVLogger("not/there.csv")])


def test_numbers_of_numpy_are_numbers(model, data):
    with nbkeras.fitting(quiet=True, epochs=np.int64(2), max_time=np.float32(600)) as session:
        model.fit(*data)
    assert len(session.run.history["loss"]) == 2


def test_unknown_metric_is_refused_before_training(model, data):
    before = model.get_weights()
    with (
        pytest.raises(Refusal, match="the model reports loss, accuracy"),
        nbkeras.fitting(early_stopping="val_f1:2"),
    ):
        model.fit(*data)
    with pytest.raises(Refusal, match="no validation data"), nbkeras.fitting(early_stopping="val_loss:2"):
        model.fit(*data)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    "metrics",
    [["accuracy"], ["mae", "mse"], "objects", "function", {"a": ["mae"], "b": "mse"}],
)
def test_metric_names_are_those_that_fit_reports(keras, data, metrics):
    """What is refused rests on these names: they must hold all that Keras will report."""
    from nbkeras.training.metric_names import compiled_metrics

    x, y = data
    inputs = keras.layers.Input((4,))
    two = isinstance(metrics, dict)
    outputs = (
        [keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")]
        if two
        else keras.layers.Dense(1)(inputs)
    )

    def own(y_true, y_pred):
        return y_pred[:, 0] * 0.0

    chosen = {
        "objects": [keras.metrics.MeanAbsoluteError(name="distance")],
        "function": [own],
    }.get(metrics if isinstance(metrics, str) else "", metrics)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"a": "mse", "b": "mse"} if two else "mse", metrics=chosen)
    names = compiled_metrics(model)
    history = model.fit(x, {"a": y, "b": y} if two else y, verbose=0).history
    assert set(history) <= set(names)


def test_a_metric_that_keras_may_name_otherwise_is_not_refused(keras, data):
    """Keras numbers, prefixes and renames: where it may, it has the last word."""
    x, y = data

    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

    subclassed = Two()
    subclassed.compile("sgd", "mse", metrics=["mae"])
    weighted = keras.Sequential([keras.layers.Dense(1)])
    weighted.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    anonymous = keras.Sequential([keras.layers.Dense(1)])
    anonymous.compile("sgd", "mse", metrics=[lambda y_true, y_pred: y_pred])
    for model, name in ((subclassed, "mae"), (weighted, "weighted_mae"), (anonymous, "lambda")):
        with nbkeras.fitting(quiet=True, early_stopping=f"{name}:2") as session:
            model.fit(x, y)
        assert session.run.status == "finished"


def test_best_is_what_the_metric_itself_says(keras, data):
    class Pearson(keras.metrics.Mean):
        def __init__(self):
            super().__init__(name="pearson")
            self._direction = "up"

        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(1.0)

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Pearson()])
    with nbkeras.fitting(quiet=True, early_stopping="pearson:2") as session:
        model.fit(*data)
    assert 'mode="max"' in session.run.notes[1]
    assert session.run.direction("val_pearson") == "max"
    assert session.run.direction("loss") == "min"


def test_model_that_is_not_compiled(keras, data):
    model = keras.Sequential([keras.layers.Dense(1)], name="raw")
    with (
        pytest.raises(Refusal, match="expected a compiled model, received 'raw' without compile"),
        nbkeras.fitting(),
    ):
        model.fit(*data)


def test_nan_and_infinity_are_values(keras, data):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e30), "mse")
    with nbkeras.fitting(quiet=True, epochs=4) as session:
        model.fit(*data)
    assert not np.isfinite(session.run.history["loss"]).all()
    assert session.run.status == "finished"
