"""A notebook that was executed and saved keeps static pictures, however its trainings ended."""

from __future__ import annotations

import re
from pathlib import Path

import nbclient
import nbconvert
import nbformat
import pytest

pytestmark = pytest.mark.kernel

MODEL = """
%load_ext nbkeras
import os, signal, time
import keras, nbkeras, numpy as np
x = np.random.default_rng(0).random((640, 8)).astype("float32")
y = (x.sum(axis=1) > 4).astype("int32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8), keras.layers.Dense(2)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])

class At(keras.callbacks.Callback):
    "Does something at the end of the batches of an epoch's middle."
    def __init__(self, what):
        super().__init__()
        self.what, self.epoch = what, 0
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 9:
            self.what()

def fail():
    raise OSError("disk gone")

def interrupt_twice():
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

many = {"epochs": 5, "validation_split": 0.2}
"""
CELLS = {
    "finished": "%%fit --name good\nhistory = model.fit(x, y, **many)",
    "failed": "%%fit --name bad\nmodel.fit(x, y, **many, callbacks=[At(fail)])",
    "interrupted": "%%fit --name cut\nmodel.fit(x, y, **many, callbacks=[At(interrupt_twice)])",
    "stopped": "%%fit --name stop\nhistory = model.fit(x, y, **many, callbacks=[At(interrupt)])",
    "failed in a plain call": (
        "model.fit(x, y, verbose=0, **many, callbacks=[At(fail), nbkeras.Monitor(name='plain')])"
    ),
    "failed in a loop": (
        "for epoch in nbkeras.track(range(9), epochs=3, name='loop'):\n"
        "    for step in epoch:\n"
        "        epoch.log(loss=step)\n"
        "    if epoch.number == 2:\n"
        "        raise OSError('disk gone')"
    ),
}
# The error that each cell shall end with.
ERRORS = {
    "failed": "OSError",
    "interrupted": "KeyboardInterrupt",
    "failed in a plain call": "OSError",
    "failed in a loop": "OSError",
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Execute one notebook, save it, and return what the file holds."""
    directory = tmp_path_factory.mktemp("saved")
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (MODEL, *CELLS.values())]
    resources = {"metadata": {"path": str(directory)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        nbclient.NotebookClient(
            notebook, timeout=120, kernel_name="python3", allow_errors=True, resources=resources
        ).execute()
    nbformat.write(notebook, directory / "saved.ipynb")
    return nbformat.read(directory / "saved.ipynb", as_version=4)


def outputs(saved, ending, kind):
    cell = saved.cells[1 + list(CELLS).index(ending)]
    return [output for output in cell.outputs if output.output_type == kind]


@pytest.mark.parametrize("ending", CELLS)
def test_output_is_one_static_picture(saved, ending):
    (shown,) = outputs(saved, ending, "display_data")
    assert sorted(shown.data) == ["text/html", "text/plain"]
    html, text = shown.data["text/html"], shown.data["text/plain"]
    status = ending.split()[0]
    assert status in html.lower()
    assert status in text.lower()
    assert re.search(r"<img[^>]+src=[\"']data:image/svg\+xml", html)
    assert "<table" in html
    assert "loss" in text
    assert len(html.encode()) + len(text.encode()) <= 40_000
    assert "<script" not in html
    errors = [error.ename for error in outputs(saved, ending, "error")]
    assert errors == ([ERRORS[ending]] if ending in ERRORS else [])


def test_notebook_becomes_a_page_with_curves_and_tables(saved):
    page, _ = nbconvert.HTMLExporter().from_notebook_node(saved)
    assert len(re.findall(r"<img[^>]+src=[\"']data:image/svg\+xml", page)) >= len(CELLS)
    for name in ("good", "bad", "cut", "stop", "plain", "loop"):
        assert name in page
    assert "val_accuracy" in page
    assert "widget-view" not in page.partition("<body")[2]
