"""What ``%lr_find`` and ``%batch_size_find`` show in a real JupyterLab: in light, dark, and narrow."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_wizard import violations

pytestmark = [pytest.mark.browser, pytest.mark.costly]

WIDE, NARROW = {"width": 1280, "height": 1000}, {"width": 360, "height": 800}
OVERFLOWS = """shown => [...shown.querySelectorAll('button, select, img, svg, [aria-live]')]
    .filter(each => each.getBoundingClientRect().right > shown.getBoundingClientRect().right + 1)
    .map(each => each.outerHTML.slice(0, 80))"""
MODEL = """
import keras, numpy as np
x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)], name="line")
model.compile(keras.optimizers.SGD(0.5), "mse")
"""
SIZES = """
from nbkeras.training.batch_sizes.found import BatchSizesFound
from nbkeras.training.batch_sizes.trials import Size
rates = {8: 900, 16: 1_700, 32: 3_000, 64: 4_900, 128: 7_100, 256: 7_200, 384: 7_150, 400: 7_190}
sizes = tuple(Size(size, size / rate, (400 + size) * 2**20) for size, rate in rates.items())
notes = ("memory: 2.0 GB at the most, by max_memory",)
BatchSizesFound(sizes, 416, "batches of 416 take more than 2.0 GB", 41.0, notes)
"""


def test_a_rate_is_looked_at_and_used(lab, open_page, tmp_path):
    cells = (
        "%load_ext nbkeras" + MODEL,
        "%lr_find model x y --start 1e-4",
        "float(model.optimizer.learning_rate)",
        SIZES,
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
    notebook.run(3)
    for theme in ("Dark", "Light"):
        notebook.set_theme(f"JupyterLab {theme}")
        for width, size in (("wide", WIDE), ("narrow", NARROW)):
            page.set_viewport_size(size)
            for number in (1, 3):
                shown = notebook.cell(number).locator(".jp-OutputArea")
                shown.scroll_into_view_if_needed()
                page.wait_for_timeout(300)
                shown.screenshot(path=tmp_path / f"{number}-{theme}-{width}.png")
                place = f".jp-Notebook-cell:nth-child({number + 1}) .jp-OutputArea-output"
                assert violations(page, place) == "", (theme, width, number)
                # Nothing that is cut off at the side, but tables, which scroll.
                assert shown.evaluate(OVERFLOWS) == [], (theme, width, number)
    page.set_viewport_size(WIDE)
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
