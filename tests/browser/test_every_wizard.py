"""Wizards of the FAQ opened, filled in and run in a real JupyterLab, and looked at by axe.

`make test` runs those that are pictured, `make grid` every one.

``UPDATE_IMAGES=1`` writes the pictures of some into docs/images, else they go nowhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook as Variables
from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick
from tests.recipes.cases import PAIRWISE
from tests.recipes.worker import promises

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
# Which wizards are pictured, in which theme.
PICTURED = {
    "early_stopping": "Light",
    "freeze_layers": "Dark",
    "mixed_precision": "Light",
    "sample_batch_epoch": "Light",
    "train_step": "Dark",
}


@pytest.fixture(scope="module")
def notebook(lab, open_in_module):
    """One notebook whose second cell shows one wizard after the other."""
    notebook = open_in_module(lab, "%load_ext nbkeras", "")
    notebook.run(0)
    return notebook


def filling(recipe):
    """Return a parameter and a value to enter: another one than the recipe's own, where one is fine."""
    allowed = getattr(promises(recipe.name), "allowed", lambda values: True)
    # A metric comes first: the direction that it has not must not be the form's. Then what is typed: a choice
    # alone may be for another machine.
    for parameter in sorted(recipe.parameters, key=_rank):
        for value in parameter.examples:
            values = {**recipe.defaults, parameter.name: value}
            offered = not isinstance(parameter, Pick) or value in parameter.choices(Variables({}), values)
            fine = not recipe.problems(values, Variables({})) and allowed(values)
            if fine and offered and recipe.counts(parameter, recipe.defaults):
                return parameter, value
    return next((each, each.default) for each in recipe.parameters if recipe.counts(each, recipe.defaults))


def _rank(parameter):
    is_metric = isinstance(parameter, Pick) and parameter.kind == "metric"
    return 0 if is_metric else 1 + isinstance(parameter, (Choice, Pick, Switch))


def enter(form, parameter, value):
    field = form.locator(f".nbk-field-{parameter.name} .nbk-control")
    if isinstance(parameter, Switch):
        field.locator("input").set_checked(value)
    elif isinstance(parameter, (Choice, Pick)):
        words = dict(parameter.options)[value] if isinstance(parameter, Choice) else value
        field.locator("select").select_option(label=words if words != "" else "(none)")
    else:
        field.locator("input").fill("" if value is None else str(value))


def violations(page, context):
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page, context=context)
    return results.generate_report() if results.violations_count else ""


def picture(notebook, name):
    """Take a picture of a form and of what its run has shown."""
    page = notebook.page
    before = page.viewport_size
    page.set_viewport_size({"width": 1320, "height": 1900})
    notebook.set_theme(f"JupyterLab {PICTURED[name]}")
    page.wait_for_timeout(500)
    notebook.cell(1).locator(".jp-OutputArea").first.screenshot(
        path=IMAGES / f"wizard-{name.replace('_', '-')}.png"
    )
    notebook.set_theme("JupyterLab Light")
    page.set_viewport_size(before)


@pytest.mark.parametrize("name", recipes.names() if PAIRWISE else sorted(PICTURED))
def test_opened_filled_in_and_run(notebook, name):
    recipe = recipes.get(name)
    if getattr(promises(name), "fresh", lambda values: False)(recipe.defaults):
        notebook.page.evaluate("panel.sessionContext.session.kernel.restart()")
        notebook.run(0)
    notebook.page.evaluate(
        "source => panel.content.widgets[1].model.sharedModel.setSource(source)", f"%wizard {name}"
    )
    notebook.run(1)
    cell = notebook.cell(1)
    form = cell.locator(".nbk-wizard")
    code = form.locator(".nbk-code pre")
    expect(form).to_contain_text(recipe.question.replace("`", ""), timeout=30_000)
    expect(form.locator(".nbk-notice")).to_be_hidden()
    # What the other wizards have made in this kernel.
    replace = form.get_by_label("Let Run replace them")
    if replace.is_visible():
        replace.check()
    if recipe.parameters:
        parameter, value = filling(recipe)
        enter(form, parameter, value)
        expect(code).to_have_text(recipe.code(line="keras", **{parameter.name: value}), use_inner_text=True)
        expect(form.locator(".nbk-message").filter(has_text="expected")).to_have_count(0)
    assert violations(notebook.page, ".nbk-wizard") == ""
    form.get_by_role("button", name="Run", exact=True).click()
    said = form.locator(".nbk-said")
    expect(said).to_have_text(re.compile("Done|error"), timeout=120_000)
    assert said.inner_text() == "Done.", cell.locator(".jp-OutputArea").inner_text()
    if name in PICTURED and os.environ.get("UPDATE_IMAGES"):
        picture(notebook, name)
    assert notebook.errors == []
