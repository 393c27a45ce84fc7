"""Workers share batches so that each sample counts once; what they can't share is refused or said."""

from __future__ import annotations

import numpy as np
import pytest

from nbkeras import Refusal
from tests.cluster.conftest import costly

ONES = """
import tensorflow as tf
tf.random.set_seed(SEED)
x = 2.0 ** -np.arange(48, dtype="float32")[:, None]
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
model.compile(keras.optimizers.SGD(0.0), "mae")
data = tf.data.Dataset.from_tensor_slices((x, 0 * x))
"""
ARRAYS = "model.fit(x, 0 * x, batch_size=8, epochs=2)"
DATASET = "model.fit(data.shuffle(48, seed={}).batch(8), epochs=2)"
SAME = "arrays in an order of their own each epoch, the same on all workers, by %%cluster"
TWICE = "another order on each worker"


@pytest.mark.parametrize(
    ("seed", "fit", "once", "said"),
    [
        ("None", ARRAYS, True, SAME),
        # Of an earlier cell, say: it stays in the workers.
        ("3", ARRAYS, True, "NBK101"),
        ("None", DATASET.format("os.getpid()"), False, f"the dataset is shuffled in {TWICE}"),
        pytest.param(
            "3 + rank",
            ARRAYS,
            False,
            f"arrays in {TWICE}, each with another seed, so that an epoch",
            marks=costly,
        ),
        pytest.param("None", DATASET.format("1"), True, "", marks=costly),
        pytest.param(
            "None", DATASET.format("None"), False, f"the dataset is shuffled in {TWICE}", marks=costly
        ),
        pytest.param("3", DATASET.format("None"), True, "", marks=costly),
    ],
    ids=["arrays", "seed", "another dataset", "other seeds", "dataset, seed", "dataset", "seed, dataset"],
)
def test_each_sample_comes_once_in_an_epoch(notebook, seed, fit, once, said):
    """The mean of all samples is that of the batches only if none comes twice on the two workers."""
    (run,) = notebook.run(f"{ONES.replace('SEED', seed)}{fit}\ntf.random.set_seed(None)")
    expected = float((2.0 ** -np.arange(48)).mean())
    assert np.allclose(run.history["loss"], [expected] * 2, rtol=1e-5) == once
    notes = "\n".join(run.notes)
    assert said in notes or (said == "NBK101" and notebook.line == "tf_keras")
    assert (TWICE in notes) != once


MADE = """
layers = keras.layers
x = np.ones((66, 4), "float32")
model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(name="bn"), layers.Dense(1)])
"""


def test_batches_that_workers_cannot_share(notebook):
    def fit(*, samples=66, batch_size=16, **compiled):
        cell = f"{MADE}\nmodel.compile('sgd', 'mse', **{compiled})\nx = x[:{samples}]"
        (run,) = notebook.run(f"{cell}\nmodel.fit(x, x[:, :1], batch_size={batch_size}, verbose=0)")
        return "\n".join(run.notes)

    with pytest.raises(Refusal, match=r"expected a multiple of the 2 replicas, .* give  14 or 16"):
        fit(batch_size=15)
    notes = fit(samples=65)
    assert "2 replicas: each takes 8 samples of a batch of 16" in notes
    assert "the last batch, of 1, can't be shared evenly" in notes
    assert "bn: each replica normalises by its own share of a batch" in notes
    if notebook.line == "tf_keras":
        fit(steps_per_execution=2)
    else:
        with pytest.raises(Refusal, match="expected steps_per_execution=1"):
            fit(steps_per_execution=2)
    assert notebook.cluster.runs


def test_workers_compute_in_16_bits_together(notebook):
    cell = f"{MADE}\nmodel.compile('sgd', 'mse')\nmodel.fit(x[:64], x[:64, :1], batch_size=16, verbose=0)"
    (run,) = notebook.run(cell, mixed_precision="float16")
    (note,) = [each for each in run.notes if "--mixed-precision" in each]
    assert note.startswith("mixed_float16: 2 layers in float16, and the loss is scaled")
    assert notebook.value("model.layers[-1].compute_dtype") == ["float16"] * 2
    assert notebook.value("keras.mixed_precision.global_policy().name") == ["float32"] * 2
    one, other = notebook.value("model.layers[-1].get_weights()[0].tolist()")
    assert one == other
