"""The views of a search: what they say, how much they send, and that they stand anything."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest

from nbkeras.runs.run import Run
from nbkeras.training.tuning.objective import Objective
from nbkeras.training.tuning.record import Search, TrialRecord
from nbkeras.widgets.picture.page import size
from nbkeras.widgets.tuning import live
from nbkeras.widgets.tuning.parallel import draw_parallel
from nbkeras.widgets.tuning.picture import LIMIT, LIVE_LIMIT, head_bundle, trials_bundle


def search_of(count, *, parameters=2, direction="min", total=None, running=False):
    run = Run("search", "digits")
    search = Search("digits", "random", Objective("val_loss", direction), "there", total, run)
    for number in range(1, count + 1):
        values = {f"parameter_{at}": 10.0 ** -((number + at) % 5) for at in range(parameters)}
        value = ((number * 7) % 11) / 10
        search.trials.append(
            TrialRecord(number, str(number), values, "finished", value, epoch=2, seconds=1.0, run="x")
        )
    if running:
        search.trials[-1].status, search.trials[-1].value = "running", None
    else:
        run.finish("finished")
    return search


def test_the_table_has_the_best_trials_first():
    lines = trials_bundle(search_of(4))["text/plain"].splitlines()
    assert lines[0].split() == ["trial", "status", "val_loss", "epoch", "parameter_0", "parameter_1", "time"]
    assert [line.split()[2].strip("*") for line in lines[1:]] == ["0.3000", "0.6000", "0.7000", "1.0000"]
    upward = trials_bundle(search_of(4, direction="max"))["text/plain"].splitlines()
    assert upward[1].split()[2] == "*1.0000"


def test_the_head_says_what_is_best_and_what_is_left():
    search = search_of(3, total=5, running=True)
    text = head_bundle(search)["text/plain"]
    assert text.startswith("digits: running, random, trial 3 of 5, ")
    assert "about 2.0s left" in text, text
    assert "best: trial 2, val_loss 0.3000 in epoch 2" in text
    assert "trial 3: parameter_0=0.001 parameter_1=0.0001" in text


@pytest.mark.parametrize("count", [0, 1, 2, 30, 1000])
@pytest.mark.parametrize("parameters", [0, 1, 5, 30])
def test_it_stays_small(count, parameters):
    search = search_of(count, parameters=parameters)
    assert size(trials_bundle(search)) <= LIMIT
    assert size(trials_bundle(search, limit=LIVE_LIMIT)) <= LIVE_LIMIT
    assert size(head_bundle(search)) <= 5_000
    if count:
        ET.fromstring(draw_parallel(search, lines=50))  # noqa: S314 - our own picture


def test_failed_trials_are_named_with_their_reason():
    search = search_of(9)
    for trial in search.trials[1:]:
        trial.status, trial.value, trial.reason = "failed", None, f"MemoryError: {trial.number}"
    text = head_bundle(search)["text/plain"]
    assert "trial 2 failed: MemoryError: 2" in text
    assert "and 3 more failed" in text
    assert "failed" in trials_bundle(search)["text/plain"]


def test_odd_values_and_names_do_no_harm():
    search = search_of(2)
    search.name = "<b>\x00 name"
    search.trials[0].values = {"<i>": "<script>alert(1)</script>", "flag": True, "only": None}
    search.trials[1].values = {"<i>": "b", "flag": False}
    search.trials[1].value = 1e300
    html = head_bundle(search)["text/html"] + trials_bundle(search)["text/html"]
    assert "<script" not in html
    assert "<b> name" not in html
    ET.fromstring(draw_parallel(search, lines=50))  # noqa: S314 - our own picture


def test_a_live_view_sends_little(monkeypatch):
    sent = []
    now = [100.0]

    class Publisher:
        def publish(self, bundle, *, transient, update):
            sent.append((now[0], size(bundle), transient["display_id"], update))

    class Shell:
        display_pub = Publisher()

    monkeypatch.setattr("IPython.get_ipython", Shell)
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    view = live.NotebookView()
    whole = search_of(120, parameters=6, running=True)
    trials, whole.trials = whole.trials, []
    whole.began = now[0]
    for trial in trials:
        whole.trials.append(trial)
        trial.status = "running"
        view.on_trial(whole)
        for _ in range(10):
            now[0] += 0.1
            view.on_progress(whole)
        trial.status = "finished"
        view.on_trial(whole)
    seconds = now[0] - 100
    assert sum(each[1] for each in sent) / seconds <= 4000
    heads = [each for each in sent if each[2] == sent[0][2]]
    assert len(heads) / seconds <= 2
    assert len(heads) > seconds / 6
    # Two displays, each shown once and then updated.
    assert [each[3] for each in sent].count(False) == 2
    view.on_end(whole)
    assert sent[-1][1] > LIVE_LIMIT


def test_a_terminal_gets_a_line_a_trial(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    view = live.open_view(search_of(0))
    monkeypatch.setattr("sys.stdout", io.StringIO())
    search = search_of(2, total=2)
    view.on_trial(search)
    view.on_trial(search)
    view.on_end(search)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == [
        *("trial", "1/2", "val_loss", "0.7000", "parameter_0=0.1", "parameter_1=0.01", "1.0s"),
        *("best", "0.3000", "(trial", "2)"),
    ]
    assert lines[1].startswith("trial 2/2  val_loss 0.3000")
    assert lines[2].startswith("digits: finished, random, 2 trials")
