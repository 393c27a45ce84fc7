from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nbkeras.runs.run import Run
from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.compare import LIMIT, comparison_bundle
from nbkeras.widgets.picture.differences import differences
from tests.widgets.picture.page import expect_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = dict[str, Callable[..., Run]]


def lines_of(runs: list[Run]) -> list[list[str]]:
    return [line.split() for line in comparison_bundle(runs)["text/plain"].splitlines()]


def test_each_metric_has_one_chart_with_all_runs(make: Make) -> None:
    html = comparison_bundle([make["digits"]("a"), make["digits"]("b", rate=5.0)])["text/html"]
    assert html.count("<img ") == 2
    alts = [part.partition('"')[0] for part in html.split('alt="')[1:]]
    assert alts[0].startswith("Chart of loss by epoch: A training from ")
    assert all(f"{name} from" in alts[0] for name in ("A validation", "B training", "B validation"))
    assert "validation" not in alts[1]


def test_the_best_values_stand_side_by_side_and_the_better_one_is_marked(make: Make) -> None:
    slow, fast = make["digits"]("slow"), make["digits"]("fast", rate=3.0)
    lines = lines_of([slow, fast])
    loss = [f"{run.summary()['best']['loss']:.4f}" for run in (slow, fast)]
    accuracy = [f"{run.summary()['best']['accuracy']:.4f}" for run in (slow, fast)]
    assert ["best", "loss", loss[0], f"*{loss[1]}"] in lines
    assert ["best", "accuracy", accuracy[0], f"*{accuracy[1]}"] in lines
    assert f"<b>{loss[1]}</b>" in comparison_bundle([slow, fast])["text/html"]


def test_a_metric_that_one_run_lacks_has_an_empty_place(make: Make) -> None:
    lines = lines_of([make["digits"](), make["with_gaps"]()])
    assert any(line[:2] == ["best", "accuracy"] and line[-1] == "-" for line in lines)


def test_only_what_differs_is_listed() -> None:
    one = Run("fit", "a", {"epochs": 5, "model": {"units": 8, "depth": 2}}, {"python": "3.11"})
    other = Run("fit", "b", {"epochs": 5, "model": {"units": 64, "depth": 2}}, {"python": "3.12"})
    other.parameters["seed"] = None
    other.add_note("resumed")
    table = differences([one, other], ["A", "B"], limit=10)
    assert table.rows == (
        ("model.units", "8", "64"),
        ("environment.python", "3.11", "3.12"),
        ("seed", "-", "null"),
        ("notes", "-", "resumed"),
    )


def test_equal_runs_are_said_to_be_equal(make: Make) -> None:
    bundle = comparison_bundle([make["digits"](), make["digits"]()])
    assert "no differences" in bundle["text/plain"]
    assert "no differences in parameters, environment and notes" in bundle["text/html"]


def test_runs_in_their_first_epoch_are_compared_by_step(make: Make) -> None:
    html = comparison_bundle([make["without_epochs"](), make["without_epochs"]()])["text/html"]
    assert "Chart of loss by step" in html


def test_a_short_run_beside_a_long_one_is_compared_by_epoch(make: Make) -> None:
    html = comparison_bundle([make["one_epoch"](), make["digits"]()])["text/html"]
    assert "Chart of loss by epoch: A training 0.1000" in html


def test_one_run_is_nothing_to_compare(make: Make) -> None:
    with pytest.raises(Refusal, match="expected two runs or more to compare, received 1"):
        comparison_bundle([make["digits"]()])


def test_it_never_takes_more_than_80_kb(any_run: Run, make: Make) -> None:
    for runs in ([any_run, make["long_run"]()], [any_run] * 7):
        bundle = comparison_bundle(runs)
        assert len(json.dumps(bundle, ensure_ascii=False).encode()) <= LIMIT == 80_000


def test_more_runs_than_colours_are_counted(make: Make) -> None:
    bundle = comparison_bundle([make["digits"](f"run {each}") for each in range(9)])
    assert "and 2 more runs" in bundle["text/plain"]
    assert "and 2 more runs" in bundle["text/html"]


def test_hostile_words_are_text(make: Make) -> None:
    html = comparison_bundle([make["hostile"](), make["digits"]()])["text/html"]
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    html.encode()


def test_a_sanitizer_has_nothing_to_take_away(any_run: Run) -> None:
    expect_kept(comparison_bundle([any_run, any_run])["text/html"])
