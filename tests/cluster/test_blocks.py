"""Blocks of a cell with options of their own: `nbkeras.fitting`, `nbkeras.fine_tune`, an `ExactBackup`."""

from __future__ import annotations

import textwrap

import pytest

from nbkeras import Refusal

BEGIN = """
import nbkeras
x = np.random.default_rng(0).random((96, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="tanh")], name="base")
model = keras.Sequential([keras.Input((4,)), base, keras.layers.Dense(1)])
model.compile("sgd", "mse")
"""
SEEDED = f"keras.utils.set_random_seed(1)\n{BEGIN}"
WEIGHTS = "print(repr([float(each.sum()) for each in model.get_weights()]))\n"
FITTING = "with nbkeras.fitting({options}):\n    history = model.fit(x, y, verbose=0, {arguments})\n"
FINE_TUNE = """
nbkeras.fine_tune(
    model, x, y, base="base", batch_size=16, verbose=0,
    stages=[nbkeras.Stage("head", epochs=1), nbkeras.Stage("all", epochs={epochs})], {options}
)
"""


def together(notebook):
    """Return what rank 0 has printed, and rank 1 as well."""
    assert notebook.printed[0] == notebook.printed[1] != ""
    return notebook.printed[0].splitlines()[-1]


@pytest.mark.parametrize(
    "block",
    [
        FITTING.format(options="", arguments="batch_size=16, epochs=100_000"),
        FINE_TUNE.format(epochs=100_000, options=""),
    ],
    ids=["fitting", "fine_tune"],
)
def test_a_stop_reaches_all_workers_in_it(notebook, during, block):
    during(lambda run: run.control.stop())
    (run,) = notebook.run(BEGIN + block + WEIGHTS)
    together(notebook)
    assert (run.status, run.reason) == ("stopped", "stop button")


@pytest.mark.parametrize(
    "block",
    [FITTING.format(options="", arguments="batch_size=16"), FINE_TUNE.format(epochs=1, options="")],
    ids=["fitting", "fine_tune"],
)
def test_all_workers_take_the_samples_in_one_order(notebook, block):
    """Or each would take some twice in an epoch, and leave out others."""
    # What an earlier cell has seeded Keras would shuffle alike by itself.
    (run,) = notebook.run(f"import tensorflow as tf\ntf.random.set_seed(None)\n{BEGIN}{block}")
    said = "arrays in an order of their own each epoch, the same on all workers, by %%cluster"
    assert said in run.notes


def test_a_fine_tuning_goes_on_from_its_backup(notebook, tmp_path):
    kept = FINE_TUNE.format(epochs=2, options=f"backup={str(tmp_path / 'b')!r}, every='epoch', reuse=True")
    notebook.run(SEEDED + kept + WEIGHTS)
    expected = together(notebook)
    assert "AutoGraph" not in notebook.printed[0]
    (run,) = notebook.run(
        SEEDED + kept + WEIGHTS + "print(repr(nbkeras.undo_fine_tuning(model)))\n" + WEIGHTS
    )
    first, _, undone = notebook.printed[0].splitlines()[-3:]
    assert (run.status, first) == ("finished", expected)
    # What was kept beside the backups, by rank 0, is read by both.
    notebook.run(SEEDED + WEIGHTS)
    assert together(notebook) == undone != expected


def test_an_exact_backup_of_the_cells_own(notebook, tmp_path):
    fit = """
    history = model.fit(x, y, batch_size=16, epochs={epochs}, shuffle=False, verbose=0, callbacks=[{backup}])
    """
    fit = textwrap.dedent(fit)
    notebook.run(SEEDED + fit.format(epochs=3, backup="") + WEIGHTS)
    expected = together(notebook)
    backup = f"nbkeras.ExactBackup({str(tmp_path / 'b')!r}, every='epoch')"
    for epochs in (2, 3):
        notebook.run(SEEDED + fit.format(epochs=epochs, backup=backup) + WEIGHTS)
    assert together(notebook) == expected
    assert "resumes at the end of epoch 2" in notebook.printed[0]
    by_time = fit.format(epochs=2, backup=f"nbkeras.ExactBackup({str(tmp_path / 'c')!r})")
    with pytest.raises(
        Refusal, match=r"every: expected epoch or a number of steps, .* received 30s: give  epoch"
    ):
        notebook.run(BEGIN + by_time)
    assert notebook.cluster.runs


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            FITTING.format(options="max_time='2s'", arguments=""),
            r"max_time: expected none in a block, .* received 2s: give  %%cluster --max-time 2s",
        ),
        (FITTING.format(options="strategy='one'", arguments=""), r"strategy: expected none on workers"),
        (
            FITTING.format(options="mixed_precision='auto'", arguments=""),
            r"mixed_precision: expected on, off",
        ),
        (
            FITTING.format(options="backup='b'", arguments=""),
            r"every: expected epoch .* received 30s: give  epoch",
        ),
        (
            "nbkeras.tune(lambda lr: None, 'lr=0.1|0.2')",
            r"tune: expected a process that searches alone, .*: call it in a cell without  %%cluster",
        ),
        (
            "nbkeras.mixed_precision('auto', model, x, y)",
            r"mixed_precision auto: expected a process that measures",
        ),
        (
            "nbkeras.fine_tuning_plan(model, x, y, estimate=True)",
            r"estimate: expected a process that measures",
        ),
    ],
)
def test_what_each_worker_would_do_for_itself_is_refused(notebook, block, said):
    with pytest.raises(Refusal, match=said):
        notebook.run(BEGIN + block)
    assert notebook.cluster.runs


def test_rates_are_found_without_a_clock(notebook):
    find = "found = nbkeras.lr_find(model, x, y, steps=20, max_time=0.001)\nprint(found)\n"
    notebook.run(BEGIN + find)
    assert [said.startswith("20 rates from") for said in notebook.printed.values()] == [True, True]
    assert (
        notebook.value("found.notes[0]")
        == ["no limit of time on a cluster, whose workers have a clock each"] * 2
    )
