"""`nbkeras.lr_find` leaves nothing behind: what follows is bit for bit what it would have been."""

from __future__ import annotations

import importlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras import runs
from nbkeras.callbacks.backup.randomness import read_random
from nbkeras.callbacks.backup.variables import read_variables
from nbkeras.reproducibility import seeding
from nbkeras.reproducibility.fingerprint import digest_of
from nbkeras.reproducibility.names import name_counters
from nbkeras.runtime.keras_lines import LINES
from nbkeras.training.batch_sizes.job import job_of

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int32")
WEIGHTS = RANDOM.random(96).astype("float32")


@pytest.fixture(autouse=True)
def seeds_are_restored(monkeypatch, tmp_path):
    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    monkeypatch.chdir(tmp_path)
    yield
    for line in LINES:
        importlib.import_module(line).mixed_precision.set_global_policy("float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


# `make grid` runs the other line, too.
QUICK = pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)


def layers(keras):
    return [
        keras.layers.Dense(8, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3),
        keras.layers.GaussianNoise(0.1),
        keras.layers.Dense(2, activation="softmax", dtype="float32"),
    ]


def made(keras, *, optimizer=None, built=True, kind=None, **options):
    keras.utils.set_random_seed(3)
    first = [keras.layers.Input((6,))] if built else []
    model = (kind or keras.Sequential)([*first, *layers(keras)], name="small")
    options = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **options}
    model.compile(optimizer or keras.optimizers.Adam(1e-3), **options)
    return model


def after(model, data=(X, Y), **options):
    """Train on, and return all that this has come to: nothing of it may depend on a test before."""
    history = model.fit(*data, epochs=2, verbose=0, **options).history
    drawn = [random.random(), np.random.rand(), float(tf.random.uniform(()))]  # noqa: NPY002, S311
    values = {name: list(map(digest_of, arrays)) for name, arrays in read_variables(model).items()}
    return history, drawn, values


def state(model):
    """Return what is there without any training."""
    values = {name: list(map(digest_of, arrays)) for name, arrays in read_variables(model).items()}
    random_states = {name: repr(each) for name, each in read_random().items()}
    attributes = {name: id(value) for name, value in vars(model).items()}
    # tf_keras counts here what each attribute holds, and so keeps it.
    held = len(getattr(model, "_obj_reference_counts_dict", ()))
    return held, values, random_states, attributes, name_counters(), [metric.name for metric in model.metrics]


def test_nothing_has_moved(keras):
    model = made(keras)
    model.fit(X, Y, verbose=0)
    before = state(model)
    found = nbkeras.lr_find(model, X, Y, batch_size=16)
    assert state(model) == before
    assert len(found.losses) > 50
    assert os.listdir() == []  # noqa: PTH208 - names alone
    assert not any(run.model is model for run in runs.registry.live_runs() if hasattr(run, "model"))


@pytest.mark.parametrize(
    "trained", [pytest.param(False, marks=pytest.mark.costly), True], ids=["new", "trained"]
)
def test_a_fit_afterwards_is_the_same(keras, trained):
    results = []
    for looks in (False, True):
        model = made(keras)
        if trained:
            model.fit(X, Y, verbose=0)
        if looks:
            nbkeras.lr_find(model, X, Y, sample_weight=WEIGHTS, steps=40)
        results.append(after(model))
    assert results[0] == results[1]


def test_metrics_that_wait_for_a_first_batch_begin_at_nothing(keras):
    """Before it they are none of the model's, and ``fit`` does not set them to nothing."""
    metric = keras.metrics.MeanAbsoluteError(name="own")
    inputs = keras.layers.Input((6,))
    model = keras.Model(inputs, {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"})
    model.compile("sgd", {"a": "mse", "b": "mse"}, metrics={"a": [metric]})
    assert nbkeras.lr_find(model, X, {"a": Y, "b": Y}, steps=20).losses
    # tf_keras calls it a_own from the first batch on.
    assert metric.name == "own"
    assert [float(each.numpy()) for each in metric.variables] == [0.0, 0.0]


@pytest.mark.costly
def test_a_model_without_weights_gets_those_of_its_first_fit(keras):
    results = []
    for looks in (False, True):
        model = made(keras, built=False)
        if looks:
            found = nbkeras.lr_find(model, X, Y, steps=20)
            assert "had no weights yet" in found.notes[0]
        results.append(after(model))
    assert results[0] == results[1]


def shuffled():
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(96, seed=5).batch(16).prefetch(2)


def cached(path=""):
    return tf.data.Dataset.from_tensor_slices((X, Y)).cache(str(path)).shuffle(96).repeat(2).batch(16)


def augmented():
    generator = tf.random.Generator.from_seed(1)
    noisy = lambda x, y: (x + generator.normal(tf.shape(x)), y)  # noqa: E731
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).map(noisy)


@pytest.mark.parametrize("pipeline", [shuffled, pytest.param(cached, marks=pytest.mark.costly), augmented])
def test_a_dataset_goes_on_where_it_was(pipeline):
    import keras

    results = []
    for looks in (False, True):
        model = made(keras)
        data = pipeline()
        if pipeline is not augmented:
            # Where a dataset reads ahead, what it draws meanwhile is nobody's.
            next(iter(data))
        if looks:
            assert nbkeras.lr_find(model, data, steps=20).notes == ()
        results.append([digest_of(x.numpy()) for x, _ in data])
    assert results[0] == results[1]


def batches_of(keras):
    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

    class Batches(base):
        def __init__(self):
            super().__init__()
            self.generator, self.asked = np.random.default_rng(5), 0
            self.augment = keras.layers.GaussianNoise(0.5)

        def __len__(self):
            return 6

        def __getitem__(self, at):
            self.asked += 1
            x = X[at * 16 : at * 16 + 16] + self.generator.normal(size=(16, 6)) + self.asked
            return np.asarray(self.augment(x.astype("float32"), training=True)), Y[at * 16 : at * 16 + 16]

    return Batches()


def from_python(_):
    numbers, others = np.random.default_rng(1), random.Random(3)  # noqa: S311

    def rows():
        for x, y in zip(X, Y, strict=True):
            yield x + numbers.normal(size=6) * others.random(), y

    kinds = (tf.TensorSpec((6,), tf.float32), tf.TensorSpec((), tf.int32))
    return tf.data.Dataset.from_generator(rows, output_signature=kinds).batch(16)


@QUICK
@pytest.mark.parametrize("data", [batches_of, from_python])
def test_data_that_the_user_s_code_draws_go_on_where_they_were(keras, data):
    results = []
    for looks in (False, True):
        keras.utils.set_random_seed(3)
        batches, model = data(keras), made(keras)
        if looks:
            nbkeras.lr_find(model, batches, steps=20)
            # The same samples that another process tries batch sizes with.
            job_of(model, (batches, None, None), (8,))
        found = batches if hasattr(batches, "element_spec") else map(batches.__getitem__, range(6))
        results.append([digest_of(np.asarray(x)) for x, _ in found])
    assert results[0] == results[1]


def test_a_cache_in_files_is_not_begun(tmp_path):
    import keras

    nbkeras.lr_find(made(keras), cached(tmp_path / "cache"), steps=20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.costly
def test_mixed_precision_scaled_losses_and_rates_of_layers(keras):
    keras.mixed_precision.set_global_policy("mixed_float16")
    results = []
    for looks in (False, True):
        model = made(keras)
        model.fit(X, Y, verbose=0)
        if looks:
            assert nbkeras.lr_find(model, X, Y, steps=30).losses
        results.append(after(model))
    assert results[0] == results[1]
    keras.mixed_precision.set_global_policy("float32")
    model = made(keras)
    model.compile(
        nbkeras.layer_rates(keras.optimizers.SGD(0.1), model, {model.layers[0]: 0.1}),
        "sparse_categorical_crossentropy",
    )
    before = state(model)
    found = nbkeras.lr_find(model, X, Y, steps=30)
    assert state(model) == before
    assert found.losses


def test_interrupted(keras, python_interrupts):
    model = made(keras)

    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

    class Batches(base):
        def __len__(self):
            return 4

        def __getitem__(self, at):
            return X[at * 16 : at * 16 + 16], Y[at * 16 : at * 16 + 16]

    before = state(model)
    batches = Batches()
    from nbkeras.training.rate_finder.course import Course

    add = Course.add

    def pressed(course, loss):
        if len(course.losses) == 11:
            os.kill(os.getpid(), signal.SIGINT)
        return add(course, loss)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Course, "add", pressed)
        found = nbkeras.lr_find(model, batches)
    assert state(model) == before
    assert found.why == "it was interrupted"
    assert 11 <= len(found.losses) <= 12


@QUICK
def test_an_error_of_the_model_in_the_midst(keras):
    class Fails(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.count = tf.Variable(0, trainable=False)

        def call(self, inputs):
            self.count.assign_add(1)
            tf.debugging.assert_less(self.count, 12, "too often")
            return inputs

    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.layers.Input((6,)), Fails(), *layers(keras)])
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    before = state(model)
    with pytest.raises(tf.errors.InvalidArgumentError, match="too often"):
        nbkeras.lr_find(model, X, Y)
    assert state(model) == before


def test_it_is_no_run():
    import keras

    model = made(keras)
    # Others' tests in this process may have left runs.
    before = runs.registry.live_runs()
    with nbkeras.fitting():
        nbkeras.lr_find(model, X, Y, steps=20)
        assert runs.registry.live_runs() == before


@pytest.mark.costly
@pytest.mark.parametrize("line", LINES)
def test_replicas_go_on_where_they_were(line):
    program = Path(__file__).with_name("mirrored.py")
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": str(int(line == "tf_keras"))}
    done = subprocess.run(
        [sys.executable, str(program), line], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "the same\n", done.stderr[-3000:]
