"""The table of runs in a real browser, with the model that a front end would give it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

import nbkeras.widgets
from nbkeras.runs.run import Run
from nbkeras.widgets.picture.runs_rows import runs_rows
from nbkeras.widgets.runs_table_widget import RunsTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

FOLDER = Path(nbkeras.widgets.__path__[0])
PAGE = """
<!doctype html><html lang="en"><title>runs</title><style>%s</style><main></main>
<script type="module">
const module = await import("data:text/javascript;base64," + btoa(unescape(encodeURIComponent(%s))));
const state = %s;
globalThis.saved = [];
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  save_changes: () => saved.push([...state.selected]),
};
const el = document.querySelector("main");
globalThis.stop = new AbortController();
module.default.render({ model, el, signal: stop.signal });
</script>
"""


def runs() -> list[Run]:
    made = []
    for name, losses in {"ten": [0.5, 0.3], "nine <b>": [0.9], "none": [], "Alpha": [0.1]}.items():
        run = Run("fit", name)
        for epoch, loss in enumerate(losses, 1):
            run.record_epoch(epoch, {"loss": loss})
        run.created += len(made)
        run.finish("finished")
        made.append(run)
    return made


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    table = RunsTable(runs_rows(runs(), limit=10))
    state = {name: getattr(table, name) for name in ("columns", "rows", "words", "left_out", "selected")}
    module = (FOLDER / "runs_table.js").read_text("utf-8")
    style = (FOLDER / "runs_table.css").read_text("utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_content(PAGE % (style, json.dumps(module), json.dumps(state)))
        page.wait_for_selector("tbody tr")
        yield page
        browser.close()


def names(page: Page) -> list[str]:
    return [each.inner_text() for each in page.query_selector_all("tbody th")]


def sorted_by(page: Page) -> list[tuple[str, str | None]]:
    headers = page.query_selector_all("thead th[aria-sort]")
    return [(each.inner_text().strip(), each.get_attribute("aria-sort")) for each in headers]


def test_it_begins_with_the_newest(page: Page) -> None:
    assert names(page) == ["Alpha", "none", "nine <b>", "ten"]
    assert sorted_by(page) == [("when", "descending")]


def test_a_click_sorts_and_a_second_one_turns_the_order_round(page: Page) -> None:
    page.click("text=best loss")
    assert names(page) == ["Alpha", "ten", "nine <b>", "none"]
    assert sorted_by(page) == [("best loss", "ascending")]
    page.click("text=best loss")
    assert names(page) == ["nine <b>", "ten", "Alpha", "none"]
    assert sorted_by(page) == [("best loss", "descending")]


def test_the_keyboard_sorts_too(page: Page) -> None:
    page.focus("thead th:nth-child(2) button")
    page.keyboard.press("Enter")
    assert names(page) == ["Alpha", "nine <b>", "none", "ten"]
    page.keyboard.press("Space")
    assert names(page) == ["ten", "none", "nine <b>", "Alpha"]


def test_ticked_runs_are_told_and_how_to_compare_them(page: Page) -> None:
    page.focus("tbody tr:nth-child(1) input")
    page.keyboard.press("Space")
    assert page.inner_text("[role=status]") == "Tick another run to compare them."
    page.check("tbody tr:nth-child(3) input")
    saved = page.evaluate("saved")
    assert [len(each) for each in saved] == [1, 2]
    assert page.inner_text("[role=status] code") == f"%runs {' '.join(saved[-1])}"
    page.uncheck("tbody tr:nth-child(1) input")
    assert page.evaluate("saved.at(-1).length") == 1


def test_nothing_is_left_when_the_view_goes(page: Page) -> None:
    before = names(page)
    page.evaluate("stop.abort()")
    page.click("text=epochs")
    assert names(page) == before
