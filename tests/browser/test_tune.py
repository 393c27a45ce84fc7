"""A search in a real JupyterLab: seen live, seen again without its kernel, and read by a screen reader."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("keras_tuner")

DATA = """
%load_ext nbkeras
import keras, numpy as np
x = np.random.default_rng(0).random((48, 4)).astype("float32")
y = x.sum(axis=1)
"""
CELL = """
%%tune --search "lr=1e-3..1e-1:log units=2|4|8" --trials 3 --epochs 2
lr = 1e-3
units = 8
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(lr), "mse")
history = model.fit(x, y, validation_split=0.25)
"""


def test_a_search_is_seen_live_and_stays(lab, open_page):
    from axe_playwright_python.sync_playwright import Axe

    notebook = open_page(lab, DATA.strip(), CELL.strip())
    page = notebook.page
    notebook.run(0)
    notebook.start(1)
    head = notebook.cell(1).locator(".nbkeras-search")
    trials = notebook.cell(1).locator(".nbkeras-trials")
    page.wait_for_function("() => /trial [123] of 3/.test(document.body.innerText)", timeout=60_000)
    assert "running" in head.inner_text()
    # The first trials' pictures come before the last trial's end.
    trials.locator("img").first.wait_for(timeout=60_000)
    assert "running" in head.inner_text()
    notebook.wait_until_idle()
    assert "finished" in head.inner_text()
    assert trials.locator("tbody tr").count() == 3
    best = trials.locator("tbody tr").first.locator("td").nth(1).inner_text()
    assert f"val_loss {best}" in head.inner_text()
    for image in trials.locator("img").all():
        assert image.evaluate("image => image.naturalWidth") > 300
    for part in (".nbkeras-search", ".nbkeras-trials"):
        assert Axe().run(page, context=part).response["violations"] == []
    outputs = notebook.save()["cells"][1]["outputs"]
    assert [list(output["data"]) for output in outputs] == [["text/html", "text/plain"]] * 2
    assert len(json.dumps(outputs)) < 40_000
    assert notebook.errors == []
    # Opened again without a kernel, it is what it was.
    lab.end_kernels()
    notebook.open()
    page.locator(".nbkeras-search", has_text="finished").wait_for(timeout=60_000)
    assert page.locator(".nbkeras-trials tbody tr").count() == 3
