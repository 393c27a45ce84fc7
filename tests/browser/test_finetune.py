"""``%finetune`` in a real JupyterLab: the plan and one monitor over all stages, dark and narrow too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_wizard import violations

pytestmark = [pytest.mark.browser, pytest.mark.costly]

NARROW = {"width": 360, "height": 900}
MODEL = """
import keras, numpy as np
x = np.random.default_rng(0).normal(size=(640, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")
layers = keras.layers
low = [layers.Dense(16, activation="relu", name="low"), layers.Dense(16, activation="relu", name="high")]
base = keras.Sequential([keras.Input((8,)), *low], name="base")
head = layers.Dense(2, activation="softmax", name="head")
model = keras.Sequential([keras.Input((8,)), base, head], name="net")
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
LINE = "%finetune model x y --stages head:6,high:6,all:100000 --rates 3e-3,1e-3,1e-4 --validation-split 0.2"


def test_stages_are_marked_in_one_monitor(lab, open_page, tmp_path):
    notebook = open_page(lab, "%load_ext nbkeras" + MODEL, LINE, "%finetune model --undo")
    page = notebook.page
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.run(0)
    notebook.start(1)
    cell, monitor = notebook.cell(1), notebook.monitor(1)
    events = monitor.get_by_role("list", name="Events")
    page.wait_for_function(
        r"() => Number(document.querySelector('.nbkeras')?.innerText.match(/Epoch\s+(\d+)/)?.[1]) >= 20",
        timeout=150_000,
    )
    # Else the lines of the first stages come ever closer to each other.
    monitor.get_by_role("button", name="Pause").click()
    expect(monitor.get_by_text("Paused", exact=True)).to_be_visible()
    for theme in ("Dark", "Light"):
        notebook.set_theme(f"JupyterLab {theme}")
        cell.screenshot(path=tmp_path / f"{theme.lower()}.png")
        assert violations(page, ".jp-Notebook-cell:nth-child(2) .jp-OutputArea") == ""
    labels = monitor.locator(".nbk-chart").first.locator(".nbk-marks span")
    begun = ("stage 1", "stage 2", "stage 3", "paused")
    expect(labels).to_have_text([re.compile(f"^{each}") for each in begun])
    labels.nth(1).hover()
    expect(monitor.locator(".nbk-mark-text:visible")).to_contain_text("head and base from high up, 2 layers")
    cell.screenshot(path=tmp_path / "pointed.png")
    assert violations(page, ".jp-Notebook-cell:nth-child(2) .jp-OutputArea") == ""
    monitor.get_by_text("Data table").click()
    expect(events).to_contain_text("step 96: stage 2 of 3: head and base from high up, 2 layers")
    expect(events).to_contain_text("step 192: stage 3 of 3: head and all of base, 3 layers")
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(500)
    cell.screenshot(path=tmp_path / "narrow.png")
    assert monitor.evaluate("element => element.scrollWidth <= element.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 1000})
    monitor.get_by_role("button", name="Stop").click()
    notebook.wait_until_idle()
    expect(cell.get_by_text("stopped", exact=True)).to_be_visible()
    cell.screenshot(path=tmp_path / "saved.png")
    notebook.run(2)
    expect(notebook.cell(2)).to_contain_text("as before the fine-tuning")
    assert notebook.errors == []
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
