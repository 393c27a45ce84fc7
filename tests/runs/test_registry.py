from __future__ import annotations

import pytest

from nbkeras import runs
from nbkeras.runs import registry
from nbkeras.runs.log import writer


def test_importing_the_room_is_cheap(kernel):
    code = (
        "import sys, nbkeras.runs, nbkeras.runs.control, nbkeras.runs.progress\n"
        "heavy = {'numpy', 'sqlite3', 'pandas', 'tensorflow', 'keras', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert kernel(code).communicate()[0].strip() == "[]"


def test_every_public_name_is_there():
    for name in runs.__all__:
        assert getattr(runs, name) is not None
    assert set(runs.__all__) <= set(dir(runs))
    with pytest.raises(AttributeError, match="no attribute 'newest'"):
        _ = runs.newest


def test_openers_see_each_run_before_its_first_tick(log):
    seen = []
    runs.openers.append(lambda run: seen.append((run.name, run.metrics)))
    runs.begin("fit", "one", {}, {})
    runs.begin("fit", "hidden", {}, {}, shown=False)
    assert seen == [("one", ())]


def test_an_opener_that_raises_is_noted_and_the_others_still_open(log):
    seen = []

    def broken(_):
        raise RuntimeError("no front end")

    runs.openers.extend([broken, seen.append])
    run = runs.begin("fit", "one", {}, {})
    assert run.notes == ["this run is not shown: RuntimeError: no front end"]
    assert seen == [run]


def test_a_run_that_is_not_logged(log):
    run = runs.begin("fit", "secret", {}, {}, log=False)
    run.record_step(1, {"loss": 1.0})
    run.finish("finished")
    assert runs.get("secret") is run
    assert len(run.steps("loss")) == 1
    assert not log.exists()


def test_old_runs_move_from_memory_to_the_log(log, monkeypatch, train):
    monkeypatch.setattr(registry, "HELD", 2)
    names = [f"run {number}" for number in range(5)]
    for name in names:
        train(name)
    unlogged = runs.begin("fit", "unlogged", {}, {}, log=False)
    unlogged.finish("finished")
    for _ in range(3):
        train("later")
    writer.flush(log)
    assert unlogged in registry.live_runs()
    assert len(registry.live_runs()) == 4
    assert [run.name for run in runs.all()] == [*names, "unlogged", "later", "later", "later"]
    assert runs.get("run 0").history == {"loss": [1.0, 0.5], "val_loss": [2.0, 1.0]}
