"""A cluster in a real JupyterLab: its start, a training on all of its workers, Stop, and what is kept.

``UPDATE_IMAGES=1`` writes its picture into docs/images, else it goes nowhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.costly

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
START = "%load_ext nbkeras\n%cluster start --workers 2"
DATA = """
%%cluster
import keras, numpy as np
x = np.random.default_rng(0).normal(size=(6400, 16)).astype("float32")
y = (x.sum(axis=1) > 0).astype("float32")
"""
TRAIN = """
%%cluster --name on-two-workers
layers = [keras.Input((16,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential(layers)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=64, epochs=1000, validation_split=0.25)
len(history.epoch)
"""
GET = "%cluster get model\nmodel.count_params()"
STOP = "%cluster stop"


def test_a_cluster_is_seen_and_stopped(lab, open_page):
    from axe_playwright_python.sync_playwright import Axe

    notebook = open_page(lab, START, DATA.strip(), TRAIN.strip(), GET, STOP)
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 1600})
    notebook.start(0)
    workers = notebook.cell(0).locator("table")
    # Each step of the start is shown as it is taken.
    expect(workers).to_contain_text("imports TensorFlow", timeout=30_000)
    notebook.wait_until_idle()
    assert [row.split()[:2] for row in workers.locator("tbody tr").all_inner_texts()] == [
        ["0", "ready"],
        ["1", "ready"],
    ]
    notebook.run(1)

    notebook.start(2)
    cell = notebook.cell(2)
    expect(notebook.monitor(2)).to_contain_text(re.compile(r"Epoch\s*([3-9]|\d\d)"), timeout=60_000)
    states = [row.split() for row in cell.locator("table").first.locator("tbody tr").all_inner_texts()]
    assert [state[:2] for state in states] == [["0", "runs"], ["1", "runs"]]
    # Steps, steps a second and memory of each.
    assert all(float(value.replace(",", "")) > 0 for state in states for value in state[2:5])
    if os.environ.get("UPDATE_IMAGES"):
        page.wait_for_timeout(1000)
        cell.locator(".jp-OutputArea").first.screenshot(path=IMAGES / "cluster.png")
    assert Axe().run(page, context=".jp-OutputArea").response["violations"] == []
    notebook.monitor(2).get_by_role("button", name="Stop").click()
    notebook.wait_until_idle(20)
    # Both workers came out after the same step, and the rest of the cell ran.
    ended = [row.split() for row in cell.locator("table").first.locator("tbody tr").all_inner_texts()]
    assert [state[1] for state in ended] == ["done", "done"]
    assert ended[0][2] == ended[1][2]
    expect(cell).to_contain_text("stopped")
    assert cell.locator("[data-mime-type='text/plain']").last.inner_text().strip().isdigit()

    notebook.run(3)
    expect(notebook.cell(3)).to_contain_text("from rank 0: model (Sequential)")
    expect(notebook.cell(3)).to_contain_text("577")
    notebook.run(4)
    expect(notebook.cell(4)).to_contain_text("2 workers ended")
    assert notebook.errors == []
