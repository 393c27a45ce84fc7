"""Whatever the model and the data, each call makes one run and returns what it would return."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras


def test_fit_evaluate_predict_make_one_run_each(model, data):
    x, y = data
    with nbkeras.fitting(quiet=True) as session:
        history = model.fit(x, y, epochs=2, validation_split=0.25)
        values = model.evaluate(x, y)
        outputs = model.predict(x)
    assert [run.kind for run in session.runs] == ["fit", "evaluate", "predict"]
    assert {run.status for run in session.runs} == {"finished"}
    assert session.runs[0].history == history.history
    assert session.runs[1].history["loss"] == pytest.approx([values[0]])
    assert outputs.shape == (96, 2)


def test_training_is_the_same_as_without(keras, data):
    def train(armed):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        if armed:
            with nbkeras.fitting(quiet=True):
                model.fit(*data, epochs=3)
        else:
            model.fit(*data, epochs=3, verbose=0)
        return model.get_weights()

    for ours, theirs in zip(train(armed=True), train(armed=False), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_methods_are_the_original_ones_outside_the_block(keras, model, data):
    before = {name: vars(keras.Model).get(name) for name in ("fit", "evaluate", "predict")}
    with nbkeras.fitting(quiet=True):
        assert vars(keras.Model).get("fit") is not before["fit"]
    assert {name: vars(keras.Model).get(name) for name in before} == before
    with pytest.raises(ZeroDivisionError), nbkeras.fitting(quiet=True):
        raise ZeroDivisionError
    assert {name: vars(keras.Model).get(name) for name in before} == before
    model.fit(*data, verbose=0)


def subclassed(keras):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2, activation="softmax")

        def call(self, inputs):
            return self.dense(inputs)

    return Subclassed()


def own_train_step(keras):
    import tensorflow as tf

    class OwnStep(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True)[:, 0] - tf.cast(y, "float32")))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"my_loss": loss}

    return OwnStep([keras.layers.Dense(2)])


def own_fit(keras):
    class OwnFit(keras.Sequential):
        def fit(self, data, **kwargs):
            x, y = data
            return super().fit(x, y, **kwargs)

    return OwnFit([keras.layers.Dense(2, activation="softmax")])


@pytest.mark.parametrize(("make", "metric"), [(subclassed, "loss"), (own_train_step, "my_loss")])
def test_model_classes(keras, data, make, metric):
    model = make(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    with nbkeras.fitting(quiet=True) as session:
        history = model.fit(*data, epochs=2)
    assert len(session.runs) == 1
    assert session.run.history[metric] == pytest.approx(history.history[metric])


def test_own_fit_that_calls_super(keras, data):
    model = own_fit(keras)
    model.compile("adam", "sparse_categorical_crossentropy")
    with nbkeras.fitting(quiet=True, epochs=2) as session:
        model.fit(data)
    assert len(session.runs) == 1
    assert len(session.run.history["loss"]) == 2


def dataset(keras, x, y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).batch(32), 3


def unknown_length(keras, x, y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).filter(lambda *_: True).batch(32), None


def py_dataset(keras, x, y):
    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

    class Batches(base):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            part = slice(32 * index, 32 * index + 32)
            return x[part], y[part]

    return Batches(), 3


def generator(keras, x, y):
    def batches():
        while True:
            yield x[:32], y[:32]

    return batches(), 3


# Keras 3 says so at the end of each epoch of unknown length.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("make", [dataset, unknown_length, py_dataset, generator])
def test_data_forms(keras, model, data, make):
    batches, steps = make(keras, *data)
    # Keras 3 warns of shuffle=True, its own default, with data that it can't shuffle.
    arguments = {"shuffle": False, **({"steps_per_epoch": 3} if make is generator else {})}
    with nbkeras.fitting(quiet=True, batch_size=8) as session:
        model.fit(batches, epochs=2, **arguments)
    run = session.run
    assert run.status == "finished"
    assert run.progress.done == 6
    assert run.progress.steps in {3, steps}
    assert any("--batch-size 8 not used, the data come in batches" in note for note in run.notes)


def test_callbacks_of_the_user_keep_working(keras, model, data):
    seen = []
    other = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: seen.append(epoch))
    joined = keras.callbacks.CallbackList([other], add_history=True, model=model)
    with nbkeras.fitting(quiet=True) as session:
        model.fit(*data, epochs=2, callbacks=[other])
        model.fit(*data, epochs=1, callbacks=joined)
    assert seen == [0, 1, 0]
    assert [run.progress.done for run in session.runs] == [6, 3]
    # The caller's list is as it was.
    assert other in joined.callbacks
    assert len(joined.callbacks) == 2


def test_monitor_of_the_user_does_the_work(keras, model, data):
    from nbkeras.callbacks.monitor import monitor_class

    monitor = monitor_class(keras.__name__)(name="mine", view=False)
    with nbkeras.fitting(epochs=3, early_stopping=2) as session:
        model.fit(*data, callbacks=[monitor], verbose=0)
    assert session.runs == [monitor.run]
    assert monitor.run.name == "mine"
    assert len(monitor.run.history["loss"]) == 3
    assert "EarlyStopping" in monitor.run.notes[1]


def test_a_monitor_is_copied_afresh(keras, model, data):
    """KerasTuner gives each trial a deep copy of the callbacks."""
    import copy

    from nbkeras.callbacks.monitor import monitor_class

    monitor = monitor_class(keras.__name__)(name="mine", view=False)
    model.fit(*data, callbacks=[monitor], verbose=0)
    other = copy.deepcopy(monitor)
    model.fit(*data, callbacks=[other], verbose=0)
    assert other.run is not monitor.run
    assert other.run.name == "mine"


def test_a_wrapper_of_somebody_elses(keras, model, data, monkeypatch):
    """Autologgers wrap Keras's method, some without its signature."""
    original = keras.Model.fit

    def traced(self, *args, **kwargs):
        return original(self, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", traced)
    with nbkeras.fitting(quiet=True, epochs=3) as session:
        history = model.fit(*data)
    assert len(history.history["loss"]) == 3
    assert session.run.history == history.history


def test_another_model_trained_in_a_callback_is_a_run_of_its_own(keras, model, data):
    inner = keras.Sequential([keras.layers.Dense(1)], name="inner")
    inner.compile("sgd", "mse")
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: inner.fit(*data))
    with nbkeras.fitting(quiet=True) as session:
        model.fit(*data, epochs=2, callbacks=[callback])
    assert [run.name for run in session.runs] == ["inner", "inner", "small"]


def test_evaluate_in_a_callback_makes_no_run_of_its_own(keras, model, data):
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: model.evaluate(*data, verbose=0))
    with nbkeras.fitting(quiet=True) as session:
        model.fit(*data, epochs=2, callbacks=[callback])
    assert [run.kind for run in session.runs] == ["fit"]
    assert session.run.status == "finished"


def test_error_comes_out_and_the_run_has_failed(keras, model, data):
    def fail(batch, logs):
        raise RuntimeError("disk gone")

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
    with pytest.raises(RuntimeError, match="disk gone"), nbkeras.fitting(quiet=True) as session:
        model.fit(*data, callbacks=[callback])
    assert session.run.status == "failed"
    assert session.run.reason == "RuntimeError: disk gone"


def test_keras_arrives_inside_the_block():
    """The first import of Keras may stand in the armed cell itself."""
    import subprocess
    import sys

    code = """
import nbkeras, sys
with nbkeras.fitting(quiet=True) as session:
    assert "keras" not in sys.modules
    import keras, numpy as np
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 1)), np.ones((8, 1)))
assert session.run.status == "finished", session.runs
assert "fit" not in vars(keras.Model)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_models_are_told_from_other_things(keras, model):
    from nbkeras.runtime import keras_lines

    assert keras_lines.is_model(model)
    assert keras_lines.line_of(model) == keras.__name__
    assert not keras_lines.is_model("model")
    assert keras_lines.line_of(object()) is None
