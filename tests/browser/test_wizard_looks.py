"""Wizards in the dark theme and 360 pixels wide: readable, nothing cut off, all of it by the keyboard.

`make test` looks at two, `make grid` at every one.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from nbkeras import recipes
from tests.browser.test_every_wizard import violations
from tests.recipes.cases import PAIRWISE

pytestmark = pytest.mark.browser

NARROW = {"width": 360, "height": 800}
WIDE = {"width": 1280, "height": 1000}
# What stands out of the form to the right, but for what scrolls in a box of its own.
STANDS_OUT = """form => {
    const edge = form.getBoundingClientRect().right;
    const own = 'pre *, option, .nbk-tree-box *, [style*="overflow-x"] *';
    const out = each => each.getBoundingClientRect().right > edge + 0.5 && !each.closest(own);
    return [...form.querySelectorAll('*')].filter(out).map(each => each.outerHTML.slice(0, 200));
}"""
# The field that has the keyboard, or the words of a button.
FOCUSED = """() => {
    const at = document.activeElement;
    if (!at.closest('.nbk-wizard')) return null;
    const name = [...(at.closest('.nbk-field')?.classList ?? [])].find(each => each.startsWith('nbk-field-'));
    return name ?? (at.tagName === 'BUTTON' ? at.textContent.trim() : at.tagName);
}"""


@pytest.fixture(scope="module")
def notebook(lab, open_in_module):
    """One dark notebook whose second cell shows one wizard after the other."""
    notebook = open_in_module(lab, "%load_ext nbkeras", "")
    notebook.run(0)
    notebook.set_theme("JupyterLab Dark")
    # Beside it nothing of a form could be seen on a narrow screen.
    notebook.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    yield notebook
    notebook.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")


@pytest.mark.parametrize("name", recipes.names() if PAIRWISE else ["early_stopping", "freeze_layers"])
def test_dark_narrow_and_by_the_keyboard(notebook, name):
    page = notebook.page
    page.set_viewport_size(WIDE)
    page.evaluate("source => panel.content.widgets[1].model.sharedModel.setSource(source)", f"%wizard {name}")
    notebook.run(1)
    form = notebook.cell(1).locator(".nbk-wizard")
    question = recipes.get(name).question.replace("`", "")
    expect(form).to_contain_text(question, timeout=30_000)
    expect(form.locator(".nbk-code pre")).not_to_be_empty(timeout=30_000)
    expect(form).to_have_attribute("data-theme", "dark")
    form.locator("summary").evaluate_all("nodes => nodes.forEach(each => { each.parentNode.open = true; })")
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        page.wait_for_timeout(300)
        assert form.evaluate(STANDS_OUT) == []
        assert form.evaluate("form => form.scrollWidth <= form.clientWidth")
        assert violations(page, ".nbk-wizard") == ""
    assert form.bounding_box()["width"] <= NARROW["width"]

    shown = form.locator(".nbk-field:visible")
    fields = [
        next(each for each in classes.split() if each.startswith("nbk-field-"))
        for classes in shown.evaluate_all("nodes => nodes.map(each => each.className)")
    ]
    form.locator("summary").first.focus()
    reached = []
    for _ in range(3 * len(fields) + 20):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:
            break
        if at not in reached[-1:]:
            reached.append(at)
    assert [each for each in reached if each.startswith("nbk-field-")] == fields
    assert [each for each in ("Run", "Copy", "Insert below") if each not in reached] == []
    assert notebook.errors == []
