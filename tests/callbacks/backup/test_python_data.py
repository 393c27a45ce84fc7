"""Data whose own Python code draws what no seed gives again are named before training; others are not."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from nbkeras.callbacks.backup.callback_draws import touching
from nbkeras.callbacks.backup.sources import inexact_sources


@pytest.fixture
def said(keras):
    """Return what is said of the data of a fit, with a model that draws nothing."""
    inputs = keras.layers.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))

    def said(x, val_x=None, **given):
        given |= {"x": x, "val_x": val_x, "validation_data": val_x}
        return [line.removeprefix("not exact: ") for line in inexact_sources(given, model)]

    return said


@pytest.fixture
def batches(keras):
    """Make a PyDataset, or a Sequence, whose batches come from a function of it and of their number."""
    base = getattr(keras.utils, "PyDataset", keras.utils.Sequence)

    class Batches(base):
        def __init__(self, draw, workers=1, **held):
            if base.__name__ == "PyDataset":
                super().__init__(workers=workers)
            vars(self).update(held)
            self.order = np.random.default_rng().permutation(4)
            self.draw = draw

        def __len__(self):
            return 4

        def on_epoch_end(self):
            # One thread alone calls this.
            self.order = np.random.permutation(4)  # noqa: NPY002 - as users draw

    def batches(make, draw=None, **given):
        drawing = type("Drawing", (Batches,), {"__getitem__": make, "__module__": "__main__"})
        return drawing(draw, **given)

    return batches


FIXED = np.random.default_rng(5)
CALLED_AGAIN = [
    (
        "with several workers, tf_keras calls Drawing.on_epoch_end once more where an epoch's end takes "
        "longer than 0.1 s, in one run and not in another: take one worker"
    )
]


def test_what_a_pydataset_draws_is_named(keras, said, batches):
    loose = np.random.default_rng()
    legacy = {"workers": 3} if keras.__name__ == "tf_keras" else {}
    for make, given, words in [
        (
            lambda self, i: np.random.default_rng().normal(size=2),
            {},
            "draws from default_rng(), which has no",
        ),
        (lambda self, i: np.random.default_rng(None).normal(), {}, "draws from default_rng()"),
        (lambda self, i: loose.normal(), {}, "draws from default_rng()"),
        (lambda self, i: self.rng.normal(), {"rng": loose}, "draws from default_rng()"),
        (lambda self, i: random.SystemRandom().random(), {}, "draws from SystemRandom"),
        (lambda self, i: np.random.normal(size=2), {"workers": 3}, "from NumPy's random state in several"),  # noqa: NPY002
        (
            lambda self, i: [random.random() for _ in "ab"],  # noqa: S311 - as users draw
            {"workers": 3},
            "from Python's random state in sev",
        ),
    ]:
        [line, *more] = said(batches(make, **given), **(legacy if "workers" in given else {}))
        assert line.startswith("Drawing draws from ")
        assert more == (CALLED_AGAIN if legacy and "workers" in given else [])
        assert words in line
    for make, given in [
        (lambda self, i: np.random.default_rng([1, i]).normal(size=2), {"workers": 3}),
        (lambda self, i: FIXED.normal(), {}),
        (lambda self, i: self.rng.normal(), {"rng": np.random.default_rng(3)}),
        (lambda self, i: np.random.normal(size=2), {}),  # noqa: NPY002 - as users draw
    ]:
        lines = said(batches(make, **given), **(legacy if "workers" in given else {}))
        assert lines == (CALLED_AGAIN if legacy and "workers" in given else [])


@pytest.mark.parametrize("keras", ["tf_keras"], indirect=True)
def test_a_thread_of_tf_keras_calls_on_epoch_end_once_more(keras, said, batches):
    """What the line says is so: while callbacks take their time at the end of an epoch, a thread calls it."""
    rows = np.ones((2, 1))

    class Slow(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            called.wait(timeout=30)

    called = threading.Event()
    data = batches(lambda self, i: (rows, rows))
    calls = []

    def on_epoch_end():
        calls.append(threading.current_thread() is threading.main_thread())
        called.set()

    data.on_epoch_end = on_epoch_end
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data, workers=2, verbose=0, callbacks=[Slow()])
    assert calls == [False, True]

    class Plain(keras.utils.Sequence):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return rows, rows

    assert said(Plain(), workers=2) == said(batches(Plain.__getitem__, held=1), workers=1) == []


def test_what_python_in_a_pipeline_draws_is_named(keras, said):
    import tensorflow as tf

    loose = np.random.default_rng()

    def unseeded():
        yield loose.normal(size=(3, 2))

    def seeded():
        yield np.random.default_rng(1).normal(size=(3, 2))

    def data(generator):
        spec = tf.TensorSpec((None, 2), tf.float64)
        return tf.data.Dataset.from_generator(generator, output_signature=spec).prefetch(1)

    [line] = said(data(unseeded))
    assert line.startswith("unseeded draws from default_rng(), which has no seed")
    assert said(data(seeded)) == []
    # A plain generator has given some of its data by then, or has not: nobody knows.
    [line] = said(seeded())
    assert line.startswith("a generator is read again from its start")


def test_one_shuffle_for_training_and_validation(keras, said):
    import tensorflow as tf

    def data():
        return tf.data.Dataset.range(8).shuffle(8, seed=1).batch(2)

    both = data().repeat()
    [line] = said(both, both.take(2), steps_per_epoch=4)
    assert line.startswith("training and validation data come from one shuffle that repeats")
    assert said(data().repeat(), data().repeat().take(2), steps_per_epoch=4) == []
    # Keras begins them anew in the same turns; and it is no earlier reading either.
    whole = data()
    assert said(whole, whole) == []
    assert said(whole)[0].startswith("the data were read before")


def test_callbacks_that_touch_the_data_are_named(keras, batches):
    import tensorflow as tf

    data = tf.data.Dataset.range(8).shuffle(8, seed=1)
    rows = batches(lambda self, i: np.ones((2, 2)))
    on = keras.callbacks.LambdaCallback

    class Looking(keras.callbacks.Callback):
        def __init__(self, data):
            super().__init__()
            self.data = data

        def on_epoch_end(self, epoch, logs=None):
            self.model.evaluate(self.data)

    class Holder:
        def __init__(self):
            self.data = data

        def look(self):
            next(iter(self.data))

    holder = Holder()

    def lines(callback, x, **given):
        return list(touching([callback], {"x": x, **given}))

    for callback, x in [
        (on(on_epoch_end=lambda epoch, logs: next(iter(data))), data),
        (Looking(data.take(3)), data.batch(2)),
        (Looking({"all": data}), data),
        (on(on_epoch_end=lambda epoch, logs: holder.look()), data),
        (on(on_epoch_begin=lambda epoch: setattr(rows, "order", None)), rows),
    ]:
        [line] = lines(callback, x)
        assert line.startswith(f"not exact: {type(callback).__name__} uses the data of the training")
    hook = "on_train_batch_end" if keras.__name__ == "keras" else "on_batch_end"
    between = on(**{hook: lambda batch, logs: np.random.rand()})  # noqa: NPY002 - as users draw
    [line] = lines(between, rows)
    assert "LambdaCallback draws from NumPy's random state between batches" in line
    at_ends = on(on_epoch_end=lambda epoch, logs: np.random.rand())  # noqa: NPY002
    assert len(lines(at_ends, rows, steps_per_epoch=2)) == 1
    # At the ends of epochs it is noted; a pipeline without Python draws from nothing of the sort.
    plain = tf.data.Dataset.range(8)
    for callback, x in [
        (at_ends, rows),
        (between, data),
        (Looking(plain), plain),
        (Looking(tf.data.Dataset.range(8).shuffle(8)), data),
        (Looking(np.ones(3)), np.ones(3)),
    ]:
        assert lines(callback, x) == []
