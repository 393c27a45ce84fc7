"""Iterators of a strategy that are left while they read ahead: TensorFlow may read freed memory then."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

import pytest

import nbkeras
from nbkeras.devices.strategies import strategy_of

# Batches take longer than the time until the iterator is left, and freed memory is overwritten.
SCRIPT = """
import sys
from contextlib import nullcontext
from types import SimpleNamespace
import tensorflow as tf
from nbkeras.training.leaving_early import may_be_left

strategy = tf.distribute.MirroredStrategy(["CPU:0"])
square = tf.random.normal((700, 700))
data = tf.data.Dataset.range(100).map(lambda number: (square @ square)[0, :10]).batch(1)
# As both Keras lines have it for arrays.
options = tf.data.Options()
options.experimental_optimization.apply_default_optimizations = False
data = data.with_options(options)
call = SimpleNamespace(model=SimpleNamespace(distribute_strategy=strategy))
with may_be_left(call) if sys.argv[1] == "mended" else nullcontext():
    for _ in range(40):
        next(iter(strategy.experimental_distribute_dataset(data)))
assert "experimental_distribute_dataset" not in vars(strategy)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="MALLOC_PERTURB_ is glibc's")
@pytest.mark.parametrize(
    ("how", "code"),
    # Where TensorFlow itself crashes no more, the mend has had its time.
    [("mended", 0), pytest.param("bare", -signal.SIGSEGV, marks=pytest.mark.costly)],
)
def test_an_iterator_is_left_while_it_reads_ahead(how, code):
    environment = {
        **os.environ,
        "MALLOC_PERTURB_": "165",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, how],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == code, ended.stderr[-2000:]


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_a_call_distributes_what_is_rewritten(keras, data, monkeypatch, method):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    strategy = strategy_of("one").strategy
    plain, given = type(strategy).experimental_distribute_dataset, []

    def distribute(self, dataset, options=None):
        given.append(dataset.options().experimental_optimization.noop_elimination)
        return plain(self, dataset, options)

    monkeypatch.setattr(type(strategy), "experimental_distribute_dataset", distribute)
    x, y = data

    class Evaluating(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            model.evaluate(x, y, verbose=0)

    arguments = {"x": x} if method == "predict" else {"x": x, "y": y}
    if method == "fit":
        # Calls in a call, and what comes after them.
        arguments |= {"callbacks": [Evaluating()], "validation_split": 0.2, "epochs": 2}
    with nbkeras.fitting(quiet=True, strategy="one"):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        getattr(model, method)(**arguments, verbose=0)
    assert given
    assert all(given)
    assert "experimental_distribute_dataset" not in vars(strategy)
    # Outside of a session nothing has changed.
    given.clear()
    model.predict(x, verbose=0)
    assert given
    assert not any(given)
