"""The view of ``%lr_find`` in a real JupyterLab: dark, narrow, by the keyboard, and what stays of it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_wizard import violations

pytestmark = [pytest.mark.browser, pytest.mark.costly]

NARROW = {"width": 360, "height": 800}
MODEL = """
import keras, numpy as np
x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)], name="line")
model.compile(keras.optimizers.SGD(0.5), "mse")
"""


def test_a_rate_is_looked_at_and_used(lab, open_page, tmp_path):
    cells = (
        "%load_ext nbkeras" + MODEL,
        "%lr_find model x y --start 1e-4",
        "float(model.optimizer.learning_rate)",
    )
    notebook = open_page(lab, *cells)
    page = notebook.page
    notebook.set_theme("JupyterLab Dark")
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.run(0)
    notebook.run(1)
    cell = notebook.cell(1)
    use = cell.get_by_role("button", name="(valley)")
    expect(use).to_be_visible(timeout=30_000)
    assert cell.locator(".nbk-rates svg rect title").count() > 20
    page.screenshot(path=tmp_path / "wide.png")
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(300)
    page.screenshot(path=tmp_path / "narrow.png")
    assert violations(page, ".jp-Notebook-cell:nth-child(2) .jp-OutputArea-output") == ""
    page.set_viewport_size({"width": 1280, "height": 1000})
    handle = cell.get_by_label("Look at rate")
    handle.focus()
    before = cell.locator(".jp-OutputArea [aria-live]").inner_text()
    page.keyboard.press("ArrowDown")
    expect(cell.locator(".jp-OutputArea [aria-live]")).not_to_have_text(before)
    use.focus()
    page.keyboard.press("Enter")
    assert "jp-mod-editMode" not in page.locator(".jp-Notebook").get_attribute("class")
    expect(cell.get_by_role("status")).to_contain_text("learning rate of line: 0.5 → ")
    notebook.run(2)
    assert "0.5" not in notebook.cell(2).locator(".jp-OutputArea-output").inner_text()
    saved = json.dumps(notebook.save()["cells"][1]["outputs"])
    assert "data:image/svg+xml;base64" in saved
    assert notebook.errors == []
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
