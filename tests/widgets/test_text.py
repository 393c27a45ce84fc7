from __future__ import annotations

import io
import sys

import pytest

from nbkeras.runs.progress import Progress
from nbkeras.runs.run import Run
from nbkeras.widgets import text
from nbkeras.widgets.text import TextView
from nbkeras.widgets.text_line import cells, clock, progress_line


class Terminal(io.TextIOWrapper):
    """A terminal that remembers all that was written to it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, newline="")

    def isatty(self) -> bool:
        return True

    def written(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)

    def screen(self) -> list[str]:
        """What stands on the screen's lines."""
        shown = []
        for line in self.written().split("\n"):
            row = ""
            for part in line.split("\r"):
                row = part + row[len(part) :]
            shown.append(row.rstrip())
        return shown


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(text.time, "monotonic", clock)
    return clock


def use_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80, encoding: str = "utf-8") -> Terminal:
    # In the test itself: between a fixture and the test pytest puts its own stdout back.
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    return terminal


def begin(name: str = "digits", epochs: int | None = 3, steps: int | None = 10) -> Run:
    run = Run("fit", name)
    run.progress.epochs, run.progress.steps = epochs, steps
    run.progress.epoch = 1
    run.observe(TextView())
    return run


def train_epoch(run: Run, epoch: int, **values: float) -> None:
    run.progress.epoch, run.progress.step = epoch, 10
    run.progress.done += 10
    run.progress.elapsed += 61.0
    run.record_epoch(epoch, values)
    run.tick()


def test_a_log_file_gets_a_line_an_epoch_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], time: Clock
) -> None:
    run = begin()
    run.add_note("early stopping: val_loss, patience 3")
    for step in range(1, 11):
        run.record_step(step, {"loss": 1.0})
        run.tick()
    for epoch in (1, 2, 3):
        time.now += 5
        train_epoch(run, epoch, loss=0.5 / epoch, val_loss=0.6)
    run.finish("finished")

    assert capsys.readouterr().out.splitlines() == [
        "early stopping: val_loss, patience 3",
        "Epoch 1/3  1:01  loss 0.5000  val_loss 0.6000",
        "Epoch 2/3  2:02  loss 0.2500  val_loss 0.6000",
        "Epoch 3/3  3:03  loss 0.1667  val_loss 0.6000",
        "digits: finished, 3 epochs in 3m 3s, best val_loss 0.6000 (epoch 1)",
    ]


def test_fast_epochs_give_a_line_a_second_and_the_last_one_always(
    capsys: pytest.CaptureFixture[str], time: Clock
) -> None:
    run = begin(epochs=100)
    for epoch in range(1, 101):
        time.now += 0.03
        train_epoch(run, epoch, loss=1.0)
    run.finish("finished")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ["1/100", "35/100", "69/100", "100/100"]
    assert "\r" not in "".join(lines)


def test_the_end_is_told_whatever_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    run = begin()
    run.finish("failed", "ValueError: shapes\n(1,) and (2,)")
    out = capsys.readouterr().out
    assert out.startswith("digits: failed (ValueError: shapes (1,) and (2,)), 0 steps in ")
    assert out.count("\n") == 1


def test_notes_that_come_later_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    run = begin()
    run.tick()
    run.add_note("the run log is off: disk full")
    run.tick()
    run.add_event("learning rate set to 0.001")
    run.tick()
    assert capsys.readouterr().out.splitlines() == [
        "the run log is off: disk full",
        "step 0: learning rate set to 0.001",
    ]


def test_a_terminal_has_one_line_that_is_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    run = begin()
    run.add_note("monitored")
    for epoch in (1, 2):
        train_epoch(run, epoch, loss=0.5)
        assert len(terminal.screen()) == 2
    assert terminal.screen() == [
        "monitored",
        "Epoch 2/3  ━━━━━━━━━━━━  10/10  2:02  loss 0.5000",
    ]
    run.progress.elapsed = 0.5
    run.tick()
    assert terminal.screen()[1] == "Epoch 2/3  ━━━━━━━━━━━━  10/10  loss 0.5000"


def test_the_line_gives_way_to_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    run = begin()
    train_epoch(run, 1, loss=0.5)
    run.finish("stopped", "--max-time 10m")
    assert terminal.screen() == [
        "digits: stopped (--max-time 10m), 1 of 3 epochs in 1m 1s, best loss 0.5000 (epoch 1)",
        "",
    ]


@pytest.mark.parametrize("columns", [10, 20, 33, 47, 80, 200])
def test_the_line_never_wraps(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch, columns)
    run = begin()
    run.progress.remaining, run.progress.step_rate, run.progress.sample_rate = 75.0, 18.23, 583.0
    train_epoch(run, 1, loss=0.5, 損失=0.1, a_metric_with_a_very_long_name=1.0)
    lines = terminal.written().split("\r")
    assert len(lines) == 2
    assert all(cells(line) < columns for line in lines)


def test_where_keras_draws_no_line_is_drawn_across(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    run = begin()
    run.drawn = True
    for epoch in (1, 2):
        train_epoch(run, epoch, loss=1 / epoch)
    run.finish("finished")
    first, last, _ = terminal.written().split("\n")
    assert first.strip() == "Keras's own progress is shown, verbose=0 shows the monitor's"
    assert last.startswith("digits: finished, 2 of 3 epochs")


def test_a_terminal_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch, encoding="ascii")
    run = begin(name="größer")
    run.progress.step = 5
    run.record_step(5, {"loss": 0.5})
    run.tick()
    run.finish("finished")
    written = terminal.written()
    assert "[======>     ]  5/10  loss 0.5000" in written
    assert "gr??er: finished" in written


def test_stdout_is_looked_up_at_each_call(capsys: pytest.CaptureFixture[str]) -> None:
    run = begin()
    capsys.readouterr()
    other = io.StringIO()
    sys.stdout, before = other, sys.stdout
    try:
        train_epoch(run, 1, loss=0.5)
    finally:
        sys.stdout = before
    assert other.getvalue() == "Epoch 1/3  1:01  loss 0.5000\n"
    assert not capsys.readouterr().out


def test_a_stdout_that_can_only_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """What copies all that is printed into a file is often no more than that."""

    class Copying:
        def __init__(self) -> None:
            self.text = ""

        def write(self, text: str) -> None:
            self.text += text

    copying = Copying()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", copying)
        run = begin()
        train_epoch(run, 1, loss=0.5)
        run.finish("finished")
    assert copying.text.splitlines()[0] == "Epoch 1/3  1:01  loss 0.5000"
    assert not run.notes


def test_an_escape_sequence_in_a_name_does_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = begin(name="\x1b[2Jdigits")
    run.add_note("\x1b[31mred")
    train_epoch(run, 1, **{"\x1b[5mloss": 0.5})
    run.finish("finished")
    assert "\x1b" not in capsys.readouterr().out


LINE = Progress(
    epoch=3,
    epochs=10,
    step=230,
    steps=400,
    elapsed=72.4,
    remaining=34.0,
    step_rate=18.23,
    sample_rate=583.4,
)


def test_a_wide_line_says_everything() -> None:
    line = progress_line(LINE, {"loss": 0.25, "accuracy": 0.9, "auc": 0.95}, width=200, plain=True)
    assert line == (
        "Epoch 3/10  [=======>    ]  230/400  1:12, 0:34 left  18.2 steps/s  583 samples/s"
        "  loss 0.2500  accuracy 0.9000  auc 0.9500"
    )


def test_a_narrow_line_says_what_matters_most() -> None:
    values = {"loss": 0.25, "accuracy": 0.9, "auc": 0.95}
    assert progress_line(LINE, values, width=52) == ("Epoch 3/10  230/400  1:12, 0:34 left  loss 0.2500")
    assert progress_line(LINE, values, width=12) == "Epoch 3/10"


def test_unknown_numbers_are_left_out() -> None:
    assert progress_line(Progress(step=1), {}, width=80) == "Epoch 1  1 step"
    assert progress_line(Progress(step=7), {}, width=80, label="predict") == "predict  7 steps"


def test_validation_and_pause_are_named() -> None:
    progress = Progress(phase="validate", epoch=1, validation_step=5, validation_steps=20)
    assert progress_line(progress, {}, width=60, paused=True, plain=True) == (
        "Epoch 1 paused validating  [===>        ]  5/20"
    )


def test_clocks() -> None:
    assert [clock(each) for each in (0.9, 59.9, 60, 3599, 3600, 100_000)] == [
        *("0:00", "0:59", "1:00", "59:59", "1:00:00", "27:46:40"),
    ]
