"""A wizard in a real page: from the form to the trained model, and what stays of it."""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# Of sample_batch_epoch, whose code needs no TensorFlow.
COUNT = "%wizard sample_batch_epoch"
SAID = "1,000 samples an epoch"
OWN = """
import numpy as np
from tensorflow import keras
inputs, targets = np.ones((64, 3)), np.zeros(64)
mine = keras.Sequential(
    [keras.Input((3,)), keras.layers.Dense(2, name="below"), keras.layers.Dense(1, name="above")]
)
mine.compile("adam", "mse")
mine.save_weights("mine.weights.h5")
before = mine.get_weights()
"""


@pytest.fixture
def open_notebook(open_page):
    def start(server, *cells):
        notebook = open_page(server, "%load_ext nbkeras", *cells)
        for index in range(len(cells) + 1):
            notebook.run(index)
        # Notebook 7.6 stumbles over its own settings while it loads, without any of ours.
        notebook.errors.clear()
        return notebook

    return start


def form_of(notebook, index=1):
    form = notebook.cell(index).locator(".nbk-wizard")
    expect(form.locator(".nbk-code pre")).not_to_be_empty(timeout=30_000)
    return form


def field(form, label):
    return form.get_by_label(label, exact=True)


def button(form, name):
    return form.locator(".nbk-bar").get_by_role("button", name=name, exact=True)


def said(form, text, timeout=10):
    expect(form.locator(".nbk-said")).to_have_text(text, timeout=timeout * 1000)


def outputs(notebook, index=1):
    """Return what stands below the form in the saved notebook."""
    return notebook.save()["cells"][index]["outputs"][1:]


def source(notebook, index):
    return notebook.page.evaluate("i => panel.content.widgets[i].model.sharedModel.getSource()", index)


def violations(page, context):
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page, context=context)
    return results.generate_report() if results.violations_count else ""


def test_what_cannot_be_meant_is_said_at_the_field_and_not_run(open_notebook, lab):
    notebook = open_notebook(lab, COUNT)
    form = form_of(notebook)
    samples = field(form, "Samples")
    samples.fill("many")
    message = form.locator(".nbk-field-samples .nbk-message")
    expect(message).to_have_text("expected a whole number such as 1000, received 'many'")
    expect(message).to_have_attribute("aria-live", "polite")
    expect(samples).to_have_attribute("aria-invalid", "true")
    assert message.get_attribute("id") in samples.get_attribute("aria-describedby").split()
    for name in ("Run", "Copy", "Insert below"):
        expect(button(form, name)).to_have_attribute("aria-disabled", "true")
        # Playwright itself would wait for a button that can be pressed.
        button(form, name).dispatch_event("click")
    assert violations(notebook.page, ".nbk-wizard") == ""
    form.locator(".nbk-notice").get_by_role("button", name="Samples").click()
    expect(samples).to_be_focused()
    assert outputs(notebook) == []
    assert notebook.page.evaluate("panel.content.widgets.length") == 2

    # Mended, the code follows.
    samples.fill("640")
    expect(message).to_have_text("")
    expect(samples).not_to_have_attribute("aria-invalid", "true")
    expect(form.locator(".nbk-code pre")).to_contain_text("samples = 640")
    expect(button(form, "Run")).not_to_have_attribute("aria-disabled", "true")


def test_from_a_form_to_a_trained_model_and_what_is_saved(open_notebook, lab):
    notebook = open_notebook(lab, "%wizard early_stopping")
    page, form = notebook.page, form_of(notebook)
    field(form, "Patience").fill("2")
    field(form, "Epochs at most").fill("4")
    expect(form.locator(".nbk-code pre")).to_contain_text("epochs=4")

    # Run: the monitor comes below the form, and the variables are the notebook's.
    button(form, "Run").click()
    said(form, "Running…")
    expect(notebook.monitor(1)).to_be_visible(timeout=90_000)
    said(form, "Done.", timeout=90)
    expect(notebook.cell(1).locator("img[src^='data:image/svg+xml']").first).to_be_visible()
    assert "model" in [each.inner_text() for each in field(form, "Model").locator("option").all()]

    button(form, "Copy").click()
    said(form, "Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "patience=2" in copied
    button(form, "Insert below").click()
    said(form, "Inserted.")
    assert source(notebook, 2) == copied.rstrip()
    page.evaluate("panel.content.widgets[2].model.sharedModel.setSource('early_stopping.patience')")
    notebook.run(2)
    expect(notebook.cell(2).locator(".jp-OutputArea-executeResult")).to_contain_text("2")

    with_the_notebooks_own_model(notebook)

    # The file holds the code as it is now and the monitor's picture, once each.
    page.wait_for_timeout(1000)
    form_output, picture = notebook.save()["cells"][1]["outputs"]
    assert set(picture["data"]) == {"text/html", "text/plain"}
    assert len(json.dumps(form_output)) <= 20_000
    assert notebook.errors == []
    assert [text for kind, text in notebook.console if kind in ("error", "warning")] == []
    check_saved(notebook, lab)


def with_the_notebooks_own_model(notebook):
    """Fill in a form with variables of the notebook and layers of its model, and a file of its folder."""
    show = "([index, text]) => panel.content.widgets[index].model.sharedModel.setSource(text)"
    notebook.page.evaluate(show, [2, OWN])
    notebook.run(2)
    notebook.page.evaluate(show, [0, "%wizard freeze_layers"])
    notebook.run(0)
    form = form_of(notebook, 0)
    chosen = {"Model": "mine", "Inputs": "inputs", "Targets": "targets", "Layers to freeze": "below"}
    for label, choice in chosen.items():
        field(form, label).select_option(label=choice)
    field(form, "Fine-tune afterwards").set_checked(False)
    field(form, "Epochs").fill("1")
    expect(form.locator(".nbk-code pre")).to_contain_text("mine.fit(")
    expect(form.locator(".nbk-code pre")).to_contain_text('mine.get_layer("below")')
    # The last change: Run runs no code but the one that was seen.
    expect(form.locator(".nbk-code pre")).to_contain_text("epochs=1,")
    button(form, "Run").click()
    said(form, "Done.", timeout=90)
    now = "[bool((before[i] == mine.get_weights()[i]).all()) for i in range(4)]"
    notebook.page.evaluate(show, [2, now])
    notebook.run(2)
    result = notebook.cell(2).locator(".jp-OutputArea-executeResult")
    expect(result).to_contain_text("[True, True, False, False]")

    # What lies beside the notebook is offered, and chosen with the keyboard alone.
    notebook.page.evaluate(show, [0, "%wizard hdf5"])
    notebook.run(0)
    form = form_of(notebook, 0)
    path = field(form, "File")
    offered = path.evaluate("node => [...node.list.options].map(option => option.value)")
    assert offered == ["mine.weights.h5"]
    path.focus()
    notebook.page.keyboard.type("mine.weights.h5")
    expect(form.locator(".nbk-code pre")).to_contain_text('path = "mine.weights.h5"')
    assert violations(notebook.page, ".nbk-wizard") == ""
    button(form, "Run").click()
    said(form, "Done.")
    expect(notebook.cell(0).locator("pre", has_text=re.compile(r"^h5py \d"))).to_be_visible()
    notebook.page.evaluate(show, [0, "%load_ext nbkeras"])


def check_saved(notebook, lab):
    """Read the saved notebook without its kernel: converted, and opened when somebody else has changed it."""
    saved = lab.directory / "notebooks" / notebook.name
    html, _ = HTMLExporter().from_notebook_node(nbformat.read(saved, as_version=4))
    assert "How can I stop training" in html
    assert "restore_best_weights" in html
    lab.end_kernels()
    # JupyterLab does not trust what it has not saved.
    saved.write_text(saved.read_text().replace("How can I stop", "Who can stop"))
    notebook.open()
    cell = notebook.cell(1)
    expect(cell.get_by_text("Who can stop training")).to_be_visible(timeout=30_000)
    expect(cell.locator(".highlight")).to_contain_text("patience=2")
    expect(cell.locator(".nbk-wizard")).to_have_count(0)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.set_theme(theme)
        notebook.page.wait_for_timeout(300)
        assert violations(notebook.page, ".nbkeras-wizard") == ""


@pytest.mark.costly
def test_stop_in_the_monitor_and_a_page_that_is_loaded_again_meanwhile(open_notebook, lab):
    notebook = open_notebook(lab, "%wizard early_stopping", "len(history.history['loss'])")
    form = form_of(notebook)
    field(form, "Patience").fill("10000")
    field(form, "Epochs at most").fill("100000")
    expect(form.locator(".nbk-code pre")).to_contain_text("epochs=100000")
    button(form, "Run").click()
    expect(notebook.monitor(1).get_by_text("Running", exact=True)).to_be_visible(timeout=90_000)
    notebook.page.wait_for_timeout(2500)
    notebook.save()
    notebook.open()
    # The monitor goes on; the form waits for its kernel, and its code can be read.
    monitor = notebook.monitor(1)
    expect(monitor.get_by_text("Running", exact=True)).to_be_visible(timeout=20_000)
    expect(notebook.cell(1).locator(".nbkeras-wizard .highlight")).to_contain_text("epochs=100000")
    monitor.get_by_role("button", name="Stop").click()
    expect(monitor.get_by_text("Stopped", exact=True)).to_be_visible(timeout=20_000)
    form = form_of(notebook)
    expect(field(form, "Patience")).to_have_value("10000")
    notebook.run(2)
    expect(notebook.cell(2).locator(".jp-OutputArea-executeResult")).to_be_visible()


def test_a_form_lives_on_in_a_page_that_is_loaded_again(open_notebook, lab):
    notebook = open_notebook(lab, COUNT)
    form = form_of(notebook)
    field(form, "Batch size").fill("100")
    expect(form.locator(".nbk-code pre")).to_contain_text("batch_size = 100")
    notebook.page.wait_for_timeout(1000)
    notebook.save()
    notebook.open()
    form = form_of(notebook)
    expect(field(form, "Batch size")).to_have_value("100")
    button(form, "Run").click()
    said(form, "Done.")
    expect(notebook.cell(1).get_by_text("10 batches")).to_be_visible()
    # What the next run says takes the place of what this one said; the file follows the form.
    field(form, "Batch size").fill("50")
    expect(form.locator(".nbk-code pre")).to_contain_text("batch_size = 50")
    button(form, "Run").click()
    expect(notebook.cell(1).get_by_text("20 batches")).to_be_visible()
    notebook.page.wait_for_timeout(1000)
    (stream,) = outputs(notebook)
    assert "20 batches" in "".join(stream["text"])
    assert "batch_size = 50" in "".join(notebook.save()["cells"][1]["outputs"][0]["data"]["text/plain"])
    # A form whose kernel has ended can do nothing: what was saved takes its place.
    notebook.page.evaluate("panel.sessionContext.session.kernel.restart()")
    expect(notebook.cell(1).locator(".nbk-wizard")).to_have_count(0, timeout=20_000)
    expect(notebook.cell(1).locator(".nbkeras-wizard .highlight")).to_contain_text("batch_size = 50")


def test_without_the_extension(open_notebook, lab):
    notebook = open_notebook(lab, COUNT)
    form = form_of(notebook)
    notebook.page.evaluate(
        """() => {
            window.deaf = new AbortController();
            const options = { capture: true, signal: window.deaf.signal };
            for (const what of ['run', 'insert', 'saved'])
                document.addEventListener(`nbkeras-wizard-${what}`, e => e.stopPropagation(), options);
        }"""
    )
    button(form, "Run").click()
    said(form, "Done.")
    expect(notebook.cell(1).get_by_text(SAID)).to_be_visible()
    button(form, "Insert below").click()
    said(form, "Run %wizard sample_batch_epoch --insert in a cell: it makes a new one.")
    notebook.page.evaluate(
        "panel.content.widgets[0].model.sharedModel.setSource('%wizard sample_batch_epoch --insert')"
    )
    notebook.run(0)
    # The page is shared with the tests that follow.
    notebook.page.evaluate("window.deaf.abort()")
    assert source(notebook, 1).startswith("import math")


def test_keyboard_alone(open_notebook, lab):
    notebook = open_notebook(lab, COUNT)
    page, form = notebook.page, form_of(notebook)
    field(form, "Count").focus()
    page.keyboard.press("Tab")
    expect(field(form, "Samples")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("640")
    expect(form.locator(".nbk-code pre")).to_contain_text("samples = 640")
    # Letters that are commands of the notebook do nothing here: d d would delete the cell.
    field(form, "Count").focus()
    page.keyboard.press("d")
    page.keyboard.press("d")
    for _ in range(20):
        if button(form, "Run").evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said(form, "Done.")
    expect(notebook.cell(1).get_by_text("640 samples an epoch")).to_be_visible()


def test_dark_and_narrow(open_notebook, lab):
    notebook = open_notebook(lab, COUNT)
    page, form = notebook.page, form_of(notebook)
    notebook.set_theme("JupyterLab Dark")
    expect(form).to_have_attribute("data-theme", "dark")
    field(form, "Samples").fill("many")
    expect(form.locator(".nbk-notice")).to_be_visible()
    assert violations(page, ".nbk-wizard") == ""

    def left():
        boxes = [form.locator(name).bounding_box() for name in (".nbk-form", ".nbk-code")]
        return [box["x"] for box in boxes], boxes

    (at, beside), _ = left()
    assert at < beside
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_timeout(500)
    (at, below), (its_form, its_code) = left()
    assert at == below
    assert its_code["y"] >= its_form["y"] + its_form["height"]
    wide = form.evaluate("node => node.scrollWidth > node.clientWidth")
    assert not wide
    assert violations(page, ".nbk-wizard") == ""
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")


def test_the_gallery_opens_each_form(open_notebook, lab):
    notebook = open_notebook(lab, "%wizard")
    page, cell = notebook.page, notebook.cell(1)
    cell.get_by_role("button", name="What do sample, batch and epoch mean").click()
    form = form_of(notebook)
    button(form, "Run").click()
    said(form, "Done.")
    expect(cell.get_by_text(SAID)).to_be_visible()
    cell.get_by_role("button", name="How can I stop training when").click()
    expect(form.locator(".nbk-code pre")).to_contain_text("EarlyStopping")
    expect(cell.locator(".nbk-wizard")).to_have_count(1)
    assert violations(page, ".nbk-gallery-root") == ""
    # The file follows the form when both it and the kernel come to it.
    for _ in range(20):
        saved = "".join(notebook.save()["cells"][1]["outputs"][0]["data"]["text/plain"])
        if "EarlyStopping(" in saved:
            break
        page.wait_for_timeout(500)
    assert "%wizard sample_batch_epoch" in saved
    assert "EarlyStopping(" in saved


def test_in_notebook_7(open_notebook, notebook7):
    notebook = open_notebook(notebook7, COUNT)
    form = form_of(notebook)
    field(form, "Samples").fill("640")
    expect(form.locator(".nbk-code pre")).to_contain_text("samples = 640")
    button(form, "Run").click()
    said(form, "Done.")
    expect(notebook.cell(1).get_by_text("640 samples an epoch")).to_be_visible()
    button(form, "Insert below").click()
    assert "samples = 640" in source(notebook, 2)
    assert notebook.errors == []
