"""The catalogue answers every question of the FAQ, and each answer is whole."""

from __future__ import annotations

import re

import pytest

from nbkeras import Refusal, recipes
from nbkeras.recipes.parameter import Parameter
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

# Every question of the FAQ, and the parts of those that have several answers.
ROWS = [
    *("1a", "1b", "2a", "2b", "3", "4", "5", "6", "7a", "7b", "7c", "7d", "7e", "7f", "8", "9"),
    *("10", "11", "12", "13", "14", "15a", "15b", "15c", "15d", "16a", "16b", "17", "18", "19"),
    *("20a", "20b", "20c", "20d", "21", "22", "23", "24", "25"),
]
OF_SECTION = {"General": range(1, 10), "Training": range(10, 23), "Modelling": range(23, 26)}


def test_every_question_has_its_recipe_in_the_faqs_order():
    assert [recipe.faq for recipe in recipes.all()] == ROWS


@pytest.mark.parametrize("name", recipes.names())
class TestRecipe:
    def test_it_stands_where_it_belongs(self, name):
        recipe = recipes.get(name)
        assert recipe.name == name
        assert int(re.match(r"\d+", recipe.faq)[0]) in OF_SECTION[recipe.section]
        assert recipe.template.parent.name == recipe.section.lower()
        assert recipe.template.stem == f"{name}.py"

    def test_its_words_are_there(self, name):
        recipe = recipes.get(name)
        assert recipe.question.endswith("?")
        assert recipe.answer.endswith(".")
        assert len(recipe.answer) > 60
        assert recipe.keywords
        assert recipe.links
        for _, address in recipe.links:
            assert address.startswith(("https://keras.io/", "https://www.tensorflow.org/"))
        assert recipe.lines == ("keras", "tf_keras") or recipe.refused

    def test_its_parameters_can_be_asked_for(self, name):
        recipe = recipes.get(name)
        names = [parameter.name for parameter in recipe.parameters]
        assert len(set(names)) == len(names)
        for parameter in recipe.parameters:
            assert parameter.name.isidentifier()
            assert parameter.help.endswith(".")
            assert len(parameter.label) <= 28
            assert parameter.when is None or parameter.when[0] in names
            if isinstance(parameter, Pick) and parameter.of:
                assert parameter.of in names

    def test_its_defaults_and_examples_are_fine_by_themselves(self, name):
        recipe = recipes.get(name)
        assert recipe.problems(recipe.defaults) == {}
        for parameter in recipe.parameters:
            for value in (parameter.default, *parameter.examples):
                assert parameter.check(value) == ""


def test_names_may_be_typed_with_dashes_and_spaces():
    assert recipes.get("Early-Stopping") is recipes.get("early stopping") is recipes.get("early_stopping")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(Refusal, match=r"received 'early_stoping': did you mean early_stopping"):
        recipes.get("early_stoping")


def test_a_parameter_that_is_not_there_is_refused():
    with pytest.raises(Refusal, match=r"early_stopping: expected model, .*; received 'patients'"):
        recipes.get("early_stopping").code(patients=3)


def test_a_value_that_cannot_be_is_refused():
    with pytest.raises(Refusal, match="early_stopping: patience: expected 0 to 10,000, received -1"):
        recipes.get("early_stopping").code(patience=-1)


def test_a_line_of_keras_on_which_it_does_not_work_is_refused_with_the_reason():
    recipe = recipes.get("tuning")
    with pytest.raises(Refusal, match=re.escape(recipe.refused)):
        recipe.code(line="tf_keras")


def test_all_parameters_say_what_is_wrong():
    for recipe in recipes.all():
        assert isinstance(recipe, Recipe)
        for parameter in recipe.parameters:
            assert type(parameter).check is not Parameter.check
