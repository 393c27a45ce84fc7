"""Real SIGINTs while real models train: docs/stopping.md, row by row."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import nbkeras

pytestmark = pytest.mark.usefixtures("python_interrupts")


@pytest.fixture
def interrupting(keras):
    """Make a callback that presses the notebook's stop button at the end of some batches."""

    def make(*at):
        class Interrupting(keras.callbacks.Callback):
            def __init__(self):
                super().__init__()
                self.batches = 0

            def press(self):
                self.batches += 1
                if self.batches in at:
                    os.kill(os.getpid(), signal.SIGINT)

            def on_train_batch_end(self, batch, logs=None):
                self.press()

            def on_test_batch_end(self, batch, logs=None):
                if self.model.optimizer is None or not training:
                    self.press()

            def on_predict_batch_end(self, batch, logs=None):
                self.press()

            def on_train_begin(self, logs=None):
                training.append(1)

        training = []
        return Interrupting()

    return make


def test_first_interrupt_returns_history_and_weights(model, data, interrupting):
    x, y = data
    before = model.get_weights()
    with nbkeras.fitting(quiet=True, batch_size=8) as session:
        history = model.fit(x, y, epochs=50, validation_split=0.25, callbacks=[interrupting(12)])
        after = "the rest of the cell runs"
    assert after
    # Nine batches an epoch: the second epoch was stopped after its third batch, and validated.
    assert session.run.progress.done == 12
    assert {len(values) for values in history.history.values()} == {2}
    assert "val_loss" in history.history
    assert session.run.history == history.history
    assert (session.run.status, session.run.reason) == ("stopped", "interrupt")
    assert not np.array_equal(before[0], model.get_weights()[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_second_interrupt_in_the_cell_raises(model, data, interrupting):
    session = None

    def cell():
        nonlocal session
        with nbkeras.fitting(quiet=True, batch_size=8) as session:
            model.fit(*data, epochs=50, callbacks=[interrupting(3)])
            model.fit(*data, epochs=50, callbacks=[interrupting(3)])

    with pytest.raises(KeyboardInterrupt):
        cell()
    assert [run.status for run in session.runs] == ["stopped", "interrupted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


LOOP = """
for epoch in nbkeras.track(range(5), epochs=9, view=False):
    for batch in epoch:
        if batch == 1:
            os.kill(os.getpid(), signal.SIGINT)
runs.append(epoch.number)
"""


@pytest.mark.parametrize("keras", ["keras"], indirect=True)
def test_second_interrupt_in_a_cell_raises_whoever_monitors(model, data, interrupting, shell, monkeypatch):
    """A loop over many short trainings can be left by pressing the button twice."""
    monkeypatch.setattr(shell, "showtraceback", lambda *_, **__: None)
    fit = "with nbkeras.fitting(quiet=True): model.fit(*data, callbacks=[press])"
    shell.user_ns |= {"nbkeras": nbkeras, "os": os, "signal": signal, "runs": []}
    shell.user_ns |= {"model": model, "data": data, "press": interrupting(2)}
    for cell, ended in ((LOOP + LOOP, 1), (fit + LOOP, 0), (LOOP, 1)):
        shell.user_ns["runs"].clear()
        error = shell.run_cell(cell).error_in_exec
        assert isinstance(error, KeyboardInterrupt) is (cell != LOOP)
        assert shell.user_ns["runs"] == [1] * ended
        assert nbkeras.runs.latest().status == ("stopped" if cell == LOOP else "interrupted")
    # As the button of a widget would, between two cells.
    for _ in range(2):
        exec(LOOP, shell.user_ns)  # noqa: S102 - it is the test's own
        assert nbkeras.runs.latest().status == "stopped"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_kernel_that_knows_no_comms_is_no_obstacle(shell, monkeypatch):
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    assert nbkeras.Monitor.__name__ == "Monitor"


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_half_an_evaluation_is_not_returned(model, data, interrupting, method):
    arguments = data if method == "evaluate" else data[:1]
    with pytest.raises(KeyboardInterrupt), nbkeras.fitting(quiet=True, batch_size=8) as session:
        getattr(model, method)(*arguments, callbacks=[interrupting(2)])
    assert session.run.status == "interrupted"
    assert session.run.progress.done == 2


def test_plain_monitor_stops_too_and_again(keras, model, data, interrupting):
    from nbkeras.callbacks.monitor import monitor_class

    monitor = monitor_class(keras.__name__)(view=False)
    for _ in range(2):
        model.fit(*data, epochs=50, verbose=0, callbacks=[interrupting(2), monitor])
        assert (monitor.run.status, monitor.run.reason) == ("stopped", "interrupt")


def test_stop_button_and_learning_rate_act_within_one_batch(keras, model, data):
    done = []

    def press(batch, logs):
        done.append(batch)
        control = session_runs[0].control
        if len(done) == 2:
            control.set_learning_rate(0.25)
        elif len(done) == 4:
            rates.append(float(np.asarray(model.optimizer.learning_rate)))
            control.stop()

    from nbkeras.runs import openers

    session_runs, rates = [], []
    openers.append(session_runs.append)
    try:
        with nbkeras.fitting(batch_size=8):
            model.fit(*data, epochs=9, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=press)])
    finally:
        openers.remove(session_runs.append)
    assert len(done) == 4
    assert rates == [0.25]
    assert session_runs[0].reason == "stop button"
