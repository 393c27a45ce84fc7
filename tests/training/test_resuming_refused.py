"""A backup that the data do not reach any more is refused, and nothing of the user's has changed."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal


def values(model):
    return {id(each): each.numpy().copy() for each in [*model.variables, *model.optimizer.variables]}


@pytest.fixture
def fit(keras, data, leaving, tmp_path):
    """Train on a dataset that does not say how long it is, with a file that Keras empties as it begins."""
    import tensorflow as tf

    keras.utils.set_random_seed(2)
    rows = tf.data.Dataset.from_tensor_slices((data[0], data[1].astype("float32")))

    def fit(model, batches, last):
        dataset = rows.filter(lambda x, y: True).batch(16).take(batches)
        backup = nbkeras.ExactBackup(tmp_path / "b", every=4)
        csv = keras.callbacks.CSVLogger("log.csv")
        try:
            model.fit(dataset, epochs=3, shuffle=False, verbose=0, callbacks=[backup, csv, leaving(last)])
        finally:
            # Keras's own callback leaves it open when the training is left.
            if csv.csv_file is not None:
                csv.csv_file.close()

    return fit


@pytest.fixture
def make(keras):
    def make(*first):
        model = keras.Sequential([*first, keras.layers.Dense(3), keras.layers.Dense(1)], name="net")
        model.compile("adam", "mse")
        return model

    return make


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_that_have_become_shorter(keras, fit, make, tmp_path):
    first = keras.layers.Input((4,))
    with pytest.raises(KeyboardInterrupt):
        fit(make(first), 6, last=1)
    before = (tmp_path / "log.csv").read_text()
    assert before.count("\n") == 2
    model = make(first)
    np.random.seed(11)  # noqa: NPY002 - as users draw
    expected = [np.random.random()]  # noqa: NPY002
    np.random.seed(11)  # noqa: NPY002
    held = values(model)
    with pytest.raises(Refusal, match="data that end after step 3 of epoch 1") as caught:
        fit(model, 3, last=None)
    # What was there is as it was: weights, counts of the optimizer, files, random state.
    now = values(model)
    assert all(np.array_equal(now[key], value) for key, value in held.items())
    assert [np.random.random()] == expected  # noqa: NPY002
    assert (tmp_path / "log.csv").read_text() == before
    if keras.__name__ == "keras":
        # Slots are as new ones, too.
        assert all(not np.any(each.numpy()) for each in model.optimizer.variables[2:])
        assert "make it anew" not in str(caught.value)
    else:
        assert "has those of one step: make it anew" in str(caught.value)
    # The backup is there, too.
    fit(make(first), 6, last=None)


@pytest.mark.costly("tf_keras")
def test_arrays_with_other_values(keras, make, data, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    x, y = data
    moved = x.copy()
    moved[[0, 1]] = moved[[1, 0]]

    class Leaving(keras.callbacks.Callback):
        left = 3

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    def cell(x, y, *callbacks, shuffle=True):
        keras.utils.set_random_seed(2)
        model = make(keras.layers.Input((4,)))
        with nbkeras.fitting(quiet=True, backup=tmp_path / f"b {shuffle}", every=1):
            given = {"batch_size": 16, "epochs": 2, "shuffle": shuffle, "validation_split": 0.5}
            return model.fit(x, y, callbacks=list(callbacks), **given)

    for shuffle in (True, False):
        with pytest.raises(KeyboardInterrupt):
            cell(x, y, Leaving(), shuffle=shuffle)
        for other in ((moved, y), (x, 1 - y), (x + 1e-6, y)):
            name = "y" if other[0] is x else "x"
            words = rf"received data \({name}\) with other values than the backup's"
            with pytest.raises(Refusal, match=words):
                cell(*other, shuffle=shuffle)
        assert len(cell(x.copy(), y.copy(), shuffle=shuffle).epoch) == 2


def test_two_backups_of_one_training(keras, make, data, tmp_path):
    model = make(keras.layers.Input((4,)))
    held = values(model)
    for places in (("a", "c"), ("a", "a")):
        both = [nbkeras.ExactBackup(tmp_path / place, every=2) for place in places]
        with pytest.raises(Refusal, match=r"expected no other backup .* received ExactBackup: take it out"):
            model.fit(*data, verbose=0, callbacks=both)
    armed = nbkeras.fitting(quiet=True, backup=tmp_path / "a")
    with armed, pytest.raises(Refusal, match="received ExactBackup: take it out"):
        model.fit(*data, callbacks=[nbkeras.ExactBackup(tmp_path / "c")])
    assert all(np.array_equal(each, held[key]) for key, each in values(model).items())
    assert not (tmp_path / "a").exists()
    # Nothing is held by those that were refused.
    model.fit(*data, verbose=0, callbacks=[nbkeras.ExactBackup(tmp_path / "c")])


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_a_model_that_had_no_weights_is_named(fit, make):
    with pytest.raises(KeyboardInterrupt):
        fit(make(), 6, last=1)
    with pytest.raises(Refusal, match="has those of one step: make it anew"):
        fit(make(), 3, last=None)
