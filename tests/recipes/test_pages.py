"""What is made from the recipes is up to date, and the notebook with all wizards runs."""

from __future__ import annotations

import json
from urllib.parse import unquote

import nbformat
import pytest
from nbconvert import HTMLExporter

from nbkeras import recipes
from nbkeras.widgets.wizard.showing import MIME, WIDGET_MIME
from scripts import faq_pages, lab


@pytest.mark.parametrize("path", [faq_pages.TABLE, faq_pages.NOTEBOOK], ids=lambda path: path.name)
def test_the_page_is_up_to_date(path):
    made = faq_pages.written()[path]
    assert path.read_text(encoding="utf-8") == made, "type  python -m scripts.faq_pages"


def test_the_table_has_every_question_with_its_wizard():
    text = faq_pages.table()
    for recipe in recipes.all():
        assert f"| {recipe.question} | `%faq {recipe.name}` | `%wizard {recipe.name}` |" in text
        assert f"| [{recipe.topic}](../notebooks/faq.ipynb{recipe.anchor}) |" in text


def test_each_link_into_the_notebook_leads_to_its_question():
    page, _ = HTMLExporter().from_notebook_node(nbformat.reads(json.dumps(faq_pages.notebook()), 4))
    for recipe in recipes.all():
        assert f'id="{unquote(recipe.anchor[1:])}"' in page
        assert recipe.page.endswith(f"notebooks/faq.ipynb{recipe.anchor}")


@pytest.mark.kernel
@pytest.mark.slow
def test_the_notebook_runs_and_every_wizard_opens(tmp_path):
    path = tmp_path / "faq.ipynb"
    path.write_text(json.dumps(faq_pages.notebook()), encoding="utf-8")
    cells = {cell.id: cell for cell in lab.execute(path).cells}
    for recipe in recipes.all():
        (form,) = cells[f"wizard-{recipe.name}"].outputs
        assert form.output_type == "display_data"
        assert {MIME, WIDGET_MIME, "text/html", "text/plain"} <= set(form.data)
        assert form.data[MIME]["widget"] == form.data[WIDGET_MIME]["model_id"]
        # The question, and code for it.
        said = form.data["text/plain"]
        assert said.startswith(f"{recipe.question}\n\n")
        assert said.removeprefix(recipe.question).strip() == recipe.code(line=recipe.lines[0]).strip()
