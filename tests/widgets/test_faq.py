"""The FAQ's list and its entries say all that they should, in HTML and in text."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest

from nbkeras import recipes
from nbkeras.widgets.faq import faq_entry_bundle, faq_list_bundle
from nbkeras.widgets.picture.page import size


class Words(HTMLParser):
    """The text of a page, and the tags that it is not to have."""

    def __init__(self, page):
        super().__init__()
        self.text = ""
        self.tags = []
        self.feed(page)

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


@pytest.mark.parametrize("name", recipes.names())
def test_an_entry_has_answer_remarks_code_and_ways_on(name):
    recipe = recipes.get(name)
    bundle = faq_entry_bundle(recipe)
    page = Words(bundle["text/html"])
    expected = [recipe.question, recipe.answer, recipe.changed, recipe.silent, f"%wizard {name}"]
    expected += [recipe.magic, "notebooks/faq.ipynb", *(title for title, _ in recipe.links)]
    if "keras" in recipe.lines:
        expected.append(recipe.code(line="keras"))
    for words in expected:
        # What stands in backticks is set as code.
        assert words.strip().replace("`", "") in page.text
        assert words.strip() in bundle["text/plain"]
    assert f'href="{html.escape(recipe.page)}"' in bundle["text/html"]
    for _, address in recipe.links:
        assert f'href="{html.escape(address)}"' in bundle["text/html"]
    assert not {"script", "style", "iframe"} & set(page.tags)
    assert size(bundle) < 40_000


def test_the_list_has_every_question_under_its_section():
    page = Words(faq_list_bundle(recipes.all())["text/html"]).text
    sections = [page.index(f"\n{section}\n") for section in ("General", "Training", "Modelling")]
    assert sections == sorted(sections)
    for recipe in recipes.all():
        assert recipe.question in page
        assert f"%faq {recipe.name}" in page


def test_each_question_of_a_list_leads_to_its_place_in_the_notebook():
    page = faq_list_bundle(recipes.all())["text/html"]
    for recipe in recipes.all():
        assert f'<a href="{html.escape(recipe.page)}"' in page
    # All of them are to be looked over: no answers.
    assert "it ends training after" not in page


def test_a_search_shows_how_the_answers_begin():
    bundle = faq_list_bundle(recipes.search("early stopping"), "early stopping")
    first = "Give fit the EarlyStopping callback: it ends training after `patience` epochs without a better"
    assert first in bundle["text/plain"]
    assert first.replace("`", "") in Words(bundle["text/html"]).text
    assert "Set restore_best_weights=True" not in bundle["text/plain"]


def test_a_search_says_what_it_was_for_and_escapes_it():
    words = "<b>early</b> stopping"
    bundle = faq_list_bundle(recipes.search("early stopping"), words)
    assert "<b>early" not in bundle["text/html"]
    assert words in Words(bundle["text/html"]).text


def test_a_search_without_a_find_says_so():
    assert faq_list_bundle([], "zebra")["text/plain"] == (
        "No question of the Keras FAQ on “zebra”: %faq lists them all"
    )
