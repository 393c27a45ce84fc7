"""Iterators of a strategy that are left while they read ahead: TensorFlow may read freed memory then."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

import pytest

import nbkeras
from nbkeras.devices import strategies

# Batches take longer than the time until the iterator is left, and freed memory is overwritten.
SCRIPT = """
import sys
import tensorflow as tf
from nbkeras.devices.leaving_early import let_iterators_be_left

strategy = tf.distribute.MirroredStrategy(["CPU:0"])
square = tf.random.normal((700, 700))
data = tf.data.Dataset.range(100).map(lambda number: (square @ square)[0, :10]).batch(1)
# As both Keras lines have it for arrays.
options = tf.data.Options()
options.experimental_optimization.apply_default_optimizations = False
data = data.with_options(options)
if sys.argv[1] == "mended":
    let_iterators_be_left(strategy)
for _ in range(40):
    next(iter(strategy.experimental_distribute_dataset(data)))
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
@pytest.mark.parametrize("whose", ["the user's", "nbkeras's"])
def test_what_is_rewritten(keras, data, monkeypatch, method, whose):
    import tensorflow as tf

    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    given = []

    class OneDeviceStrategy(tf.distribute.OneDeviceStrategy):
        def experimental_distribute_dataset(self, dataset, options=None):
            given.append(dataset.options().experimental_optimization.noop_elimination)
            return super().experimental_distribute_dataset(dataset, options)

    monkeypatch.setattr(tf.distribute, "OneDeviceStrategy", OneDeviceStrategy)
    monkeypatch.setattr(strategies, "_made", {})
    own = whose == "the user's"
    strategy = OneDeviceStrategy("CPU:0") if own else strategies.strategy_of("one").strategy
    x, y = data
    arguments = {"x": x} if method == "predict" else {"x": x, "y": y}
    if method == "fit":
        arguments |= {"validation_split": 0.2, "epochs": 2}
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        getattr(model, method)(**arguments, verbose=0)
        # Nobody asked for anything yet: only nbkeras's own strategies are mended.
        assert given
        assert all(given) != own
        given.clear()
        with nbkeras.fitting(quiet=True):
            getattr(model, method)(**arguments, verbose=0)
    assert given
    assert all(given)
