"""A training whose dataset draws with layers and generators in ``map`` goes on as if nothing had been."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras


class StoppedError(Exception):
    pass


@pytest.fixture
def cell(keras, monkeypatch, tmp_path):
    """Run a cell that augments in ``map``; return the weights and the losses that it has come to."""
    import tensorflow as tf

    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    images = np.random.default_rng(0).random((32, 4, 4, 1)).astype("float32")
    new = tf.data.Dataset.from_tensor_slices((images, images.sum((1, 2)))).batch(8)

    class Stopping(keras.callbacks.Callback):
        left = 0

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if self.left == 0:
                raise StoppedError

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    def run(place, augment, *, step=0, parallel=None):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / place)
        stopping = Stopping()
        stopping.left = step
        mapped = new.map(lambda image, label: (augment(image), label), num_parallel_calls=parallel)
        with nbkeras.fitting(quiet=True, backup="b", every=2) as armed:
            keras.utils.set_random_seed(1)
            layers = [keras.layers.Flatten(), keras.layers.Dropout(0.2), keras.layers.Dense(1)]
            model = keras.Sequential([keras.Input((4, 4, 1)), *layers])
            model.compile("adam", "mse")
            given = {"epochs": 4, "shuffle": False, "validation_data": mapped, "callbacks": [stopping]}
            try:
                history = model.fit(mapped, **given)
            except StoppedError:
                history = armed
        said = "\n".join(armed.run.notes)
        return [each.tolist() for each in model.get_weights()], getattr(history, "history", None), said

    return run


def augmenting(keras):
    """Return a function that draws with what nothing seeds twice the same."""
    import tensorflow as tf

    layers = [keras.layers.RandomFlip(), keras.layers.RandomTranslation(0.5, 0.5)]
    moved, noise = keras.Sequential(layers), tf.random.Generator.from_non_deterministic_state()

    def augment(image):
        return moved(image, training=True) + 0.1 * noise.normal(tf.shape(image))

    def states():
        held = [each for layer in layers for each in getattr(layer, "_seed_generators", [])]
        held += [each._random_generator._generator for each in layers if hasattr(each, "_random_generator")]
        return [each.state for each in (*held, noise)]

    return augment, states


@pytest.mark.costly("tf_keras")
def test_in_the_same_kernel_and_in_a_new_one(keras, cell):
    augment, states = augmenting(keras)
    augment(np.zeros((1, 4, 4, 1), "float32"))
    first = [each.numpy() for each in states()]

    def as_at_first():
        for state, value in zip(states(), first, strict=True):
            state.assign(value)

    *expected, said = cell("whole", augment)
    assert "not exact" not in said
    as_at_first()
    cell("cut", augment, step=7)
    # As in a kernel that is run on: its layers stand where the cut training left them.
    *received, said = cell("cut", augment)
    assert received == expected
    assert "not exact" not in said
    as_at_first()
    cell("killed", augment, step=7)
    # As in a new kernel: its layers have drawn seeds of their own.
    *received, said = cell("killed", augmenting(keras)[0])
    assert received == expected
    assert "not exact" not in said


def test_what_is_not_exact_is_named(keras, cell):
    augment, _ = augmenting(keras)
    assert (
        "map with num_parallel_calls draws or counts with a variable from"
        in cell("b", augment, parallel=2)[2]
    )
    cell("other", augment, step=3)
    said = cell("other", lambda image: image)[2]
    assert "not exact: the functions of the data draw or count with other variables than before" in said
