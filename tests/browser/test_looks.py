"""What the live monitor looks like: themes that change under it, values that are no numbers, its keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LOOP = """
import nbkeras, math, time
class Optimizer: learning_rate = 0.1
optimizer = Optimizer()
for epoch in nbkeras.track(range(50), epochs=1000, name="odd", optimizer=optimizer):
    for number in epoch:
        done = 50 * epoch.number + number
        epoch.log(loss=math.nan if epoch.number > 2 else 1.5, accuracy=math.exp(-done / 700), grown=math.inf)
        time.sleep(0.01)
    epoch.log(val_accuracy=math.exp(-done / 600))
print("the rest of the cell runs")
"""
LIGHT = {"#0072b2", "#d55e00", "#008a63", "#b25a8f", "#7a6a00", "#3f3f3f"}


@pytest.fixture(params=["lab", pytest.param("notebook7", marks=pytest.mark.costly)])
def notebook(request, open_page):
    """A notebook whose second cell is training, in JupyterLab and in Notebook 7."""
    notebook = open_page(request.getfixturevalue(request.param), "%load_ext nbkeras", LOOP)
    # A test before may have left the server with another theme.
    notebook.set_theme("JupyterLab Light")
    notebook.run(0)
    notebook.start(1)
    expect(notebook.monitor(1).get_by_text("Running", exact=True)).to_be_visible(timeout=20_000)
    # Notebook 7.6 stumbles over its own settings while it loads, without any of ours.
    notebook.errors.clear()
    return notebook


def colour(monitor, name="background-color"):
    return monitor.evaluate("(element, name) => getComputedStyle(element).getPropertyValue(name)", name)


def tile(monitor, name):
    return monitor.get_by_role("list", name="Metrics").locator("li").filter(has_text=name).first


def violations(notebook, context):
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(notebook.page, context=context)
    return results.generate_report() if results.violations_count else ""


def test_themes_odd_values_keys_and_axe(notebook):
    page, monitor = notebook.page, notebook.monitor(1)

    # A number that is none is shown as such, and the view goes on behind it.
    expect(tile(monitor, "grown")).to_contain_text("∞", timeout=15_000)
    expect(tile(monitor, "loss").locator(".nbk-value")).to_have_text("NaN", timeout=15_000)
    expect(tile(monitor, "loss")).to_contain_text("best 1.5")
    falling = tile(monitor, "accuracy").locator(".nbk-value").inner_text()
    expect(tile(monitor, "accuracy").locator(".nbk-value")).not_to_have_text(falling, timeout=5000)

    # Train and validation differ by more than colour; the colours are those of the palette.
    strokes = monitor.locator(".nbk-legend-item", has_text="accuracy").evaluate_all(
        "items => items.map(i => [i.innerText.split(/\\s/)[0],"
        " i.querySelector('path').getAttribute('stroke-dasharray'),"
        " getComputedStyle(i.querySelector('path')).stroke])"
    )
    dashes = {name: dash for name, dash, _ in strokes}
    assert dashes == {"accuracy": "", "val_accuracy": "5 3"}
    assert len({stroke for *_, stroke in strokes}) == 2
    assert {colour(monitor, f"--nbk-series-{number}").strip() for number in range(1, 7)} == LIGHT

    # The theme changes while the run is followed.
    monitor.get_by_text("Data table").click()
    assert violations(notebook, ".nbkeras") == ""
    light = colour(monitor)
    notebook.set_theme("JupyterLab Dark")
    expect(monitor).to_have_attribute("data-theme", "dark")
    assert colour(monitor) != light
    assert colour(monitor, "--nbk-series-1").strip() == "#56b4e9"
    assert violations(notebook, ".nbkeras") == ""
    notebook.set_theme("JupyterLab Light")
    expect(monitor).to_have_attribute("data-theme", "light")
    assert colour(monitor) == light

    # The keyboard alone reaches the learning rate and a chart's cursor, by Tab from the first button.
    monitor.get_by_role("button", name="Stop").focus()
    field = monitor.get_by_role("textbox", name="Learning rate")
    tab_to(page, field)
    page.keyboard.press("Control+A")
    page.keyboard.type("0.025")
    page.keyboard.press("Enter")
    expect(monitor.get_by_role("list", name="Events")).to_contain_text(
        "learning rate set to 0.025", timeout=5000
    )
    slider = monitor.get_by_role("slider", name="accuracy: cursor")
    # A line marks it in the charts, in words; all of them where somebody points.
    label = slider.locator(".nbk-marks span")
    expect(label).to_have_text("learning rate set to 0.025")
    label.hover()
    expect(slider.locator(".nbk-mark-text")).to_be_visible()
    page.mouse.move(0, 0)
    expect(slider.locator(".nbk-mark-text")).to_be_hidden()
    tab_to(page, slider)
    page.keyboard.press("Home")
    first = slider.get_attribute("aria-valuenow")
    page.keyboard.press("End")
    assert float(slider.get_attribute("aria-valuenow")) > float(first)
    assert "accuracy" in slider.get_attribute("aria-valuetext")
    page.keyboard.press("Escape")

    # The static picture is as accessible.
    monitor.get_by_role("button", name="Stop").click()
    expect(notebook.cell(1).get_by_text("the rest of the cell runs")).to_be_visible(timeout=5000)
    expect(notebook.cell(1).locator("img").first).to_be_visible()
    assert violations(notebook, ".jp-Notebook-cell:nth-of-type(2) .jp-OutputArea-output") == ""
    assert notebook.errors == []


def tab_to(page, element):
    for _ in range(20):
        if element.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("Tab does not reach it")
