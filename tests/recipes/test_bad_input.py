"""Whatever is given to a recipe's parameters, the answer is a line for one of them, or code."""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook

ANYTHING = st.one_of(
    st.text(max_size=30),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.tuples(),
    st.tuples(st.text(max_size=8)),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(
        ["'", '"', "\\", "{{", "%}", "\n", "x'y", 'a"b', "…/../", "~nobody/x", "\x00", "9" * 400]
    ),
)


@pytest.mark.parametrize("name", recipes.names())
@settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(data=st.data())
def test_a_line_or_code(name, data):
    recipe = recipes.get(name)
    if not recipe.parameters:
        return
    parameter = data.draw(st.sampled_from(recipe.parameters))
    typed = data.draw(ANYTHING)
    values = {**recipe.defaults, parameter.name: parameter.read(typed) if isinstance(typed, str) else typed}
    for notebook in (None, Notebook({})):
        problems = recipe.problems(values, notebook)
        assert set(problems) <= set(values)
        assert all(isinstance(line, str) and line and "\n" not in line for line in problems.values())
    if not recipe.problems(values):
        body = recipe.code(line=recipe.lines[0], **values)
        ast.parse("".join(line for line in body.splitlines(keepends=True) if not line.startswith("%")))
