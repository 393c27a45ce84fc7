"""The static views in a real browser: the table of runs sorts, and all are accessible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from nbkeras import recipes
from nbkeras.devices.facts import Device, Devices
from nbkeras.models.outputs.features import Features
from nbkeras.models.pretrained.known import KnownModel
from nbkeras.models.probing.told import LayerGradient, Probe
from nbkeras.reproducibility.proof.source import Source
from nbkeras.reproducibility.proof.trace import Fit, Trace
from nbkeras.reproducibility.proof.verdict import prove
from nbkeras.reproducibility.stamp import Stamp
from nbkeras.runs.run import Run
from nbkeras.widgets.compare import comparison_bundle
from nbkeras.widgets.devices import devices_bundle
from nbkeras.widgets.divergence import divergence_bundle
from nbkeras.widgets.faq import faq_entry_bundle, faq_list_bundle
from nbkeras.widgets.features import features_bundle
from nbkeras.widgets.pretrained.tables import decoded_bundle, model_bundle, models_bundle
from nbkeras.widgets.probe import probe_bundle
from nbkeras.widgets.runs_table import runs_table_bundle
from nbkeras.widgets.stamp import stamp_bundle
from nbkeras.widgets.static_html import static_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    runs = []
    for name, losses in {"ten": [0.5, 0.3], "nine <b>": [0.9], "none": [], "Alpha": [0.1]}.items():
        run = Run("fit", name)
        run.created += 60 * len(runs)
        for epoch, loss in enumerate(losses, 1):
            run.record_epoch(epoch, {"loss": loss})
        run.progress.elapsed = 4000.0 / (len(runs) + 1) ** 4
        run.finish("finished")
        runs.append(run)
    page = browser.new_page()
    # Two tables on a page, the second one displayed later, as in a notebook.
    page.set_content("<!doctype html><title>runs</title>" + runs_table_bundle(runs[:1])["text/html"])
    page.evaluate(
        """html => {
            const output = document.createElement("main");
            document.body.replaceChildren(document.body.firstElementChild, output);
            output.append(document.createRange().createContextualFragment(html));
        }""",
        runs_table_bundle(runs)["text/html"],
    )
    page.wait_for_selector("main input")
    yield page
    page.close()


def names(page: Page) -> list[str]:
    return [each.inner_text() for each in page.query_selector_all("main tbody td:nth-child(2)")]


def sorted_by(page: Page) -> list[tuple[str | None, str | None]]:
    headers = page.query_selector_all("main thead th[aria-sort]")
    return [(each.text_content(), each.get_attribute("aria-sort")) for each in headers]


def test_it_comes_with_the_newest_first(page: Page) -> None:
    assert names(page) == ["Alpha", "none", "nine <b>", "ten"]
    assert sorted_by(page) == [("when↓", "descending")]


def test_a_click_sorts_and_a_second_one_turns_the_order_round(page: Page) -> None:
    page.click("main >> text=best loss")
    assert names(page) == ["Alpha", "ten", "nine <b>", "none"]
    assert sorted_by(page) == [("best loss↑", "ascending")]
    page.click("main >> text=best loss")
    assert names(page) == ["nine <b>", "ten", "Alpha", "none"]
    assert sorted_by(page) == [("best loss↓", "descending")]


def test_times_sort_by_their_length(page: Page) -> None:
    page.click("main >> text=time")
    assert names(page) == ["Alpha", "none", "nine <b>", "ten"]


def test_the_keyboard_sorts_too(page: Page) -> None:
    page.focus("main thead th:nth-child(2) button")
    page.keyboard.press("Enter")
    assert names(page) == ["Alpha", "nine <b>", "none", "ten"]
    page.keyboard.press("Space")
    assert names(page) == ["ten", "none", "nine <b>", "Alpha"]


def test_ticked_runs_are_told_and_how_to_compare_them(page: Page) -> None:
    page.focus("main tbody tr:nth-child(1) input")
    page.keyboard.press("Space")
    assert page.inner_text("main [role=status]") == "Tick another run to compare the two."
    page.check("main tbody tr:nth-child(3) input")
    ids = [page.inner_text(f"main tbody tr:nth-child({at}) td:last-child") for at in (1, 3)]
    assert page.inner_text("main [role=status] code") == f"%runs {' '.join(ids)}"
    page.click("main >> text=name")
    assert page.inner_text("main [role=status] code") == f"%runs {' '.join(ids)}"


def test_a_table_is_enlivened_once(page: Page) -> None:
    assert page.locator("main thead button").count() == page.locator("main thead th").count()
    assert page.locator("body > .nbkeras-runs tbody input").count() == 1


def proof_bundle() -> dict[str, str]:
    losses = {"run 1": [0.5, 0.25], "run 2": [0.5, 0.75]}
    traces = [Trace(name, fits=[Fit("small", "keras", losses=values)]) for name, values in losses.items()]
    return divergence_bundle(prove(traces, Source("", {}), frozenset(), ["Said of it."]))


@pytest.mark.parametrize("colours", ["background:#fff;color:#000", "background:#111;color:#fff"])
def test_axe_finds_nothing_on_light_and_dark_pages(browser: Browser, colours: str) -> None:
    run, other = Run("fit", "small", {"units": 8}), Run("fit", "large", {"units": 64})
    for each in (run, other):
        each.add_note("early stopping: val_loss, patience 3")
        for epoch in range(1, 6):
            each.record_epoch(epoch, {"loss": 1 / epoch, "val_loss": float("nan") if epoch == 3 else 2.0})
        each.finish("stopped", "stop button")
    views = [static_bundle(run), comparison_bundle([run, other]), runs_table_bundle([run, other])]
    views += [faq_list_bundle(recipes.all()), faq_entry_bundle(recipes.get("early_stopping"))]
    views += [stamp_bundle(Stamp(seeds={"tensorflow": "1"}), "small"), proof_bundle()]
    gpu = Device("GPU", "Tesla T4", compute_capability=(7, 5), why_not_seen="no driver")
    model = KnownModel("MobileNetV2", "tf_keras", "mobilenet_v2", 32, 1.0, 0.1, 70.0, None, None)
    views += [
        models_bundle([model], [], []),
        model_bundle(model),
        decoded_bundle([[("dog", 0.7), ("fox", 0.2)]]),
    ]
    views.append(devices_bundle(Devices((gpu,), {"XLA": "in the build"}, ("Tesla T4 is not seen",))))
    outputs = Features(
        {"conv": np.ones((2, 4, 4, 3)), "end": np.ones((2, 3))}, {"cell": "is called in a loop"}
    )
    gradients = Probe(0.1, 8, (LayerGradient("end", "Dense", 1.0, 0.5),))
    views += [features_bundle(outputs), probe_bundle(gradients, gradients)]
    body = "<hr>".join(view["text/html"] for view in views).replace("<details>", "<details open>")
    head = '<!doctype html><html lang="en"><title>runs</title>'
    page = browser.new_page()
    page.set_content(f'{head}<body style="{colours}"><main><h1>Runs</h1>{body}</main>')
    results = Axe().run(page)
    page.close()
    assert results.violations_count == 0, results.generate_report()


def test_charts_are_dark_in_a_page_that_says_so_and_light_in_any_other(browser: Browser) -> None:
    import io

    from matplotlib.image import imread

    run = Run("fit", "small")
    for epoch in range(1, 4):
        run.record_epoch(epoch, {"loss": 1 / epoch})
    run.finish("finished")
    grounds = []
    for style in ("background:#fff", "background:#111;color:#fff;color-scheme:dark", "background:#111"):
        page = browser.new_page()
        page.set_content(f'<body style="{style}">{static_bundle(run)["text/html"]}</body>')
        chart = imread(io.BytesIO(page.locator("img").first.screenshot()))
        page.close()
        # Beside the title nothing is drawn.
        grounds.append(float(chart[8, chart.shape[1] - 20, :3].mean()))
    assert grounds[0] > 0.9
    assert grounds[1] < 0.2
    assert grounds[2] == grounds[0]
