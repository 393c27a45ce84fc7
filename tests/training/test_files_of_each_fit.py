"""Several fits of one cell: each writes files of its own, and says which."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbkeras

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def csv_epochs(name):
    return len(Path(name).read_text().splitlines()) - 1


def test_a_second_fit_leaves_the_files_of_the_first_alone(keras, model, data):
    with nbkeras.fitting(quiet=True, csv="log.csv", checkpoint="best.keras") as session:
        model.fit(*data, epochs=3, shuffle=False)
        model.evaluate(*data)
        best = Path("best.keras").read_bytes()
        model.set_weights([-50 * weights for weights in model.get_weights()])
        model.fit(*data, epochs=2, shuffle=False)
    assert csv_epochs("log.csv") == 3
    assert csv_epochs("log-2.csv") == 2
    assert Path("best.keras").read_bytes() == best
    assert keras.models.load_model("best-2.keras").count_params() == model.count_params()
    first, second = session.runs[0].notes[1:], session.runs[2].notes[1:]
    assert [note.partition(" by ")[2] for note in first] == ["--checkpoint", "--csv"]
    assert [note.partition(" by ")[2] for note in second] == [
        "--checkpoint, best.keras keeps what an earlier fit of the cell wrote",
        "--csv, log.csv keeps what an earlier fit of the cell wrote",
    ]
    # Another cell, or the same one again, begins anew.
    with nbkeras.fitting(quiet=True, csv="log.csv"):
        model.fit(*data)
    assert csv_epochs("log.csv") == 1


def test_a_fit_inside_a_fit_too(keras, model, data):
    inner = keras.Sequential([keras.layers.Dense(1)], name="inner")
    inner.compile("sgd", "mse")
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: inner.fit(*data))
    with nbkeras.fitting(quiet=True, csv="log.csv"):
        model.fit(*data, epochs=2, callbacks=[callback])
    assert [csv_epochs(name) for name in ("log.csv", "log-2.csv", "log-3.csv")] == [2, 1, 1]


def test_tensorboard_has_a_directory_for_each_run(model, data):
    pytest.importorskip("tensorboard")
    with nbkeras.fitting(quiet=True, tensorboard="board") as session:
        model.fit(*data)
        model.fit(*data)
    assert {path.name for path in Path("board").iterdir()} == {run.id for run in session.runs}
    assert len(session.runs) == 2


def test_defaults_of_a_monitored_notebook_are_those_of_now(model, data):
    from nbkeras.magics import switch
    from nbkeras.magics.config import NBKeras
    from nbkeras.runs import latest

    config = NBKeras(quiet=True)
    switch.switch_on(config)
    try:
        model.fit(*data)
        assert not any("--" in note for note in latest().notes)
        config.max_time = "10m"
        config.csv = "log.csv"
        model.fit(*data)
        assert "stops after 10m by --max-time" in latest().notes[0]
        switch.begin_cell()
        model.fit(*data)
        assert sorted(Path().glob("*.csv")) == [Path("log-2.csv"), Path("log.csv")]
    finally:
        switch.switch_off()
