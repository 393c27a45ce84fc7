"""A Monitor that the call has itself makes the run, with what the cell asks for where it says nothing."""

from __future__ import annotations

import pytest

import nbkeras
from nbkeras.callbacks.monitor import monitor_class
from nbkeras.runs.registry import live_runs


@pytest.fixture
def monitor(keras):
    return monitor_class(keras.__name__)


@pytest.fixture
def shown(monkeypatch):
    """The runs that somebody shows."""
    opened = []
    monkeypatch.setattr("nbkeras.runs.registry.openers", [opened.append])
    return opened


def test_what_the_cell_asks_is_done(model, data, monitor, shown):
    options = {"max_time": 0.5, "name": "named", "quiet": True}
    with nbkeras.fitting(**options) as session:
        history = model.fit(*data, epochs=100_000, shuffle=False, callbacks=[monitor()], verbose=0).history
    assert len(history["loss"]) < 100_000
    assert session.run.reason == "time limit of 0.5s"
    assert session.run.name == "named"
    assert session.run.notes == ["stops after 0.5s by --max-time"]
    assert session.run.parameters["batch_size"] == 32
    assert shown == []


def test_what_it_says_itself_goes_before_and_is_said(model, data, monitor):
    own = monitor(name="mine", max_time=600, view=False)
    with nbkeras.fitting(max_time=300, name="named") as session:
        model.fit(*data, callbacks=[own], verbose=0)
        model.fit(*data, callbacks=[own], verbose=0)
    assert [run.name for run in session.runs] == ["mine", "mine"]
    note = (
        "--name named not used, the call's Monitor says name='mine' · "
        "--max-time 5m not used, the call's Monitor says max_time=10m"
    )
    assert [run.notes for run in session.runs] == [[note], [note]]


def test_it_evaluates_after_a_fit_that_an_error_has_ended(keras, model, data, monitor):
    def fail(epoch, logs):
        raise OSError("gone")

    own, broken = monitor(view=False), keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(OSError, match="gone"):
        model.fit(*data, validation_split=0.25, verbose=0, callbacks=[broken, own])
    failed = own.run
    model.evaluate(*data, verbose=0, callbacks=[own])
    assert (own.run.kind, own.run.status) == ("evaluate", "finished")
    assert sorted(own.run.history) == ["accuracy", "loss"]
    assert (failed.kind, failed.status, failed.history) == ("fit", "failed", {})


def test_nothing_of_the_cell_stays_with_it(model, data, monitor):
    own = monitor(view=False)
    with nbkeras.fitting(name="named", quiet=True):
        model.fit(*data, callbacks=[own], verbose=0)
    model.fit(*data, callbacks=[own], verbose=0)
    assert own.run.name == "small"
    assert own.run.notes == []


@pytest.mark.parametrize("nested", [lambda m: [[m]], lambda m: ([m],), lambda m: m, lambda m: {"mine": m}])
def test_lists_in_lists_hold_it_too(model, data, monitor, nested):
    before = live_runs()
    own = monitor(view=False)
    with nbkeras.fitting(early_stopping="loss:3") as session:
        model.fit(*data, callbacks=nested(own), verbose=0)
    assert session.runs == [own.run]
    # Not counted: of many runs the oldest are let go.
    assert [run for run in live_runs() if run not in before] == [own.run]
