"""The form of a fine-tuning in a real JupyterLab: its tree, its stages, a run, and undo.

``UPDATE_IMAGES=1`` writes its picture into docs/images, else it goes nowhere.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_wizard import violations

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDE = {"width": 1280, "height": 1000}
NARROW = {"width": 360, "height": 800}
FOCUSED = "document.activeElement.getAttribute('aria-label')"
# A model that stands for a pretrained one, of plain layers, and one that is large.
MODELS = """
import keras, numpy as np
shape = (32, 32, 3)
mobile = keras.applications.MobileNetV2(weights=None, input_shape=shape, include_top=False, pooling="avg")
classes = keras.layers.Dense(5, activation="softmax", name="classes")
parts = [keras.Input(shape), mobile, keras.layers.Dropout(0.2), classes]
flowers = keras.Sequential(parts, name="flowers")
flowers.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
pictures, kinds = np.random.default_rng(0).random((64, 32, 32, 3), "float32"), np.arange(64) % 5
# In ten chains: Keras 3.15 itself can't make one of a thousand (RecursionError).
inputs, ends = keras.Input((2,)), []
for chain in range(10):
    hidden = inputs
    for number in range(100):
        hidden = keras.layers.Dense(2, name=f"dense_{chain}_{number}")(hidden)
    ends.append(hidden)
hidden = keras.layers.Flatten(name="flat")(keras.layers.Add(name="joined")(ends))
hidden = keras.layers.Dense(4, name="wide")(hidden)
deep = keras.Model(inputs, keras.layers.Dense(1, name="last")(hidden), name="deep")
deep.compile("sgd", "mse")
"""


def tree_of(form):
    return form.get_by_role("tree")


def row(form, name):
    return tree_of(form).locator(f"[role=treeitem][aria-label^='{name},']")


def pick(form, name):
    return form.locator(f".nbk-field-{name} select")


def stage(form, number, label):
    return form.locator(".nbk-stage").nth(number - 1).get_by_label(label, exact=True)


def test_the_tree_by_mouse_and_keyboard_and_the_stages(lab, open_page):
    notebook = open_page(lab, "%load_ext nbkeras", "%finetune")
    page = notebook.page
    notebook.run(0)
    notebook.run(1)
    form = notebook.cell(1).locator(".nbk-wizard")
    expect(row(form, "block2_conv")).to_be_visible(timeout=30_000)
    expect(row(form, "block2_conv")).to_have_attribute("aria-level", "3")
    assert "base, stage 1 frozen, stage 2 trains" in row(form, "block2_conv").get_attribute("aria-label")
    assert "the base ends here" in row(form, "base").get_attribute("aria-label")

    # By the keyboard: into it, folded, back to the base, chosen.
    row(form, "base").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(row(form, "block1")).to_have_attribute("aria-expanded", "false")
    expect(row(form, "block1_conv")).to_have_count(0)
    page.keyboard.press("End")
    assert page.evaluate(FOCUSED).startswith("head, Dense")
    page.keyboard.press("Enter")
    expect(form.locator(".nbk-tree-said")).to_have_text("The base of the built-in example ends at base.")
    assert "jp-mod-editMode" not in page.locator(".jp-Notebook").get_attribute("class")

    # What is wrong in a stage is tied to its field; mended, the tree follows.
    what = stage(form, 2, "Stage 2 trains")
    what.fill("nothing")
    expect(what).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".nbk-cell .nbk-message")).to_contain_text("received 'nothing'")
    expect(form.get_by_role("button", name="Run", exact=True)).to_have_attribute("aria-disabled", "true")
    what.fill("block2")
    expect(what).not_to_have_attribute("aria-invalid", "true")
    expect(row(form, "block1")).to_have_attribute(
        "aria-label", "block1, block, output 4 x 4 x 16, 224 parameters, base, stage 1 frozen, stage 2 frozen"
    )
    expect(form.locator(".nbk-plan")).to_contain_text("head and base from block2_conv up")
    expect(form.locator(".nbk-code pre")).to_contain_text('nbkeras.Stage("block2"')
    assert violations(page, ".nbk-wizard") == ""
    assert notebook.errors == []


@pytest.mark.costly
def test_an_own_model_from_the_tree_to_undo_in_all_looks(lab, open_page, tmp_path):
    notebook = open_page(
        lab, "%load_ext nbkeras" + MODELS, "%wizard fine_tune", "flowers.get_layer('classes').name"
    )
    page = notebook.page
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.run(0)
    notebook.run(1)
    form = notebook.cell(1).locator(".nbk-wizard")
    expect(row(form, "base")).to_be_visible(timeout=30_000)
    pick(form, "model").select_option(label="deep")
    expect(row(form, "last")).to_be_attached(timeout=30_000)
    assert tree_of(form).get_by_role("treeitem").count() >= 1000
    row(form, "wide").click()
    expect(form.locator(".nbk-tree-said")).to_have_text("The base ends at wide.", timeout=30_000)
    expect(row(form, "wide")).to_have_attribute("aria-selected", "true")

    pick(form, "base").select_option(label="(found by itself)")
    for name, choice in {"model": "flowers", "x": "pictures", "y": "kinds"}.items():
        pick(form, name).select_option(label=choice)
    expect(form.locator(".nbk-plan")).to_contain_text("head and all of mobilenetv2", timeout=30_000)
    # Folded: a hundred and fifty layers are seventeen blocks.
    expect(row(form, "block_16")).to_have_attribute("aria-expanded", "false")
    expect(row(form, "block_16_expand")).to_have_count(0)
    form.get_by_role("button", name="Add stage").click()
    expect(form.locator(".nbk-stage")).to_have_count(3)
    stage(form, 2, "Stage 2 trains").fill("2 blocks")
    stage(form, 3, "Depth factor").fill("0.1")
    for number in (1, 2, 3):
        stage(form, number, "Epochs").fill("1")
    expect(form.locator(".nbk-plan")).to_contain_text(
        "head and mobilenetv2_1.00_32 from block_16_expand up", timeout=30_000
    )
    expect(form.locator(".nbk-code pre")).to_contain_text("depth_factor=0.1")
    if os.environ.get("UPDATE_IMAGES"):
        picture(notebook, form)
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            page.wait_for_timeout(300)
            assert violations(page, ".nbk-wizard") == ""
            assert form.evaluate("form => form.scrollWidth <= form.clientWidth")
            page.set_viewport_size({**size, "height": 3000})
            page.wait_for_timeout(200)
            form.screenshot(path=tmp_path / f"{theme}-{size['width']}.png")
    notebook.set_theme("JupyterLab Light")
    page.set_viewport_size(WIDE)

    undo = form.get_by_role("button", name="Undo the fine-tuning")
    expect(undo).to_be_hidden()
    form.get_by_role("button", name="Run", exact=True).click()
    expect(form.locator(".nbk-said")).to_have_text("Done.", timeout=120_000)
    expect(notebook.cell(1).locator("img[src^='data:image/svg+xml']").first).to_be_visible()
    undo.click()
    expect(form.get_by_role("status").filter(has_text="weights, trainable flags")).to_be_visible()
    expect(undo).to_be_hidden()
    saved = "".join(notebook.save()["cells"][1]["outputs"][0]["data"]["text/html"])
    assert "block_16" in saved
    assert notebook.errors == []
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")


def picture(notebook, form):
    page = notebook.page
    page.set_viewport_size({"width": 1500, "height": 3000})
    code = form.locator(".nbk-code pre")
    code.evaluate("pane => { pane.style.maxHeight = 'none'; }")
    row(form, "block_16").locator(".nbk-tree-arrow").click()
    form.locator(".nbk-tree-box").evaluate("box => { box.scrollTop = 1e6; }")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    form.screenshot(path=IMAGES / "wizard-fine-tune.png")
    code.evaluate("pane => { pane.style.maxHeight = ''; }")
    row(form, "block_16").locator(".nbk-tree-arrow").click()
