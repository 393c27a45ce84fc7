"""Under a seed each epoch has noise of its own, the same in each run; a seed set by hand is named."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import nbkeras
from nbkeras.reproducibility import seeding
from nbkeras.training.calls import Call
from nbkeras.training.seeded_noise import keep_noise_going

ROWS, SIZE = 24, 4
BATCHES = ROWS // SIZE


@pytest.fixture(autouse=True)
def no_seed_before(monkeypatch):
    import tensorflow as tf
    from tensorflow.python.framework import config

    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    tf.random.set_seed(None)
    yield
    # No public name does it, and the tests after these have not asked for it.
    config.disable_op_determinism()
    tf.random.set_seed(None)


def watched(keras, **compiled):
    """A model that keeps the rows that it is given, with their noise."""
    import tensorflow as tf

    class Watched(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.seen = []
            self.validated = []

        def call(self, inputs):
            return self.dense(inputs)

        def _note(self, seen, x, y):
            seen.append(np.stack([np.rint(y[:, 0]), x[:, 0]]).T.astype("float32"))

        def train_step(self, data):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
            tf.py_function(lambda a, b: self._note(self.seen, a.numpy(), b.numpy()), [x, y], [])
            return super().train_step(data)

        def test_step(self, data):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
            tf.py_function(lambda a, b: self._note(self.validated, a.numpy(), b.numpy()), [x, y], [])
            return super().test_step(data)

    model = Watched()
    model.compile("sgd", "mse", **(compiled or {"run_eagerly": True}))
    return model


def rows():
    import tensorflow as tf

    y = np.arange(ROWS, dtype="float32")[:, None]
    return tf.data.Dataset.from_tensor_slices((np.zeros_like(y), y))


def noisy(x, y):
    import tensorflow as tf

    return x + tf.random.normal(tf.shape(x)), y


def drawn_outside(*_):
    import tensorflow as tf

    generator = tf.random.Generator.from_seed(1)
    return lambda x, y: (x + generator.normal(tf.shape(x)), y)


PIPELINES = {
    "map": lambda: rows().map(noisy).batch(SIZE),
    "parallel": lambda: rows().cache().map(noisy, num_parallel_calls=4).batch(SIZE).prefetch(2),
    "shuffled": lambda: rows().shuffle(ROWS, seed=3).map(noisy).batch(SIZE),
}


def parts(seen, epochs):
    """The rows of each epoch, and the noise of each row."""
    each = len(seen) // epochs
    assert len(seen) == each * epochs
    found = [np.concatenate(seen[epoch * each : (epoch + 1) * each]) for epoch in range(epochs)]
    orders = [tuple(epoch[:, 0].astype(int)) for epoch in found]
    return orders, [tuple(epoch[np.argsort(epoch[:, 0]), 1]) for epoch in found]


def trained(keras, make, *, epochs=3, compiled=None, **arguments):
    model = watched(keras, **(compiled or {}))
    history = model.fit(make(), **{"epochs": epochs, "shuffle": False, **arguments})
    trained = epochs - arguments.get("initial_epoch", 0)
    return *parts(model.seen, trained), len(model.seen), history, model


def armed(keras, make, *, seed=5, **arguments):
    with nbkeras.fitting(seed=seed, quiet=True) as session:
        found = trained(keras, make, **arguments)
    return *found, session.run.notes


@pytest.mark.parametrize("name", PIPELINES)
def test_each_epoch_has_noise_of_its_own_and_each_run_the_same(keras, name):
    orders, noises, steps, _, _, notes = armed(keras, PIPELINES[name])
    assert steps == 3 * BATCHES
    assert all(sorted(order) == list(range(ROWS)) for order in orders)
    assert len(set(orders)) == (3 if name == "shuffled" else 1)
    # No number is drawn twice.
    assert len({value for noise in noises for value in noise}) == 3 * ROWS
    assert armed(keras, PIPELINES[name])[:2] == (orders, noises)
    if name == "map":
        assert armed(keras, PIPELINES[name], seed=6)[1] != noises
    (note,) = [note for note in notes if "random numbers" in note]
    assert note.startswith("each epoch gets random numbers of its own from RandomStandardNormal in")
    assert note.endswith(f"through ds.repeat() and steps_per_epoch={BATCHES}, by --seed")
    assert not any("NBK" in note for note in notes)


def test_the_fault_is_there_without_and_is_named(keras):
    """What all this is for, on both lines; when TensorFlow mends it, this test says so."""
    keras.utils.set_random_seed(5)
    with nbkeras.fitting(quiet=True) as session:
        _, noises, _, _, _ = trained(keras, PIPELINES["map"])
    assert len(set(noises)) == 1
    (note,) = [note for note in session.run.notes if "NBK" in note]
    assert note.startswith("NBK102: every epoch gets the same random numbers from RandomStandardNormal in")
    assert f"3 epochs of {BATCHES} batches" in note
    assert "%%fit --seed 1" in note
    assert "model.fit(ds.repeat(), steps_per_epoch=len(ds), …)" in note


def test_the_named_ways_out_mend_it(keras):
    keras.utils.set_random_seed(5)
    _, ours, steps, history, _ = trained(
        keras, lambda: PIPELINES["map"]().repeat(), steps_per_epoch=BATCHES, verbose=0
    )
    assert (len(set(ours)), steps) == (3, 3 * BATCHES)
    _, armed_noise, _, armed_history, _, _ = armed(keras, PIPELINES["map"])
    assert (armed_noise, armed_history.history) == (ours, history.history)
    generator = trained(keras, lambda: rows().map(drawn_outside()).batch(SIZE), verbose=0)
    assert len(set(generator[1])) == 3


def test_arrays_that_keras_3_gives_one_order_are_named(keras):
    keras.utils.set_random_seed(5)
    x = np.arange(ROWS, dtype="float32")[:, None]

    def said(*data, **arguments):
        with nbkeras.fitting(quiet=True) as session:
            watched(keras).fit(*data, batch_size=SIZE, **{"epochs": 2, **arguments})
        return [note for note in session.run.notes if "NBK" in note]

    found = said(x, x)
    if keras.__name__ == "tf_keras":
        assert found == []
        return
    (note,) = found
    assert note.startswith("NBK101: Keras 3 gives the arrays one and the same order in every epoch")
    assert f"seed 5, 2 epochs of {BATCHES} batches" in note
    assert "%%fit --seed 5" in note
    assert said(x, x, shuffle=False) == said(x, x, epochs=1) == []
    (part,) = said(x, x, validation_split=0.5)
    assert f"2 epochs of {-(-ROWS // 2 // SIZE)} batches" in part


def test_nothing_is_named_without_need(keras):
    import tensorflow as tf

    arrays = np.zeros((ROWS, 1), "float32")
    keras.utils.set_random_seed(5)

    class Own(keras.utils.PyDataset if keras.__name__ == "keras" else keras.utils.Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return arrays, arrays

    datasets = {
        "shuffled": rows().shuffle(ROWS).batch(SIZE),
        "generator": rows().map(drawn_outside()).batch(SIZE),
        "cached": rows().map(noisy).cache().batch(SIZE),
        "own": Own(),
        "endless": rows().map(noisy).batch(SIZE).repeat(),
    }
    for name, data in datasets.items():
        with nbkeras.fitting(quiet=True) as session:
            steps = {"steps_per_epoch": BATCHES} if name == "endless" else {}
            watched(keras).fit(data, epochs=2, shuffle=False, **steps)
        assert not any("NBK" in note for note in session.run.notes), name
    tf.random.set_seed(None)
    with nbkeras.fitting(quiet=True) as session:
        watched(keras).fit(arrays, arrays, epochs=2, batch_size=SIZE)
        watched(keras).fit(rows().map(noisy).batch(SIZE), epochs=2, shuffle=False)
    assert not any("NBK" in note for run in session.runs for note in run.notes)


def test_a_seeded_notebook_has_noise_too(keras):
    def run(name, *, deterministic):
        nbkeras.seed(5, deterministic=deterministic)
        with nbkeras.fitting(quiet=True) as session:
            found = trained(keras, PIPELINES[name])
        return found[:2], session.run.notes

    (_, noises), notes = run("map", deterministic=False)
    assert len(set(noises)) == 3
    assert run("map", deterministic=False)[0][1] == noises
    assert any(note.endswith("by %seed") and "random numbers of its own" in note for note in notes)
    (_, noises), notes = run("parallel", deterministic=False)
    assert len(set(noises)) == 3
    assert any(note.endswith("without  %seed N --deterministic") for note in notes)
    assert not any("without  %seed" in note for note in run("parallel", deterministic=True)[1])


@pytest.mark.parametrize(
    ("arguments", "compiled", "epochs"),
    [
        ({"initial_epoch": 1}, {}, 2),
        ({"steps_per_epoch": BATCHES}, {}, 3),
        ({"class_weight": {i: 1.0 + i for i in range(ROWS)}}, {}, 3),
        ({}, {"steps_per_execution": 3}, 3),
    ],
    ids=["initial_epoch", "steps_per_epoch", "class_weight", "steps_per_execution"],
)
def test_the_rest_of_the_call_means_what_it_meant(keras, arguments, compiled, epochs):
    orders, noises, steps, history, _, notes = armed(
        keras, PIPELINES["map"], compiled=compiled, epochs=3, **arguments
    )
    assert steps == epochs * BATCHES
    assert orders == [tuple(range(ROWS))] * epochs
    assert len(set(noises)) == epochs
    assert len(history.history["loss"]) == epochs
    assert any("random numbers of its own" in note for note in notes)


def test_steps_that_part_the_data_go_on(keras):
    _, noises, steps, _, _, notes = armed(
        keras, PIPELINES["map"], epochs=4 if keras.__name__ == "keras" else 2, steps_per_epoch=BATCHES // 2
    )
    if keras.__name__ == "keras":
        assert (len(set(noises)), steps) == (4, 2 * BATCHES)
        assert any(f"steps_per_epoch={BATCHES // 2}, by --seed" in note for note in notes)
    else:
        # It ends with the data.
        assert (len(set(noises)), steps) == (2, BATCHES)
        assert not any("random numbers" in note for note in notes)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("why", ["unknown", "steps_per_execution"])
def test_what_would_train_other_steps_is_left_and_named(keras, why):
    compiled = {"steps_per_execution": 4} if why == "steps_per_execution" else {}
    unknown = tf_unknown if why == "unknown" else PIPELINES["map"]
    _, noises, steps, _, _, notes = armed(keras, unknown, compiled=compiled)
    assert steps == 3 * BATCHES
    if why == "steps_per_execution" and keras.__name__ == "tf_keras":
        assert len(set(noises)) == 3
        return
    assert len(set(noises)) == 1
    (note,) = [note for note in notes if "NBK102" in note]
    assert note.endswith("; not mended by --seed")
    assert "rng = tf.random.Generator.from_seed(1)" in note
    assert ("an unknown number of batches" if why == "unknown" else "steps_per_execution=4") in note


def tf_unknown():
    return rows().filter(lambda _, y: y[0] >= 0).map(noisy).batch(SIZE)


def test_several_devices_are_left_to_themselves():
    """They read ahead into the next epoch, whose shuffling the next training would miss."""
    import tensorflow as tf

    strategy = SimpleNamespace(num_replicas_in_sync=2)
    model = SimpleNamespace(distribute_strategy=strategy, steps_per_execution=1)

    def fit(model, x, epochs, steps_per_epoch=None):
        raise AssertionError

    tf.random.set_seed(5)
    call = Call.of("fit", fit, model, (PIPELINES["map"](), 3), {})
    assert keep_noise_going(call, by="--seed").endswith("; not mended by --seed")
    assert call.get("x").cardinality() == BATCHES
    strategy.num_replicas_in_sync = 1
    assert "steps_per_epoch" in keep_noise_going(call, by="--seed")
    assert call.get("steps_per_epoch") == BATCHES


def test_validation_has_the_same_noise_each_epoch(keras):
    with nbkeras.fitting(seed=5, quiet=True):
        model = watched(keras)
        model.fit(PIPELINES["map"](), epochs=3, validation_data=PIPELINES["map"](), shuffle=False)
    assert len(set(parts(model.seen, 3)[1])) == 3
    assert len(set(parts(model.validated, 3)[1])) == 1


def test_one_epoch_is_left_alone(keras):
    *_, notes = armed(keras, PIPELINES["map"], epochs=1)
    assert not any("random numbers" in note for note in notes)


def test_a_backup_goes_on_with_the_noise_of_its_epoch(keras, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))

    def train(directory, stop_at=None):
        class Stop(keras.callbacks.Callback):
            count = 0

            def on_train_batch_end(self, batch, logs=None):
                type(self).count += 1
                if type(self).count == stop_at:
                    raise KeyboardInterrupt

        with nbkeras.fitting(seed=5, quiet=True, backup=str(directory), every=1):
            layers = keras.layers
            model = keras.Sequential([keras.Input((1,)), layers.Dropout(0.5), layers.Dense(1)])
            model.compile("adam", "mse")
            history = model.fit(PIPELINES["shuffled"](), epochs=3, shuffle=False, callbacks=[Stop()])
        return [weight.tobytes() for weight in model.get_weights()], history.history

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", stop_at=BATCHES + 2)
    assert train(tmp_path / "cut") == whole
