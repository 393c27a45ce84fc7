from __future__ import annotations

import csv
import json
import math

import pytest

from nbkeras import runs
from nbkeras.runtime.refusal import Refusal


def test_csv_has_a_row_a_run(log, train, tmp_path):
    train("one", batch_size=32, layers=[8, 4])
    train('tricky, "name"\n', rate=0.1)
    path = runs.export("table.csv")
    assert path == tmp_path / "table.csv"
    with path.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["name"], first["epochs"], first["best.val_loss"]) == ("one", "2", "1.0")
    assert (first["parameters.batch_size"], first["parameters.layers"]) == ("32", "[8, 4]")
    assert (second["name"], second["parameters.rate"]) == ('tricky, "name"\n', "0.1")
    assert second["parameters.batch_size"] == ""


def test_json_has_everything_and_is_strict(log, train):
    run = train("one", finish=False)
    run.record_epoch(3, {"loss": math.nan, "val_loss": -math.inf})
    run.add_event("paused")
    run.add_note("a note")
    run.finish("stopped", "stop button")
    path = runs.export("table.JSON", ["one"])

    def refuse(constant):
        raise AssertionError(constant)

    (row,) = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert row["history"]["loss"] == {"epochs": [1, 2, 3], "values": [1.0, 0.5, "NaN"]}
    assert row["history"]["val_loss"]["values"][-1] == "-Infinity"
    assert (row["status"], row["reason"], row["notes"]) == ("stopped", "stop button", ["a note"])
    assert row["events"][0]["text"] == "paused"


def test_an_old_file_is_replaced_and_nothing_is_left_beside_it(log, train, tmp_path):
    train("one")
    target = tmp_path / "out" / "runs.csv"
    target.parent.mkdir()
    target.write_text("old")
    runs.export(target)
    assert target.read_text().startswith("id,name,")
    assert [path.name for path in target.parent.iterdir()] == ["runs.csv"]


@pytest.mark.parametrize("name", ["runs.txt", "runs", ".csv/"])
def test_other_endings_are_refused(log, name):
    with pytest.raises(Refusal, match=r"expected a file name that ends in \.csv or \.json, not"):
        runs.export(name)


def test_a_file_that_cannot_be_written_is_refused(log, tmp_path):
    with pytest.raises(Refusal, match="cannot be written: No such file or directory"):
        runs.export(tmp_path / "missing" / "runs.csv")


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_utf8_cannot_hold_is_written_out(log, train, forget, ending):
    """Python reads a file name of another encoding into lone surrogates."""
    name = "caf\udce9"
    run = train(name, finish=False, file=name)
    run.record_epoch(3, {name: 0.5})
    run.add_event(name)
    run.add_note(name)
    run.finish("failed", name)
    assert run.notes == ["caf\\udce9"], "the log is on"
    for _ in range(2):
        assert r"caf\udce9" in runs.export(f"runs.{ending}").read_text(encoding="utf-8")
        assert runs.get(name).name == "caf\\udce9"
        # The second time, it comes from the log.
        forget(log)
