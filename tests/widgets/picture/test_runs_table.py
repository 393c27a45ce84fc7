from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

import pytest

from nbkeras.runs.run import Run
from nbkeras.widgets.picture.runs_rows import runs_rows
from nbkeras.widgets.runs_table import LIMIT, runs_table_bundle
from tests.widgets.picture.page import expect_kept, untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = dict[str, Callable[..., Run]]


def rows_of(bundle: dict[str, str]) -> list[list[str]]:
    body = bundle["text/html"].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = []
    for row in body.split("<tr")[1:]:
        cells = [part.partition(">")[2].partition("</td>")[0] for part in row.split("<td")[1:]]
        rows.append([html.unescape(cell) for cell in cells])
    return rows


def test_it_lists_the_newest_run_first(make: Make) -> None:
    first, second = make["digits"]("first"), make["digits"]("second", epochs=3)
    rows = rows_of(runs_table_bundle([first, second]))
    assert [row[0] for row in rows] == ["second", "first"]
    name, status, _, epochs, val_loss, loss, accuracy, time, id_ = rows[1]
    assert (name, status, epochs, time, id_) == ("first", "stopped", "20", "3m\u00a012s", first.id)
    best = first.summary()["best"]
    expected = [f"{best[metric]:.4f}" for metric in ("val_loss", "loss", "accuracy")]
    assert [val_loss, loss, accuracy] == expected


def test_the_text_says_the_same(make: Make) -> None:
    bundle = runs_table_bundle([make["digits"]("first")])
    header, line = bundle["text/plain"].splitlines()
    assert header.split() == [
        *("name", "status", "when", "epochs", "best", "val_loss", "best", "loss"),
        *("best", "accuracy", "time", "id"),
    ]
    assert line.split()[:2] == ["first", "stopped"]


def test_columns_are_for_the_metrics_that_most_runs_have(make: Make) -> None:
    runs = [make["digits"](), make["digits"](), make["long_run"](epochs=2)]
    assert runs_rows(runs, limit=10).table.header[4:8] == (
        *("best val_loss", "best loss", "best accuracy", "best val_metric_0"),
    )


def test_a_missing_value_sorts_last() -> None:
    run = Run("fit", "nothing yet")
    rows = runs_rows([run], limit=1)
    assert rows.table.rows[0][3] == "-"
    assert rows.numbers[0][0] is None


def test_no_runs_is_said() -> None:
    assert runs_table_bundle([])["text/plain"] == "no runs"
    assert "no runs" in runs_table_bundle([])["text/html"]


@pytest.mark.parametrize("count", [0, 1])
def test_a_log_that_cannot_be_read_is_named(make: Make, count: int) -> None:
    """An empty table alone would say that all runs are lost."""
    runs = [make["digits"]() for _ in range(count)]
    bundle = runs_table_bundle(runs, ["<runs.sqlite> is no run log"])
    assert bundle["text/plain"].splitlines()[-1] == "<runs.sqlite> is no run log"
    assert bundle["text/html"].count("&lt;runs.sqlite&gt; is no run log") == 1


def test_a_thousand_runs_fit_and_the_rest_is_counted(make: Make) -> None:
    runs = [make["digits"](epochs=1) for _ in range(50)] * 20
    bundle = runs_table_bundle(runs)
    assert len(json.dumps(bundle, ensure_ascii=False).encode()) <= LIMIT
    shown = len(rows_of(bundle))
    assert shown >= 100
    assert f"and {1000 - shown} older runs" in bundle["text/html"]
    assert f"and {1000 - shown} older runs" in bundle["text/plain"]


def test_hostile_names_are_text(make: Make) -> None:
    bundle = runs_table_bundle([make["hostile"](), make["endless"]()])
    assert bundle["text/html"].count("<script") == 1
    assert "<img" not in bundle["text/html"]
    bundle["text/html"].encode()
    assert "\x1b" not in bundle["text/plain"]


def test_the_numbers_to_sort_by_are_those_that_are_shown(make: Make) -> None:
    run = make["digits"]()
    html_text = runs_table_bundle([run])["text/html"]
    keys = json.loads(html.unescape(html_text.partition('data-keys="')[2].partition('"')[0]))
    assert keys["words"] == 3
    [[epochs, val_loss, *_, seconds]] = keys["numbers"]
    assert (epochs, seconds) == (20, 192.0)
    assert val_loss == pytest.approx(run.summary()["best"]["val_loss"], rel=1e-5)


def test_without_its_script_the_table_is_complete(any_run: Run, make: Make) -> None:
    whole = runs_table_bundle([any_run, make["digits"]("digits")])["text/html"]
    left = untrusted(whole)
    expect_kept(left)
    assert rows_of({"text/html": left}) == rows_of({"text/html": whole})
