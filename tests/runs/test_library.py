from __future__ import annotations

import json
import math

import pytest

from nbkeras import runs
from nbkeras.runs.log.stored import StoredRun
from nbkeras.runs.log.writer import writer_of
from nbkeras.runtime.refusal import Refusal


def test_no_runs_yet(log):
    assert runs.all() == []
    assert repr(runs.all()) == "no runs"
    for call in (runs.latest, lambda: runs.get("any")):
        with pytest.raises(Refusal, match="no runs yet: put %%fit above a cell that trains"):
            call()
    assert not log.parent.exists()


def test_runs_of_this_process_are_live(log, train):
    run = train("one", finish=False)
    assert runs.latest() is run
    assert runs.all()[0] is run


def test_runs_of_another_kernel_come_from_the_log(log, train, forget):
    live = train("one", finish=False, batch_size=32, rate=math.inf)
    live.directions["loss"] = "max"
    live.finish("finished")
    forget(log)
    stored = runs.latest()
    assert isinstance(stored, StoredRun)
    assert stored is not live
    for name in ("id", "name", "kind", "status", "reason", "created", "ended", "parameters"):
        assert getattr(stored, name) == getattr(live, name)
    for name in ("environment", "metrics", "history", "progress", "events", "notes", "directions"):
        assert getattr(stored, name) == getattr(live, name)
    assert stored.epoch_numbers("val_loss") == [1, 2]
    assert stored.steps("loss").values.tolist() == live.series("loss").values.tolist()
    assert len(stored.steps("val_loss")) == 0
    assert stored.summary() == live.summary()
    with pytest.raises(Refusal, match="no metric 'acc': it has loss, val_loss"):
        stored.steps("acc")


def test_live_and_stored_runs_in_one_list_newest_last(log, train, forget):
    train("old")
    forget(log)
    train("new")
    assert [run.name for run in runs.all()] == ["old", "new"]
    assert runs.latest().name == "new"


def test_latest_is_of_this_kernel_though_another_one_trains(log, train, forget, kernel):
    mine = train("mine")
    code = (
        "import sys\nfrom nbkeras import runs\nruns.set_log(sys.argv[1])\n"
        "runs.begin('fit', 'theirs', {}, {}).finish('finished')"
    )
    assert kernel(code, log).wait(60) == 0
    assert [run.name for run in runs.all()] == ["mine", "theirs"]
    assert runs.latest() is mine
    forget(log)
    assert runs.latest().name == "theirs"


def test_get_by_id_prefix_and_name(log, train):
    first, second, third = train("base"), train("base"), train("wide")
    assert runs.get(first.id) is first
    assert runs.get(third.id[:-1] if not second.id.startswith(third.id[:-1]) else third.id) is third
    assert runs.get("base") is second
    with pytest.raises(Refusal, match=r"no run 'deep': there are .* \(wide\)"):
        runs.get("deep")
    with pytest.raises(Refusal, match="3 runs begin with '20"):
        runs.get(first.id[:3])
    with pytest.raises(Refusal, match="no run ''"):
        runs.get("")


def test_delete(log, train, forget):
    train("old", steps=20_000)
    keep = train("keep")
    forget(log)
    train("live")
    writer_of(log).close()
    size = log.stat().st_size
    gone = runs.delete(["old", "live", "old"])
    assert len(gone) == 2
    assert [run.id for run in runs.all()] == [keep.id]
    assert runs.get("keep").history == keep.history
    assert log.stat().st_size < size / 2
    assert runs.delete("keep") == [keep.id]
    assert runs.all() == []


@pytest.mark.parametrize("length", [1, 4, 8, 14])
def test_the_beginning_of_an_id_is_not_enough_to_delete(log, train, length):
    """Every id begins with a year: a mistyped name must not delete a run of another one."""
    run = train("only")
    with pytest.raises(Refusal, match=f"received '{run.id[:length]}', with which {run.id} .only. begins"):
        runs.delete(run.id[:length])
    assert runs.get(run.id[:length]) is run
    assert runs.all() == [run]
    assert runs.delete(run.id[:15]) == [run.id]


def test_a_name_goes_before_the_beginning_of_an_id(log, train):
    first = train("first")
    named = train(first.id[:17])
    other = train("2")
    assert runs.get(first.id[:17]) is named
    assert runs.delete(["2", first.id[:17]]) == [other.id, named.id]
    assert runs.all() == [first]


def test_two_runs_of_one_second_are_told_apart_to_delete(log, train, monkeypatch):
    from nbkeras.runs import run as module

    with monkeypatch.context() as patch:
        patch.setattr(module.time, "time", lambda: 1_800_000_000.0)
        one, two = train("one"), train("two")
    with pytest.raises(Refusal, match="2 runs begin with"):
        runs.delete(one.id[:15])
    assert runs.delete(two.id[:-1] if not one.id.startswith(two.id[:-1]) else two.id) == [two.id]


def test_a_thousand_runs_in_a_second_stay_apart(log, train, forget):
    ids = {train(f"run {number}", epochs=1, steps=1).id for number in range(1000)}
    forget(log)
    assert {run.id for run in runs.all()} == ids
    assert len(ids) == 1000


def test_a_run_names_itself(log, train, forget, tmp_path):
    train("stored")
    forget(log)
    train("live")
    both = runs.all()
    assert runs.get(both[1]) is both[1]
    for chosen, names in ((both, ["stored", "live"]), (both[0], ["stored"]), ("live", ["live"])):
        path = runs.export(tmp_path / "runs.json", chosen)
        assert [each["name"] for each in json.loads(path.read_text())] == names
    assert runs.delete(both[0]) == [both[0].id]
    assert runs.delete([both[1]]) == [both[1].id]
    with pytest.raises(Refusal, match="no runs yet"):
        runs.get(both[0])


@pytest.mark.parametrize("call", [runs.get, runs.delete, lambda run: runs.export("runs.csv", [run])])
@pytest.mark.parametrize("wrong", [0, None, b"one"])
def test_what_names_no_run_is_one_line(log, train, call, wrong):
    train("one")
    with pytest.raises(Refusal, match="expected the name or the id of a run, received"):
        call(wrong)
    assert len(runs.all()) == 1


@pytest.mark.parametrize("wrong", [5, "", ".", "~no.such.user/runs.sqlite"])
def test_what_is_no_file_is_refused_as_a_log(log, wrong):
    with pytest.raises(Refusal, match="expected the path of a file, or None for no log, received"):
        runs.set_log(wrong)
    assert runs.log_path() == log


def test_deleting_nothing_or_what_is_not_there(log, train):
    train("one")
    assert runs.delete([]) == []
    with pytest.raises(Refusal, match="no run 'two'"):
        runs.delete(["one", "two"])
    assert len(runs.all()) == 1


def test_a_run_under_way_is_not_deleted(log, train):
    run = train("one", finish=False)
    run.set_status("paused")
    with pytest.raises(Refusal, match="is still paused: stop it first"):
        runs.delete("one")


def test_the_log_is_off(log, train):
    runs.set_log(None)
    assert runs.log_path() is None
    run = train("one")
    assert run.notes == []
    assert [each.name for each in runs.all()] == ["one"]
    assert runs.delete("one") == [run.id]
    assert not log.parent.exists()


def test_the_log_stays_where_the_first_run_began(tmp_path, monkeypatch, train, forget):
    assert runs.log_path() == tmp_path / ".nbkeras" / "runs.sqlite"
    (tmp_path / "elsewhere").mkdir()
    train("one")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert runs.log_path() == tmp_path / ".nbkeras" / "runs.sqlite"
    train("two")
    forget(runs.log_path())
    assert [run.name for run in runs.all()] == ["one", "two"]
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (tmp_path / ".nbkeras" / ".gitignore").read_text() == "*\n"


def test_another_log_goes_for_the_next_run(tmp_path, monkeypatch, train, forget):
    runs.set_log("one.sqlite")
    running = train("one", finish=False)
    runs.set_log(tmp_path / "two.sqlite")
    train("two")
    running.record_epoch(3, {"loss": 0.0})
    running.finish("finished")
    forget(tmp_path / "one.sqlite")
    forget(tmp_path / "two.sqlite")
    assert [run.name for run in runs.all()] == ["two"]
    monkeypatch.setenv("HOME", str(tmp_path))
    runs.set_log("~/one.sqlite")
    assert runs.get("one").history["loss"] == [1.0, 0.5, 0.0]


def test_to_frame(log, train, forget):
    pytest.importorskip("pandas")
    assert runs.to_frame().empty
    run = train("one", batch_size=32)
    forget(log)
    frame = runs.to_frame()
    assert frame.index.tolist() == [run.id]
    assert frame["best.val_loss"].tolist() == [1.0]
    assert frame["parameters.batch_size"].tolist() == [32]
    assert frame["created"].iloc[0].timestamp() == pytest.approx(run.created)


def test_the_list_prints_as_a_table(log, train):
    run = train("one")
    head, row = repr(runs.all()).splitlines()
    assert head.split() == ["id", "name", "kind", "status", "started", "seconds", "epochs", "steps"]
    assert row.startswith(f"{run.id}  one   fit   finished  ")
    assert repr(run) == f"<Run {run.id} 'one' finished>"
