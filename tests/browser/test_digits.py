"""The main job: a real model on scikit-learn's digits, in JupyterLab; it makes the pictures of the README.

``UPDATE_IMAGES=1`` writes them into docs/images, else they go to the test's own folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"

MODEL = """
import keras
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32").reshape(-1, 8, 8, 1)
layers = keras.layers
model = keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ],
    name="digits",
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
FIT = """%%fit --epochs 400 --batch-size 16 --early-stopping 300
history = model.fit(x, y, validation_split=0.2)
len(history.history["loss"])"""


def test_digits_in_jupyterlab(open_page, lab, tmp_path):
    pictured = bool(os.environ.get("UPDATE_IMAGES"))
    images = IMAGES if pictured else tmp_path
    images.mkdir(parents=True, exist_ok=True)
    notebook = open_page(lab, "%load_ext nbkeras", MODEL, FIT)
    notebook.page.set_viewport_size({"width": 1240, "height": 1000})
    notebook.run(0)
    notebook.run(1)
    notebook.start(2)
    monitor = notebook.monitor(2)
    notebook.page.wait_for_function(
        r"n => Number(document.querySelector('.nbkeras')?.innerText.match(/Epoch\s+(\d+)/)?.[1]) >= n",
        # So many make curves that are worth a picture.
        arg=12 if pictured else 3,
        timeout=60_000,
    )
    # The cell is running all the while.
    expect(notebook.cell(2).locator(".jp-InputPrompt")).to_contain_text("*")
    expect(monitor.get_by_text("val_accuracy").first).to_be_visible()
    in_both_themes(notebook, monitor, images, "monitor")
    monitor.get_by_role("button", name="Stop").click()
    notebook.wait_until_idle()
    # fit has returned with its History, and the rest of the cell ran.
    expect(notebook.cell(2).locator(".jp-OutputArea-executeResult")).to_contain_text(re.compile(r"\d"))
    expect(notebook.cell(2).get_by_text("stopped", exact=True)).to_be_visible()
    in_both_themes(notebook, notebook.cell(2).locator(".jp-OutputArea"), images, "saved")


def in_both_themes(notebook, element, images, name):
    """Take a picture in each theme; it is not empty."""
    for theme in ("Dark", "Light"):
        notebook.set_theme(f"JupyterLab {theme}")
        path = images / f"{name}-{theme.lower()}.png"
        element.screenshot(path=path)
        assert path.stat().st_size > 10_000
