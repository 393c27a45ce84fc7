from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from nbkeras.runs.run import Run
from nbkeras.widgets import runs_table
from nbkeras.widgets.picture.runs_rows import runs_rows
from nbkeras.widgets.runs_table import LIMIT, runs_table_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

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
    assert (name, status, epochs, time, id_) == ("first", "stopped", "20", "3m 12s", first.id)
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
    assert runs_rows(runs, limit=10).columns[4:8] == (
        *("best val_loss", "best loss", "best accuracy", "best val_metric_0"),
    )


def test_a_missing_value_sorts_last() -> None:
    run = Run("fit", "nothing yet")
    [row] = runs_rows([run], limit=1).rows
    assert row.cells[3].text == "-"
    assert row.cells[3].key is None


def test_no_runs_is_said() -> None:
    assert runs_table_bundle([])["text/plain"] == "no runs"
    assert "no runs" in runs_table_bundle([])["text/html"]


def test_a_thousand_runs_fit_and_the_rest_is_counted(make: Make) -> None:
    runs = [make["digits"](epochs=1) for _ in range(50)] * 20
    bundle = runs_table_bundle(runs)
    assert len(json.dumps(bundle, ensure_ascii=False).encode()) <= LIMIT
    shown = len(rows_of(bundle))
    assert shown >= 90
    assert f"and {1000 - shown} older runs" in bundle["text/html"]
    assert f"and {1000 - shown} older runs" in bundle["text/plain"]


def test_hostile_names_are_text(make: Make) -> None:
    bundle = runs_table_bundle([make["hostile"](), make["endless"]()])
    assert "<script" not in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    bundle["text/html"].encode()
    assert "\x1b" not in bundle["text/plain"]


def test_in_a_notebook_it_is_a_widget_with_the_same_table_beside_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_table, "in_kernel", lambda: True)
    bundle = runs_table_bundle([make["digits"]("first")])
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "text/html",
        "text/plain",
    }
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert rows_of(bundle)[0][0] == "first"
    assert "first" in bundle["text/plain"]
