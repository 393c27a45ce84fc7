"""``--pad``: an uneven last batch goes whole to each replica, so that the training is that of one device."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras import Refusal
from nbkeras.data.whole_batches import whole_for_each
from nbkeras.training import padding
from nbkeras.training.calls import Call
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code


def done(tmp_path, script, *arguments, legacy="0"):
    """Run a script in a process of its own: devices are divided before TensorFlow's first use of them."""
    environment = {
        **os.environ,
        "TF_USE_LEGACY_KERAS": legacy,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.mark.costly
@pytest.mark.timeout(700)
@pytest.mark.parametrize("legacy", ["0", "1"])
@pytest.mark.parametrize("count", ["2", "4"])
def test_padded_fits_are_those_of_one_device(tmp_path, legacy, count):
    done(tmp_path, "padded_fits.py", count, legacy=legacy)


@pytest.mark.costly
@pytest.mark.timeout(700)
@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_padded_fits_that_are_killed_go_on_exactly(tmp_path, line):
    assert done(tmp_path, "padded_resuming.py", line).count(f"done {line} ") == 3


def test_the_last_batch_of_each_epoch_is_given_out_to_all():
    from tensorflow.python.data.experimental.ops import distribute

    data = tf.data.Dataset.from_tensor_slices({"a": np.arange(7), "b": np.arange(14.0).reshape(7, 2)}).batch(
        3
    )
    once = whole_for_each(data, 3, length=3)
    assert [len(each["a"]) for each in once] == [3, 3, 3]
    assert [each["a"].tolist() for each in once.as_numpy_iterator()][-1] == [6, 6, 6]
    assert [each["b"].tolist() for each in once.as_numpy_iterator()][-1] == [[12, 13]] * 3
    assert once.cardinality() == 3
    assert once.element_spec["b"].shape.as_list() == [None, 2]
    # Or tf.distribute would cut batches into parts of a third of three.
    assert distribute.compute_batch_size(once) == -1
    twice = whole_for_each(data.repeat(), 2, length=3).take(6)
    assert [len(each["a"]) for each in twice] == [3, 3, 2, 3, 3, 2]
    assert [len(each["a"]) for each in whole_for_each(data, 2, length=3, every=True)] == [6, 6, 2]


@pytest.fixture
def notes(monkeypatch):
    """Return what --pad says of a fit, which it begins with two replicas that are not there, and no more."""
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    monkeypatch.setattr(padding, "sharing_strategy", lambda _: SimpleNamespace(num_replicas_in_sync=2))

    def notes(*args, asked=None, **arguments):
        call = Call.of("fit", type(model).fit, model, args, arguments)
        found, said = padding.padding_of(call, asked)
        if found is not None:
            if asked is not None:
                # As the session does meanwhile.
                call.set("batch_size", asked)
            said, _ = found.begin(call, 5)
            assert call.get("x").cardinality() == found.length
            assert call.get("y") is call.get("sample_weight") is None
        return said

    return notes


def test_what_is_said(notes):
    x = np.ones((33, 1), "float32")
    data = tf.data.Dataset.from_tensor_slices((x, x))
    once = "whole to each of the 2 replicas, and counts once, by --pad"
    assert notes(x, x, batch_size=16, shuffle=False) == [f"the last batch, of 1, goes {once}"]
    order = "arrays in an order of their own each epoch (seed 5), the same in each run, by --pad"
    assert notes(x, x, asked=16) == [f"the last batch, of 1, goes {once}", order]
    even = ["--pad changes nothing: 2 replicas share each batch evenly"]
    assert notes(x[:32], x[:32]) == notes(x, x, validation_split=0.03) == even
    assert notes(data.batch(16, drop_remainder=True)) == even
    assert notes(data.batch(16).map(lambda *pair: pair)) == [f"the last batch, of 1, goes {once}"]
    (said,) = notes(data.batch(11))
    assert said == f"each batch, of 11, goes {once}; batches of 12 would be shared, and be faster"


def test_what_is_refused(notes):
    x = np.ones((33, 1), "float32")
    data = tf.data.Dataset.from_tensor_slices((x, x))
    for given, received in (
        ((data.repeat().batch(16),), "a dataset of infinite length"),
        ((data.filter(lambda *_: True).batch(16),), "a dataset of unknown length"),
        ((data.batch(16).shuffle(3),), "a dataset with shuffle behind its batch"),
        (((each for each in [(x, x)]),), "a generator"),
        (([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0]), "a list"),
    ):
        with pytest.raises(
            Refusal, match=rf"^pad: expected arrays, or a tf.data.Dataset .* received {received}: "
        ):
            notes(*given)
    with pytest.raises(
        Refusal, match=r"^pad: expected epochs that end with the data, .* steps_per_epoch=1: leave"
    ):
        notes(x, x, steps_per_epoch=1)


def test_without_replicas_it_does_nothing(keras):
    x = np.ones((3, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with nbkeras.fitting(quiet=True, pad=True) as session:
        model.fit(x, x, verbose=0)
        model.evaluate(x, x, verbose=0)
    assert "--pad changes nothing: no replicas share the batches" in session.runs[0].notes
    assert not any("--pad" in note for note in session.runs[1].notes)


@pytest.mark.parametrize(("first", "then"), [(True, False), (False, True)])
def test_a_run_goes_on_as_it_began(model, data, leaving, tmp_path, first, then):
    def fit(pad):
        with nbkeras.fitting(quiet=True, pad=pad, backup=tmp_path / "b", every="epoch"):
            model.fit(*data, epochs=2, callbacks=[leaving(1)], verbose=0)

    with pytest.raises(KeyboardInterrupt):
        fit(first)
    kept = model.get_weights()
    had, got, mend = ("--pad", "none", "add  --pad ") if first else ("no --pad", "it", "leave it out")
    said = rf"^pad: expected what the run of the backups in '.*b' had, {had}, received {got}: {mend}, or "
    with pytest.raises(Refusal, match=said):
        fit(then)
    assert all(map(np.array_equal, model.get_weights(), kept))


def code_of(cell, **options):
    x = np.ones((5, 1))
    dataset = tf.data.Dataset.from_tensor_slices((x, x)).batch(2)
    space = {"x": x, "y": np.ones(5), "named": {"a": x}, "batches": dataset}
    return plain_code(cell, fit_options(pad=True, **options), space).replace("\n    ", " ")


COPIES = ", tf.distribute.get_strategy().num_replicas_in_sync)"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("x, y", f"whole_for_each(in_order(x, y, batch_size=32, seed=0){COPIES}, None"),
        ("batches", f"whole_for_each(batches{COPIES}"),
        (
            "x, y, shuffle=False",
            f"whole_for_each(tf.data.Dataset.from_tensor_slices((x, y)).batch(32){COPIES}, None",
        ),
        (
            "named, y, 2, shuffle=False, sample_weight=y",
            f"whole_for_each(tf.data.Dataset.from_tensor_slices((named, y, y)).batch(2){COPIES}, None, 2",
        ),
    ],
)
def test_plain_code(given, written):
    code = code_of(f"model.fit({given})")
    assert f"\nmodel.fit({written}, " in code
    assert "CountedOnce()," in code
    assert not code.startswith("#")


def test_plain_code_of_a_part_in_its_own_order():
    code = code_of("model.fit(x, y, validation_split=0.4, shuffle=False)", batch_size=2)
    at = "int(len(x) * (1.0 - 0.4))"
    assert f"from_tensor_slices((x[:{at}], y[:{at}])).batch(2)" in code
    assert f"validation_data=(x[{at}:], y[{at}:],)" in code
    assert "validation_split=0.0" in code


def test_plain_code_with_backups_keeps_what_the_callback_knows():
    code = code_of("model.fit(x, y)", backup="b")
    assert "def get_state(self):" in code
    assert "def get_state(self):" not in code_of("model.fit(x, y)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("named, y", "--pad and the order of each epoch (seed=0) are not written, because of its data"),
        ("x, y, sample_weight=y", "(seed=0) are not written, because of sample_weight"),
        ("[x], y, shuffle=False", "--pad is not written for such arrays: make [x] a tf.data.Dataset"),
        (
            "named, y, validation_split=0.4, shuffle=False",
            "--pad is not written for such arrays: make named a",
        ),
        ("made()", "made() may be a dataset or arrays: --pad is not written"),
    ],
)
def test_plain_code_says_what_it_does_not_write(given, said):
    cell = f"model.fit({given})"
    code = code_of(cell)
    assert code.startswith("# nbkeras: ")
    assert said in code
    assert code.endswith(f"\n{cell}")


def test_plain_code_with_a_seed_pads_a_dataset():
    code = code_of("model.fit(batches)", seed=3)
    assert f"model.fit(whole_for_each(batches{COPIES}" in code
    cell = "made = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)\nmodel.fit(made)"
    assert f"model.fit(whole_for_each(made{COPIES}" in code_of(cell)
