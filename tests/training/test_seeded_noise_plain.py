"""``--seed --code``: noise that goes on in the printed code as it does in the armed cell."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import nbkeras
from nbkeras.reproducibility import seeding
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code

CELL = """
def noisy(a, b):
    return a + tf.random.normal(tf.shape(a)), b
batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(96).map(noisy, num_parallel_calls=2).batch(16)
layers = keras.layers
model = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5), layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(batches, epochs=3, shuffle=False)
"""
SLICES = "tf.data.Dataset.from_tensor_slices((x, y))"
FLIP = "def flip(a, b):\n    return tf.image.random_flip_left_right(a), b\n"
NOISE = ".map(lambda a, b: (a + tf.random.normal((4,)), b))"


@pytest.fixture(autouse=True)
def no_seed_before(monkeypatch):
    import tensorflow as tf
    from tensorflow.python.framework import config

    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    yield
    config.disable_op_determinism()
    tf.random.set_seed(None)


def written(cell, namespace=None, **options):
    code = plain_code(cell, fit_options(seed=7, **options), namespace or {})
    ast.parse(code)
    return code


def test_printed_code_gives_the_same_bits(keras, data, monkeypatch):
    import tensorflow as tf

    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    known = {"keras": keras, "tf": tf, "x": data[0], "y": data[1]}
    armed, plain = dict(known), dict(known)
    with nbkeras.fitting(seed=7, quiet=True) as session:
        exec(CELL, armed)  # noqa: S102 - as a notebook does
    assert any("each epoch gets random numbers of its own" in note for note in session.run.notes)
    code = written(CELL, known)
    assert "fit(batches.repeat(), epochs=3, shuffle=False,\n    steps_per_epoch=len(batches),\n)" in code
    assert "# nbkeras" not in code
    exec(code.replace("shuffle=False", "shuffle=False, verbose=0"), plain)  # noqa: S102
    assert plain["history"].history == armed["history"].history
    for ours, theirs in zip(armed["model"].get_weights(), plain["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "made",
    [
        f"ds = {SLICES}{NOISE}.batch(8)",
        f"ds = {SLICES}.cache(){NOISE}.batch(8).prefetch(2)",
        f"first = {SLICES}\nnoise = first{NOISE}\nds = noise.batch(8)",
        f"ds = {SLICES}\nds = ds{NOISE}\nds = ds.batch(8)",
        f"{FLIP}def both(a, b):\n    return flip(a, b)\nds = {SLICES}.map(both).batch(8)",
        f"{FLIP}ds = keras.utils.image_dataset_from_directory('x').map(flip)",
        f"ds = tf.data.Dataset.zip(tf.data.Dataset.range(8), {SLICES}{NOISE}).batch(8)",
    ],
)
def test_noise_of_a_dataset_of_the_cell_is_seen_in_its_text(made):
    code = written(f"{made}\nmodel.fit(ds, epochs=2)")
    assert "model.fit(ds.repeat(), epochs=2,\n    steps_per_epoch=len(ds),\n)" in code
    assert "# nbkeras" not in code
    assert code.endswith("model.fit(ds.repeat(), epochs=2,\n    steps_per_epoch=len(ds),\n)")


@pytest.mark.parametrize(
    ("made", "call", "words"),
    [
        (f"ds = {SLICES}.batch(8)", "fit(ds, epochs=2)", None),
        (f"ds = {SLICES}.map(lambda a, b: (a / 2, b)).batch(8)", "fit(ds, epochs=2)", None),
        (f"ds = {SLICES}{NOISE}.cache().batch(8)", "fit(ds, epochs=2)", None),
        (f"ds = {SLICES}{NOISE}.batch(8)", "fit(ds)", None),
        (f"ds = {SLICES}{NOISE}.batch(8)", "fit(ds, epochs=2, steps_per_epoch=3)", "of steps_per_epoch"),
        (f"ds = {SLICES}{NOISE}.batch(8)", "fit(ds, **more)", "of steps_per_epoch"),
        (f"ds = {SLICES}{NOISE}.unbatch().batch(8)", "fit(ds, epochs=2)", "of its number of batches"),
        (f"ds = {SLICES}{NOISE}\nds = ds.cache().batch(8)", "fit(ds, epochs=2)", None),
        (f"ds = {SLICES}{NOISE}\nif big:\n    ds = ds.batch(8)", "fit(ds, epochs=2)", "ds may be arrays"),
        ("", f"fit({SLICES}{NOISE}.batch(8), epochs=2)", "of how it is given"),
        (f"ds = {SLICES}.map(augment).batch(8)", "fit(ds, epochs=2)", "if functions of ds draw"),
        (
            f"ds = {SLICES}{NOISE}.batch(8)\nmodel.compile(steps_per_execution=2)",
            "fit(ds, epochs=2)",
            "_execution",
        ),
    ],
)
def test_what_is_not_written_is_said_where_it_counts(made, call, words):
    code = written(f"{made}\nmodel.{call}", {"more": 1})
    said = [line for line in code.splitlines() if line.startswith("# nbkeras")]
    assert f"model.{call}" in code
    assert len(said) == (words is not None)
    assert words is None or words in said[0]


def test_a_dataset_of_the_notebook_is_read_itself():
    import tensorflow as tf

    slices = tf.data.Dataset.range(8)
    noisy = slices.map(lambda i: tf.cast(i, tf.float32) + tf.random.normal((), seed=1)).batch(2)
    assert "model.fit(ds.repeat()," in written("model.fit(ds, epochs=2)", {"ds": noisy})
    assert "model.fit(ds.repeat()," in written("model.fit(ds)", {"ds": noisy}, epochs=2)
    for other in (slices.batch(2), noisy.repeat()):
        assert "model.fit(ds, epochs=2)" in written("model.fit(ds, epochs=2)", {"ds": other})
