"""A cell with ``--seed`` that is run again: what earlier cells made is taken back, or named."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

import nbkeras
from nbkeras.reproducibility import seeding
from nbkeras.training.seeded_cells import seeded_cell

# The other line by make grid alone.
pytestmark = pytest.mark.costly("tf_keras")

_keys = itertools.count()


@pytest.fixture(autouse=True)
def as_before(monkeypatch, keras):
    from tensorflow.python.framework import config

    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    yield
    keras.mixed_precision.set_global_policy("float32")
    # No public name does it, and the tests after these have not asked for it.
    config.disable_op_determinism()


def small(keras, *more, loss="mse", optimizer="adam"):
    layers = [keras.layers.Dense(4), *more, keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(optimizer, loss)
    return model


def bits(model, history):
    held = model.optimizer.variables
    digest = hashlib.sha256()
    for value in [*model.get_weights(), *(each.numpy() for each in (held() if callable(held) else held))]:
        digest.update(value.tobytes())
    return digest.hexdigest(), history.history


def cell_of(body, **read):
    """Return what runs a body as a cell of its own, and gives its bits and its notes."""
    key = f"cell {next(_keys)}"

    def run():
        with seeded_cell(key, read) as seeded, nbkeras.fitting(seed=7, quiet=True) as session:
            session.cell = seeded
            found = bits(*body())
        return found, "\n".join(session.run.notes)

    return run


def again(cell):
    """Run a cell twice; return whether its bits were the same, and the notes of both."""
    (first, notes), (second, later) = cell(), cell()
    return first == second, notes, later


def test_layers_of_earlier_cells_in_a_model_of_the_cell(keras, data):
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)], name="backbone")
    drop = keras.layers.Dropout(0.5, name="drop")

    def body():
        model = small(keras, base, drop)
        return model, model.fit(*data, epochs=2)

    same, notes, later = again(cell_of(body))
    assert same
    listed = "backbone, drop" if keras.__name__ == "keras" else "backbone"
    assert f"{listed} {'were' if 'drop' in listed else 'was'} made in an earlier cell: run again" in notes
    assert f"{listed} taken back to where this cell first began with it" in later


def test_layer_that_another_cell_has_changed_is_not_taken_back(keras, data):
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])

    def body():
        model = small(keras, base)
        return model, model.fit(*data)

    cell = cell_of(body)
    first, _ = cell()
    base.set_weights([np.ones_like(each) for each in base.get_weights()])
    second, notes = cell()
    assert second != first
    assert "was made in an earlier cell: run again" in notes


def test_layer_without_weights_is_named(keras, data):
    layer = keras.layers.Dense(4, name="late")

    def body():
        model = small(keras, layer)
        return model, model.fit(*data)

    assert "late: made in an earlier cell, and had no weights before this one" in cell_of(body)()[1]


def test_learning_rate_that_a_callback_moves_is_taken_back(keras, data):
    model = small(keras)

    def body():
        rate = model.optimizer.learning_rate
        halved = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: rate.assign(rate / 2))
        return model, model.fit(*data, epochs=3, callbacks=[halved])

    same, _, later = again(cell_of(body))
    assert same
    assert "taken back to where this cell first began with it; no --seed trains on" in later
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.001 / 8)


def test_what_layers_of_ones_own_hold_is_taken_back(keras, data):
    import tensorflow as tf

    class Own(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.noise = tf.random.Generator.from_seed(3)
            self.steps = tf.Variable(0.0, trainable=False)

        def call(self, x):
            self.steps.assign_add(1.0)
            return x * (1.0 + 0.01 * self.steps) + 0.1 * self.noise.normal(tf.shape(x))

    whole, own = small(keras, Own()), Own()

    def parted():
        model = small(keras, own)
        return model, model.fit(*data, epochs=2)

    for body in (lambda: (whole, whole.fit(*data, epochs=2)), parted):
        same, _, later = again(cell_of(body))
        assert same
        assert "taken back to where this cell first began with it" in later


def test_model_with_two_optimizers_that_have_not_begun_is_named(keras, data):
    class Two(keras.Sequential):
        other = None

        def train_step(self, batch):
            self.other.apply_gradients([(v * 0.0 + 1.0, v) for v in self.trainable_variables])
            return super().train_step(batch)

    model = Two([keras.Input((4,)), keras.layers.Dense(1)])
    model.other = keras.optimizers.Adam()
    model.compile("adam", "mse")
    body = cell_of(lambda: (model, model.fit(*data)))
    assert "or an optimizer that has none: run again, it trains on" in body()[1]
    # Now both have slots, and where they are is known.
    same, _, later = again(cell_of(lambda: (model, model.fit(*data))))
    assert same
    assert "taken back to where this cell first began with it; no --seed" in later


def test_generators_of_earlier_cells(keras, data):
    import random

    import tensorflow as tf

    read = {
        "bits": np.random.default_rng(3),
        "older": np.random.RandomState(3),
        "plain": random.Random(3),  # noqa: S311 - nothing secret
        "flow": tf.random.Generator.from_seed(3),
    }
    draws = [read["bits"].normal, read["older"].normal, read["plain"].random, lambda: read["flow"].normal(())]
    if keras.__name__ == "keras":
        read["own"] = keras.random.SeedGenerator(3)
        draws.append(lambda: keras.random.normal((), seed=read["own"]))
    model = small(keras)
    drawn = []

    def body():
        drawn.append([float(draw()) for draw in draws])
        return model, model.evaluate(*data) and model.fit(*data)

    cell = cell_of(body, nothing=[1], **read)
    notes, later = cell()[1], cell()[1]
    assert drawn[0] == drawn[1]
    for name in read:
        assert f"{name}, a " in notes
        assert f"{name} taken back to where this cell first drew from it" in later
    assert "bits, a NumPy generator, was made in an earlier cell: run again, this cell takes it" in notes
    assert "nothing" not in notes
    # Another cell draws from one of them: this one goes on from there.
    read["bits"].normal()
    cell()
    assert drawn[2][0] != drawn[0][0]
    assert drawn[2][1:] == drawn[0][1:]


def test_what_dicts_objects_and_closures_of_earlier_cells_hold(keras, data):
    import tensorflow as tf

    class Made:
        rng = None

    made, count = Made(), tf.Variable(0.0, name="count")
    made.rng = np.random.default_rng(3)
    held = {"bits": [np.random.default_rng(3)]}

    def counted(true, found):
        return tf.reduce_mean((tf.cast(true, tf.float32) - found) ** 2) * count.assign_add(1.0)

    def body():
        drawn = made.rng.normal() * held["bits"][0].normal()
        model = small(keras, loss=counted)
        return model, model.fit(data[0] + drawn, data[1])

    cell = cell_of(body, made=made, held=held)
    same, notes, later = again(cell)
    assert same
    assert "made.rng, a NumPy generator, was made in an earlier cell" in notes
    for name in ("made.rng", "held['bits'][0]", "count"):
        assert f"{name} taken back to where this cell first" in later


def test_what_goes_on_is_named(keras, data):
    model = small(keras)
    read = {"batches": iter([1, 2]), "loop": {"optimizer": keras.optimizers.Adam()}, "used": model.optimizer}
    model.fit(*data, verbose=0)
    notes = cell_of(lambda: (model, model.fit(*data)), **read)()[1]
    assert "batches, an iterator, was made in an earlier cell: run again, this cell goes on" in notes
    assert "loop['optimizer'], an optimizer without slots yet, was made in an earlier cell" in notes
    assert "used, an" not in notes


def test_half_precision_of_an_earlier_cell_is_taken_back_with_its_loss_scale(keras, data):
    keras.mixed_precision.set_global_policy("mixed_float16")
    scaled = getattr(keras.optimizers, "LossScaleOptimizer", None) or keras.mixed_precision.LossScaleOptimizer
    # Gradients overflow in the first steps, and the scale moves.
    optimizer = scaled(keras.optimizers.Adam(), initial_scale=2.0**20, dynamic_growth_steps=2)
    model = small(keras, keras.layers.Dropout(0.5), optimizer=optimizer)
    keras.mixed_precision.set_global_policy("float32")
    same, _, later = again(cell_of(lambda: (model, model.fit(*data, epochs=2))))
    assert same
    assert "taken back to where this cell first began with it; no --seed trains on" in later


def test_policy_that_a_cell_sets_is_the_one_it_began_with(keras, data):
    def body():
        model = small(keras)
        history = model.fit(*data)
        keras.mixed_precision.set_global_policy("mixed_float16")
        return model, history

    same, _, later = again(cell_of(body))
    assert same
    assert "dtype policy float32 again" in later
    assert keras.mixed_precision.global_policy().name == "mixed_float16"


def test_policy_that_another_cell_sets_stays(keras, data):
    model = small(keras)
    cell = cell_of(lambda: (model, model.fit(*data)))
    cell()
    keras.mixed_precision.set_global_policy("mixed_float16")
    _, notes = cell()
    assert "dtype policy" not in notes
    assert keras.mixed_precision.global_policy().name == "mixed_float16"


def test_datasets_of_earlier_cells_are_named_however_they_are_used(keras, data):
    import tensorflow as tf

    shuffled = tf.data.Dataset.from_tensor_slices(data).shuffle(96, seed=1)
    batches = tf.data.Dataset.from_tensor_slices(data).batch(16)
    model = small(keras)

    def notes(train, validation):
        body = cell_of(lambda: (model, model.fit(train(), validation_data=validation(), shuffle=False)))
        return body()[1]

    named = notes(lambda: shuffled.batch(16), lambda: batches)
    assert "the dataset was made in an earlier cell, and its shuffling goes on" in named
    assert "the validation dataset" not in named
    new = tf.data.Dataset.from_tensor_slices
    named = notes(lambda: new(data).shuffle(96).batch(16), lambda: shuffled.batch(16))
    assert "the dataset was made" not in named
    assert "the validation dataset was made in an earlier cell, and its shuffling goes on" in named


def test_what_draws_in_a_map_is_taken_back(keras, data):
    """Keras's own tutorials augment images so; tf_keras's layer makes its generator in the cell itself."""
    import tensorflow as tf

    images = np.random.default_rng(0).random((32, 4, 4, 1)).astype("float32")
    layer = keras.layers.RandomTranslation(0.5, 0.5, name="moving")
    augment = keras.Sequential([layer])
    noise, count = tf.random.Generator.from_seed(3), tf.Variable(0.0, name="count")

    def changed(image):
        image = augment(image, training=True) + noise.normal(tf.shape(image))
        return image * count.assign_add(1.0)

    def body():
        batches = tf.data.Dataset.from_tensor_slices((images, data[1][:32])).batch(8)
        model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model, model.fit(
            batches.map(lambda image, label: (changed(image), label)), epochs=2, shuffle=False
        )

    cell = cell_of(body)
    same, notes, later = again(cell)
    assert same
    assert "with which the dataset draws or counts, w" in notes
    for name in ("moving", "count"):
        assert f"{name}, " in later or f"{name} taken back" in later
    assert "taken back to where this cell first began with it" in later
    # Another cell counts on: this one goes on from there.
    first, _ = cell()
    count.assign_add(1.0)
    assert cell()[0] != first


def test_workers_are_named(keras, data):
    x, y = data
    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

    class Batches(base):
        def __len__(self):
            return 3

        def __getitem__(self, at):
            return x[at : at + 16], y[at : at + 16]

    def fit(model, workers):
        if base.__name__ == "PyDataset":
            return model.fit(Batches(workers=workers))
        return model.fit(Batches(), workers=workers)

    model = small(keras)
    for workers, is_named in ((1, False), (2, True)):
        _, notes = cell_of(lambda workers=workers: (model, fit(model, workers)))()
        assert ("several workers load the data: what they draw from np.random differs" in notes) is is_named


def test_recurrent_dropout_is_named_where_no_seed_reaches_it(keras, data):
    x, y = data
    model = keras.Sequential([keras.Input((4, 1)), keras.layers.SimpleRNN(1, recurrent_dropout=0.5)])
    model.compile("adam", "mse")
    _, notes = cell_of(lambda: (model, model.fit(x[..., None], y)))()
    assert ("recurrent_dropout (simple_rnn" in notes) == (keras.__name__ == "tf_keras")
