"""The monitor in a real page while the cell is running: `nbkeras.track` loops, no TensorFlow."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LOOP = """
import nbkeras, math, time
class Optimizer: learning_rate = 0.1
optimizer = Optimizer()
tracked = nbkeras.track(range(100), epochs=EPOCHS, name="waves", optimizer=optimizer)
for epoch in tracked:
    for number in epoch:
        done = 100 * epoch.number + number
        epoch.log(loss=math.exp(-done / 900), accuracy=1 - math.exp(-done / 700))
        time.sleep(0.01)
    epoch.log(val_loss=0.1 + math.exp(-done / 800), val_accuracy=0.95 - math.exp(-done / 650))
print("the rest of the cell runs")
"""


@pytest.fixture(params=["lab", pytest.param("notebook", marks=pytest.mark.costly)])
def server(request):
    return request.getfixturevalue({"lab": "lab", "notebook": "notebook7"}[request.param])


def running(open_page, server, epochs=1000):
    """Open a notebook whose second cell is training."""
    notebook = open_page(server, "%load_ext nbkeras", LOOP.replace("EPOCHS", str(epochs)))
    notebook.run(0)
    notebook.start(1)
    expect(notebook.monitor(1).get_by_text("Running", exact=True)).to_be_visible(timeout=20_000)
    return notebook


def stop(notebook):
    notebook.monitor(1).get_by_role("button", name="Stop").click()
    notebook.wait_until_idle()


def steps_done(monitor):
    """Read the step counter of the whole run off the page."""
    return monitor.evaluate(
        "element => element.innerText.match(/Epoch\\s+(\\d+)[^]*?Step\\s+(\\d+)/).slice(1).map(Number)"
    )


def test_live_update_and_stop(open_page, server):
    notebook = running(open_page, server)
    monitor = notebook.monitor(1)
    first = steps_done(monitor)
    notebook.page.wait_for_timeout(1500)
    assert steps_done(monitor) > first
    expect(monitor.get_by_text("val_accuracy").first).to_be_visible()
    clicked = time.monotonic()
    monitor.get_by_role("button", name="Stop").click()
    expect(notebook.cell(1).get_by_text("the rest of the cell runs")).to_be_visible(timeout=5000)
    assert time.monotonic() - clicked < 2
    expect(notebook.cell(1).get_by_text("stopped", exact=True)).to_be_visible()
    # The static picture has taken the widget's place.
    expect(notebook.cell(1).locator("img[src^='data:image/svg+xml']").first).to_be_visible()


def test_pause_resume_and_learning_rate(open_page, server):
    notebook = running(open_page, server)
    monitor = notebook.monitor(1)
    monitor.get_by_role("button", name="Pause").click()
    expect(monitor.get_by_text("Paused", exact=True)).to_be_visible(timeout=5000)
    at = steps_done(monitor)
    notebook.page.wait_for_timeout(700)
    assert steps_done(monitor) == at
    field = monitor.get_by_role("textbox", name="Learning rate")
    field.fill("0.025")
    field.press("Enter")
    monitor.get_by_text("Data table").click()
    expect(monitor.get_by_role("list", name="Events")).to_contain_text(
        "learning rate set to 0.025", timeout=5000
    )
    monitor.get_by_role("button", name="Resume").click()
    expect(monitor.get_by_text("Running", exact=True)).to_be_visible(timeout=5000)
    stop(notebook)


def test_page_closed_and_reopened_in_mid_run(open_page, server, context):
    notebook = running(open_page, server)
    notebook.page.wait_for_timeout(2500)
    notebook.save()
    epoch, _ = steps_done(notebook.monitor(1))
    notebook.page.close()
    time.sleep(2)
    page = context.new_page()
    again = type(notebook)(server, page, notebook.name)
    monitor = again.monitor(1)
    expect(monitor.get_by_text("Running", exact=True)).to_be_visible(timeout=20_000)
    page.wait_for_function(
        "([n]) => Number(document.querySelector('.nbkeras').innerText.match(/Epoch\\s+(\\d+)/)?.[1]) > n",
        arg=[epoch],
        timeout=20_000,
    )
    # The history from before is there, not only what came since.
    monitor.get_by_text("Data table").click()
    expect(monitor.locator("table tbody tr").first.locator("th, td").first).to_have_text("1")
    monitor.get_by_role("button", name="Stop").click()
    expect(monitor.get_by_text("Stopped", exact=True)).to_be_visible(timeout=10_000)
    again.close()


def test_keyboard_alone(open_page, lab):
    notebook = running(open_page, lab)
    monitor = notebook.monitor(1)
    monitor.get_by_role("button", name="Stop").focus()
    page = notebook.page
    seen = []
    for _ in range(12):
        seen.append(
            page.evaluate("() => { const at = document.activeElement; return at.innerText || at.ariaLabel; }")
        )
        page.keyboard.press("Tab")
    assert seen[0].strip() == "Stop"
    assert any("Pause" in (each or "") for each in seen)
    assert any("Steps" in (each or "") for each in seen)
    monitor.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Space")
    expect(monitor.get_by_text("Paused", exact=True)).to_be_visible(timeout=5000)
    page.keyboard.press("Space")
    expect(monitor.get_by_text("Running", exact=True)).to_be_visible(timeout=5000)
    monitor.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(notebook.cell(1).get_by_text("the rest of the cell runs")).to_be_visible(timeout=5000)


def test_buttons_are_inert_when_no_run_is_active(open_page, lab):
    """Else Stop would interrupt somebody else's cell."""
    notebook = open_page(lab, "%load_ext nbkeras", LOOP.replace("EPOCHS", "1"), "%monitor")
    for index in range(3):
        notebook.run(index)
    expect(notebook.monitor(2).get_by_text("Finished", exact=True)).to_be_visible(timeout=10_000)
    stop_button = notebook.monitor(2).get_by_role("button", name="Stop")
    assert stop_button.count() == 0 or stop_button.is_disabled()


def test_axe_finds_no_violation(open_page, lab):
    from axe_playwright_python.sync_playwright import Axe

    notebook = running(open_page, lab)
    # The curves of an epoch are there.
    expect(notebook.monitor(1).get_by_text("val_accuracy").first).to_be_visible()
    notebook.monitor(1).get_by_text("Data table").click()

    def check(context):
        results = Axe().run(notebook.page, context=context)
        assert results.violations_count == 0, results.generate_report()

    for theme in ("Dark", "Light"):
        notebook.set_theme(f"JupyterLab {theme}")
        expect(notebook.monitor(1)).to_have_attribute("data-theme", theme.lower())
        check(".nbkeras")
    stop(notebook)
    for theme in ("Dark", "Light"):
        notebook.set_theme(f"JupyterLab {theme}")
        check(".jp-Notebook-cell:nth-of-type(2) .jp-OutputArea-output")


def test_narrow(open_page, lab):
    notebook = running(open_page, lab)
    notebook.page.evaluate("() => { document.querySelectorAll('.jp-OutputArea')[1].style.width = '360px'; }")
    notebook.page.wait_for_timeout(800)
    overflow = notebook.monitor(1).evaluate("element => element.scrollWidth - element.clientWidth")
    assert overflow <= 0
    stop(notebook)


def test_console_stays_clean(open_page, lab):
    notebook = running(open_page, lab)
    notebook.page.wait_for_timeout(1000)
    stop(notebook)
    assert [
        text for kind, text in notebook.console if kind in ("warning", "error", "log") and "nbkeras" in text
    ] == []
    assert notebook.errors == []


def test_saved_notebook_opens_untrusted_without_kernel(open_page, lab, context):
    notebook = open_page(lab, "%load_ext nbkeras", LOOP.replace("EPOCHS", "3"))
    notebook.run(0)
    notebook.run(1)
    saved = notebook.save()
    (output,) = [o for o in saved["cells"][1]["outputs"] if o["output_type"] == "display_data"]
    assert sorted(output["data"]) == ["text/html", "text/plain"]
    assert len("".join(output["data"]["text/html"])) + len("".join(output["data"]["text/plain"])) <= 40_000
    # As somebody else's file: no trust, no kernel.
    copy = lab.directory / "notebooks" / f"copy-{notebook.name}"
    copy.write_text((lab.directory / "notebooks" / notebook.name).read_text())
    notebook.page.close()
    page = context.new_page()
    page.goto(f"{lab.url}/lab/tree/{copy.name}", wait_until="domcontentloaded")
    cell = page.locator(".jp-Notebook-cell").nth(1)
    picture = cell.locator("img[src^='data:image/svg+xml']").first
    expect(picture).to_be_visible(timeout=30_000)
    assert picture.evaluate("image => image.naturalWidth") > 100
    expect(
        cell.get_by_role("cell", name="val_accuracy").or_(cell.get_by_text("val_accuracy")).first
    ).to_be_visible()
