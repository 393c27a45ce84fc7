"""What the cases of the recipes reach: each choice of each list, both ways of each switch, other numbers."""

from __future__ import annotations

import pytest

from nbkeras import recipes
from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick
from tests.recipes.cases import every_case

# What no case has, with the reason.
ELSEWHERE = {
    ("tpu", "without", "stop"): "ends in an error without a TPU: each case's promise runs it and expects so",
}


@pytest.mark.parametrize("name", recipes.names())
def test_each_choice_and_each_switch_is_in_a_case_on_each_line(name):
    recipe = recipes.get(name)
    for line in recipe.lines:
        for parameter in recipe.parameters:
            if isinstance(parameter, (Choice, Switch)):
                options = getattr(parameter, "options", ((True, ""), (False, "")))
                missing = [value for value, _ in options if value not in tried(recipe, parameter, line)]
                expected = [value for *where, value in ELSEWHERE if where == [name, parameter.name]]
                assert missing == expected, (line, parameter.name)


@pytest.mark.parametrize("name", recipes.names())
def test_whatever_is_typed_is_in_a_case_beside_its_default(name):
    recipe = recipes.get(name)
    for parameter in recipe.parameters:
        if not isinstance(parameter, (Choice, Switch, Pick)):
            others = [
                value for value in tried(recipe, parameter, recipe.lines[0]) if value != parameter.default
            ]
            assert others, parameter.name


def tried(recipe, parameter, line):
    """Return the values of a parameter in the cases in which it counts."""
    sets = [{**recipe.defaults, **case.values} for case in every_case(recipe.name) if case.line == line]
    return [values[parameter.name] for values in sets if recipe.counts(parameter, values)]
