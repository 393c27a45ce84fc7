from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter

from nbkeras.widgets.run_line import run_line, run_line_bundle
from nbkeras.widgets.static_html import LIMIT, static_bundle
from tests.widgets.picture.page import Page, expect_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.run import Run

    Make = dict[str, Callable[..., Run]]


def notebook_bytes(bundle: dict[str, str]) -> int:
    output = nbformat.v4.new_output("display_data", data=bundle)
    return len(json.dumps(output["data"], ensure_ascii=False).encode())


def test_it_is_html_and_text(any_run: Run) -> None:
    assert set(static_bundle(any_run)) == {"text/html", "text/plain"}


def test_it_never_takes_more_than_40_kb(any_run: Run) -> None:
    assert notebook_bytes(static_bundle(any_run)) <= LIMIT == 40_000


@pytest.mark.parametrize(("epochs", "groups"), [(500, 5), (100_000 // 50, 5), (500, 40), (3, 100)])
def test_long_runs_with_many_metrics_fit_too(make: Make, epochs: int, groups: int) -> None:
    bundle = static_bundle(make["long_run"](epochs, groups))
    assert notebook_bytes(bundle) <= LIMIT
    assert bundle["text/html"].count("<img ") >= min(groups, 4)


def test_ten_metrics_over_500_epochs_are_all_drawn(make: Make) -> None:
    page = Page(static_bundle(make["long_run"]())["text/html"])
    assert sum(tag == "img" for tag, _ in page.elements) == 5
    assert "Values by epoch (60 of 500 epochs)" in page.texts
    assert page.texts.count("val_metric_4") == 2


def test_a_sanitizer_has_nothing_to_take_away(any_run: Run) -> None:
    text = static_bundle(any_run)["text/html"]
    expect_kept(text)
    for tag, attributes in Page(text).elements:
        if tag == "img":
            assert attributes["src"].startswith("data:image/svg+xml;base64,")
            assert attributes["alt"].startswith("Chart of ")


def test_names_and_notes_are_text_and_nothing_else(make: Make) -> None:
    run = make["hostile"]()
    bundle = static_bundle(run)
    page = Page(bundle["text/html"])
    assert all("onerror" not in attributes for _, attributes in page.elements)
    assert any(text.startswith("<script>alert('x')</script> & \"quoted\"") for text in page.texts)
    assert "49" not in page.texts[0]
    bundle["text/html"].encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", bundle["text/html"])


def test_text_for_terminals_holds_no_control_characters(make: Make) -> None:
    text = static_bundle(make["hostile"]())["text/plain"]
    text.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)


def test_values_are_right(make: Make) -> None:
    run = make["digits"]()
    bundle = static_bundle(run)
    best = run.best_of("val_loss")
    assert best is not None
    row = ["val_loss", f"{run.history['val_loss'][-1]:.4f}", f"{best.value:.4f}", str(best.at)]
    texts = Page(bundle["text/html"]).texts
    at = texts.index("val_loss")
    assert texts[at : at + 4] == row
    assert row in [line.split() for line in bundle["text/plain"].splitlines()]
    assert texts[texts.index("Values by epoch") + 1 :][:4] == ["epoch", "loss", "val_loss", "accuracy"]


def test_the_head_says_how_it_ended(make: Make) -> None:
    bundle = static_bundle(make["digits"]())
    head = " ".join(Page(bundle["text/html"]).texts[:4])
    for words in ("digits", "stopped", "stop button", "20 of 50 epochs", "3m 12s"):
        assert words in head
    assert bundle["text/plain"].startswith("digits: stopped (stop button), 20 of 50 epochs, 3m 12s, ")


@pytest.mark.parametrize("status", ["finished", "stopped", "interrupted", "failed"])
def test_every_end_is_named(make: Make, status: str) -> None:
    run = make["digits"]()
    run.status = status
    assert status in Page(static_bundle(run)["text/html"]).texts


def test_notes_and_events_are_told(make: Make) -> None:
    run = make["predicting"]()
    run.add_note("the run log is off: disk full")
    run.add_event("paused")
    bundle = static_bundle(run)
    for words in ("the run log is off: disk full", "step 20: paused", "no metrics", "running"):
        assert words in Page(bundle["text/html"]).texts
        assert words in bundle["text/plain"]


def test_a_note_is_told_to_its_end(make: Make) -> None:
    """What mends a finding stands last."""
    run = make["digits"]()
    note = f"NBK101: {'the reason and its numbers ' * 20}: type  %%fit --seed 0"
    run.add_note(note)
    bundle = static_bundle(run)
    assert note.replace("  ", " ") in Page(bundle["text/html"]).texts
    assert bundle["text/plain"].count("--seed 0") == 1


def test_many_notes_are_counted(make: Make) -> None:
    text = static_bundle(make["endless"]())["text/plain"]
    assert re.search(r"and \d+ more notes", text)
    assert re.search(r"and \d+ more events", text)
    assert re.search(r"and \d+ more metrics", text)


def test_epochs_without_a_value_have_an_empty_place(make: Make) -> None:
    run = make["digits"](epochs=2)
    run.status = "running"
    run.record_epoch(3, {"loss": 0.5})
    texts = Page(static_bundle(run)["text/html"]).texts
    assert texts[-4:] == ["3", "0.5000", "-", "-"]


def test_a_notebook_that_is_not_trusted_shows_it_without_a_kernel(make: Make) -> None:
    run = make["digits"]()
    cell = nbformat.v4.new_code_cell(
        "%%fit", outputs=[nbformat.v4.new_output("display_data", data=static_bundle(run))]
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    assert "trusted" not in cell.metadata

    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)

    body = page[page.index("<body") :]
    assert body.count("data:image/svg+xml;base64,") == 2
    assert "<summary>Values by epoch</summary>" in page
    assert html.escape("stop button") in page


def test_a_line_for_places_with_little_room(make: Make) -> None:
    run = make["digits"]()
    line = run_line(run)
    assert re.fullmatch(
        r"digits: stopped \(stop button\), 20 of 50 epochs in 3m 12s, best val_loss 0\.\d{4} \(epoch 20\)",
        line,
    )
    assert run_line_bundle(run)["text/plain"] == line
    assert Page(run_line_bundle(run)["text/html"]).texts == [line]


def test_the_line_is_one_line_whatever_the_run(any_run: Run) -> None:
    line = run_line(any_run)
    line.encode()
    assert line.isprintable()
    assert len(line) < 500
