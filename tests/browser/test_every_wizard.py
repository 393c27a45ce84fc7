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
from nbkeras.recipes.stages import Stages
from tests.recipes.cases import PAIRWISE
from tests.recipes.worker import promises

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
# Which wizards are pictured, in which theme, and what is chosen there of the notebook's own.
OWN = {"model": "classifier", "x": "images", "y": "digits"}
PICTURED = {
    "early_stopping": ("Light", {**OWN, "metric": "val_accuracy"}),
    "freeze_layers": ("Dark", {**OWN, "frozen": ["hidden", "norm"], "fine_tune": True}),
    "mixed_precision": ("Light", OWN),
    "sample_batch_epoch": ("Light", {"source": "array", "x": "images", "validation_split": 0.2}),
    "train_step": ("Dark", OWN),
}
NOTEBOOK = """%load_ext nbkeras
import keras
from sklearn.datasets import load_digits

images, digits = load_digits(return_X_y=True)
images = (images / 16).astype("float32")
layers = [
    keras.Input((64,)),
    keras.layers.Dense(64, activation="relu", name="hidden"),
    keras.layers.BatchNormalization(name="norm"),
    keras.layers.Dense(10, activation="softmax", name="classes"),
]
classifier = keras.Sequential(layers, name="classifier")
classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@pytest.fixture(scope="module")
def notebook(lab, open_in_module):
    """One notebook whose second cell shows one wizard after the other."""
    notebook = open_in_module(lab, NOTEBOOK, "")
    notebook.run(0)
    return notebook


def filling(recipe):
    """Return a parameter and a value to enter: another one than the recipe's own, where one is fine."""
    allowed = getattr(promises(recipe.name), "allowed", lambda values: True)
    # A metric comes first: the direction that it has not must not be the form's. Then what is typed: a choice
    # alone may be for another machine.
    # Stages have an editor, and a test of their own.
    asked = [each for each in recipe.parameters if not isinstance(each, Stages)]
    for parameter in sorted(asked, key=_rank):
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
        field.locator("select").select_option(label="(none)" if words == "" else words)
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
    page.set_viewport_size({"width": 1500, "height": 3000})
    notebook.set_theme(f"JupyterLab {PICTURED[name][0]}")
    # A picture can't be scrolled.
    code = notebook.cell(1).locator(".nbk-code pre")
    code.evaluate("pane => { pane.style.maxHeight = 'none'; }")
    page.wait_for_timeout(500)
    notebook.cell(1).locator(".jp-OutputArea").first.screenshot(
        path=IMAGES / f"wizard-{name.replace('_', '-')}.png"
    )
    code.evaluate("pane => { pane.style.maxHeight = ''; }")
    notebook.set_theme("JupyterLab Light")
    page.set_viewport_size(before)


# Without the grid three of those with a picture.
@pytest.mark.parametrize(
    "name", recipes.names() if PAIRWISE else ["early_stopping", "freeze_layers", "sample_batch_epoch"]
)
def test_opened_filled_in_and_run(notebook, name):
    recipe = recipes.get(name)
    if getattr(promises(name), "fresh", lambda values: False)(recipe.defaults):
        notebook.page.evaluate("panel.sessionContext.session.kernel.restart()")
    # The notebook's own model, untrained.
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
    for own, value in PICTURED.get(name, ("", {}))[1].items():
        enter(form, next(each for each in recipe.parameters if each.name == own), value)
    if name in PICTURED:
        expect(code).to_contain_text("images", use_inner_text=True)
    assert violations(notebook.page, ".nbk-wizard") == ""
    run, said = form.get_by_role("button", name="Run", exact=True), form.locator(".nbk-said")
    run.click()
    expect(said).to_have_text(re.compile("Done|error|Not run"), timeout=120_000)
    if "Not run" in said.inner_text():
        # The last change was still under way when Run was pressed.
        run.click()
        expect(said).to_have_text(re.compile("Done|error"), timeout=120_000)
    assert said.inner_text() == "Done.", cell.locator(".jp-OutputArea").inner_text()
    if name in PICTURED and os.environ.get("UPDATE_IMAGES"):
        picture(notebook, name)
    assert notebook.errors == []
