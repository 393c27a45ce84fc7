"""Under a seed each epoch has an order of its own, the same in each run; nothing else of a fit changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nbkeras
from nbkeras.reproducibility import seeding

ROWS = 40


@pytest.fixture(autouse=True)
def no_seed_before(monkeypatch):
    from tensorflow.python.framework import config

    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    yield
    # No public name does it, and the tests after these have not asked for it.
    config.disable_op_determinism()


def watched(keras):
    """A model of a weight that stays, which keeps the rows that it is given."""
    import tensorflow as tf

    class Watched(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.seen = []

        def call(self, inputs):
            return self.dense(inputs)

        def train_step(self, data):
            x, _, weights = keras.utils.unpack_x_y_sample_weight(data)
            self.seen.append((tf.reshape(x, [-1]), weights))
            return super().train_step(data)

    model = Watched()
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def rows():
    x = np.arange(ROWS, dtype="float64")[:, None] / ROWS
    return x, x.copy()


def order(model, epochs):
    """The rows of each epoch, in the order in which the model was given them."""
    batches = [np.rint(x.numpy() * ROWS).astype(int).tolist() for x, _ in model.seen]
    each = len(batches) // epochs
    return [[row for batch in batches[e * each : (e + 1) * each] for row in batch] for e in range(epochs)]


def trained(keras, **arguments):
    model = watched(keras)
    x, y = rows()
    given = {"x": x, "y": y, "epochs": 3, "batch_size": 8, **arguments}
    model.fit(**given)
    return order(model, 3)


def test_seeded_fit_has_an_order_for_each_epoch_and_the_same_ones_in_each_run(keras):
    def run(seed):
        with nbkeras.fitting(seed=seed, quiet=True) as session:
            orders = trained(keras)
        return orders, session.run.notes

    orders, notes = run(5)
    assert all(sorted(epoch) == list(range(ROWS)) for epoch in orders)
    assert len({tuple(epoch) for epoch in orders}) == 3
    assert run(5)[0] == orders
    assert run(6)[0] != orders
    assert any("seeded with 5" in note for note in notes)
    assert any("order of their own each epoch (seed 5)" in note for note in notes)


def test_the_fault_is_there_without(keras):
    """What all this is for; when Keras 3 mends it, this test says so."""
    keras.utils.set_random_seed(5)
    model = watched(keras)
    model.fit(*rows(), epochs=3, batch_size=8, verbose=0)
    assert len({tuple(epoch) for epoch in order(model, 3)}) == (1 if keras.__name__ == "keras" else 3)


def test_a_seeded_notebook_has_orders_too(keras):
    def run():
        nbkeras.seed(5)
        with nbkeras.fitting(quiet=True) as session:
            orders = [trained(keras) for _ in range(2)]
        return orders, session.run.notes

    (first, second), notes = run()
    assert len({tuple(epoch) for epoch in first + second}) == 6
    assert run()[0] == [first, second]
    assert any("by %seed" in note for note in notes)


def test_each_fit_of_a_block_has_orders_of_its_own(keras):
    with nbkeras.fitting(seed=5, quiet=True):
        first, second = trained(keras), trained(keras)
    assert len({tuple(epoch) for epoch in first + second}) == 6


def test_what_is_not_shuffled_is_left_alone(keras):
    with nbkeras.fitting(seed=5, quiet=True) as session:
        assert trained(keras, shuffle=False) == [list(range(ROWS))] * 3
    assert not any("order" in note for note in session.run.notes)


def test_validation_split_takes_the_last_samples(keras):
    with nbkeras.fitting(seed=5, quiet=True) as session:
        model = watched(keras)
        history = model.fit(*rows(), epochs=2, batch_size=8, validation_split=0.25)
        scores = model.evaluate(*(part[30:] for part in rows()), batch_size=8)
    assert all(sorted(epoch) == list(range(30)) for epoch in order(model, 2))
    assert history.history["val_loss"][-1] == scores
    assert session.runs[0].parameters["validation_split"] == 0.25


@pytest.mark.parametrize("frames", [False, True])
def test_validation_of_frames(keras, frames):
    x, y = rows()
    if frames:
        x, y = pd.DataFrame(x), pd.Series(y[:, 0])
    with nbkeras.fitting(seed=5, quiet=True):
        orders = trained(keras, x=x, y=y, validation_split=0.5)
    assert all(sorted(epoch) == list(range(20)) for epoch in orders)


def test_class_weight_means_what_it_means_without_a_seed(keras):
    x, _ = rows()
    labels = (np.arange(ROWS) % 3).astype("int64")

    def losses(seed):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3, activation="softmax")])
        model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        with nbkeras.fitting(seed=seed, quiet=True) if seed else nbkeras.fitting(quiet=True):
            weights = {0: 1.0, 1: 5.0, 2: 1.0} if keras.__name__ == "tf_keras" else {0: 1.0, 1: 5.0}
            return model.fit(x, labels, class_weight=weights, batch_size=ROWS).history["loss"]

    assert losses(4) == pytest.approx(losses(None))


@pytest.mark.parametrize("steps", [3, 5])
def test_steps_of_an_epoch_go_on_where_the_last_one_ended(keras, steps):
    """With arrays, an epoch of fewer steps than there are batches is followed by the rest."""

    def seen(**options):
        model = watched(keras)
        with nbkeras.fitting(quiet=True, **options):
            model.fit(*rows(), batch_size=8, epochs=2, steps_per_epoch=steps)
        return [sorted(np.rint(x.numpy() * ROWS).astype(int).tolist()) for x, _ in model.seen]

    if keras.__name__ == "keras" and steps == 3:
        with pytest.warns(UserWarning, match="ran out of data"):
            ours = seen(seed=2)
        with pytest.warns(UserWarning, match="ran out of data"):
            theirs = seen()
    else:
        ours, theirs = seen(seed=2), seen()
    assert [len(batch) for batch in ours] == [len(batch) for batch in theirs]
    whole = [sorted(row for batch in seen[:5] for row in batch) for seen in (ours, theirs)]
    assert whole == [list(range(ROWS))] * 2


def test_steps_without_a_batch_size_make_one(keras):
    with nbkeras.fitting(seed=2, quiet=True):
        model = watched(keras)
        model.fit(*rows(), steps_per_epoch=4)
    assert [len(x) for x, _ in model.seen] == [10, 10, 10, 10]


def test_sample_weights_go_with_their_samples(keras):
    x, y = rows()
    with nbkeras.fitting(seed=2, quiet=True):
        model = watched(keras)
        model.fit(x, y, sample_weight=np.arange(ROWS) / ROWS, batch_size=8)
    for x, weights in model.seen:
        np.testing.assert_allclose(x, weights)


@pytest.mark.parametrize("kind", ["sparse", "batch", "generator", "dataset"])
def test_what_is_left_to_keras_is_said(keras, kind):
    import tensorflow as tf

    x, y = rows()
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    arguments = {"x": x, "y": y}
    if kind == "sparse":
        arguments["x"] = tf.sparse.from_dense(x.astype("float32"))
        model = keras.Sequential([keras.Input((1,), sparse=True), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    elif kind == "batch":
        arguments["shuffle"] = "batch"
    else:
        arguments = {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(8)}
        if kind == "generator":
            arguments = {"x": ((x, y) for _ in range(3)), "steps_per_epoch": 2}
        arguments["shuffle"] = False
    with nbkeras.fitting(seed=2, quiet=True) as session:
        model.fit(**arguments)
    said = [note for note in session.run.notes if "shuffled by Keras itself" in note]
    assert len(said) == (kind in {"sparse", "batch"})
    # Measured: 1 order in 3 epochs with Keras 3, and 3 with tf_keras.
    same = "in one and the same order in every epoch"
    assert all((same in note) == (keras.__name__ == "keras") for note in said)


def test_weights_and_history_are_the_same_bits_in_each_run(keras, data):
    def run():
        with nbkeras.fitting(seed=3, quiet=True):
            layers = keras.layers
            model = keras.Sequential(
                [keras.Input((4,)), layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5)]
            )
            model.add(layers.Dense(2, activation="softmax"))
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            history = model.fit(*data, epochs=2, validation_split=0.25)
        return [weight.tobytes() for weight in model.get_weights()], history.history

    assert run() == run()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "seven", True])
def test_a_seed_that_cannot_be_meant_is_refused(seed):
    with (
        pytest.raises(nbkeras.Refusal, match="seed: expected a whole number from 0"),
        nbkeras.fitting(seed=seed),
    ):
        pass
    assert seeding.current_seed() is None
