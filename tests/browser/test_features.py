"""What layers put out, gradients and pretrained models in a real JupyterLab: light, dark, narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_wizard import violations

pytestmark = [pytest.mark.browser, pytest.mark.costly]

MODEL = """
import keras, numpy as np
from sklearn.datasets import load_digits
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
layers = keras.layers
keras.utils.set_random_seed(0)
base = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, activation="relu", padding="same", name="edges"),
        layers.Conv2D(20, 3, activation="relu", name="a_convolution_with_a_name_that_is_rather_long"),
    ],
    name="base",
)
model = keras.Sequential([keras.Input((8, 8, 1)), base, layers.GlobalMaxPooling2D(name="found")])
model.add(layers.Dense(10, activation="softmax", name="digit"))
model.compile("adam", "sparse_categorical_crossentropy")
"""
CELLS = (
    "%load_ext nbkeras" + MODEL,
    "%features model * x",
    "%%probe model x y --saliency\nhistory = model.fit(x, y, epochs=5, verbose=0)",
    "%pretrained",
    "%pretrained MobileNetV2",
)
VIEWS = (".nbkeras-features", ".nbkeras-features", ".nbkeras-pretrained", ".jp-OutputArea-output table")


def test_views_are_readable_in_every_theme_and_width(lab, open_page, tmp_path):
    notebook = open_page(lab, *CELLS)
    page = notebook.page
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    for index in range(len(CELLS)):
        notebook.run(index)
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.set_theme(theme)
        for width in (1280, 420):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_timeout(300)
            for index, view in enumerate(VIEWS, 1):
                cell = notebook.cell(index)
                cell.scroll_into_view_if_needed()
                expect(cell.locator(view).first).to_be_visible()
                page.wait_for_timeout(200)
                cell.screenshot(path=tmp_path / f"{index}-{theme.split()[1]}-{width}.png")
                # Nothing is cut off at the right without a way to reach it.
                area = cell.locator(".jp-OutputArea-output").first
                assert area.evaluate("each => each.scrollWidth - each.clientWidth") <= 1
                where = f".jp-Notebook-cell:nth-child({index + 1}) .jp-OutputArea-output"
                assert violations(page, where) == "", (theme, width, index)
    images = notebook.cell(1).locator("img")
    assert images.count() == 5
    assert all(images.nth(each).evaluate("each => each.naturalWidth > 0") for each in range(5))
    assert notebook.errors == []
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
