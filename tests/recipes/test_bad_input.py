"""Whatever is given to a recipe's parameters, the answer is a line for one of them, or code."""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook
from nbkeras.recipes.picks import Pick
from nbkeras.runtime.keras_lines import active_line
from tests.recipes import wrong
from tests.recipes.awkward import namespace, run
from tests.recipes.cases import PAIRWISE

ANYTHING = st.one_of(
    st.text(max_size=30),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.tuples(),
    st.tuples(st.text(max_size=8)),
    st.lists(st.integers(), max_size=2),
    st.sampled_from(wrong.ODD),
)
EVERY = [(recipe.name, parameter) for recipe in recipes.all() for parameter in recipe.parameters]
every_parameter = pytest.mark.parametrize(
    ("name", "parameter"), EVERY, ids=[f"{name}-{each.name}" for name, each in EVERY]
)


def with_it(recipe, parameter, value):
    """Return a recipe's values with another one for a parameter that counts among them."""
    asked = {parameter.when[0]: parameter.when[1][0]} if parameter.when else {}
    return {**recipe.defaults, **asked, parameter.name: value}


@every_parameter
def test_what_is_wrong_is_told_of_that_parameter(name, parameter):
    recipe = recipes.get(name)
    for value in wrong.values(parameter):
        values = with_it(recipe, parameter, value)
        for notebook in (Notebook({}), None):
            # Which names there are is known to a notebook alone.
            if notebook is None and isinstance(parameter, Pick) and "no such" in (value, *_inside(value)):
                continue
            problems = recipe.problems(values, notebook)
            # The layers and metrics of a model go with it.
            its_own = {each.name for each in recipe.parameters if getattr(each, "of", "") == parameter.name}
            assert {parameter.name} == set(problems) - its_own, repr(value)
            assert "\n" not in problems[parameter.name]


def _inside(value):
    return value if isinstance(value, tuple) else ()


@every_parameter
@settings(
    max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(typed=ANYTHING)
def test_a_line_or_code(name, parameter, typed):
    recipe = recipes.get(name)
    values = with_it(recipe, parameter, parameter.read(typed) if isinstance(typed, str) else typed)
    for notebook in (None, Notebook({})):
        problems = recipe.problems(values, notebook)
        assert set(problems) <= set(values)
        assert all(isinstance(line, str) and line and "\n" not in line for line in problems.values())
    if not recipe.problems(values):
        parsed(recipe.code(line=recipe.lines[0], **values))


def parsed(code):
    ast.parse("".join(line for line in code.splitlines(keepends=True) if not line.startswith("%")))


# They train a model of the notebook, in seconds and within the process.
TRAINING = [
    recipe.name
    for recipe in recipes.all()
    if any(each.name == "model" for each in recipe.parameters)
    and recipe.name not in {"big_data", "multi_worker", "parameter_servers", "tpu"}
]
SHORT = {"epochs": 1, "fine_epochs": 1, "samples": 2, "determinism": False, "interrupt": False}
PAIRS = [("inputs", "kinds"), ("tensor", "tensor_kinds"), ("whole", "kinds"), ("batches", "")]
RUNS = 12 if PAIRWISE else 1
# One run takes a second or two: `make grid` asks for those of all recipes.
RUN = TRAINING if PAIRWISE else ["batch_norm", "custom_loop", "mixed_precision", "validation_split"]


@pytest.fixture(scope="module")
def things():
    return namespace()


def picked(data, recipe, notebook):
    """Draw from what each drop-down offers, whether or not it goes together."""
    values = {**recipe.defaults, **{name: SHORT[name] for name in SHORT if name in recipe.defaults}}
    for parameter in recipe.parameters:
        if isinstance(parameter, Pick):
            offered = parameter.choices(notebook, values)
            if offered and data.draw(st.integers(0, 5)):
                choice = data.draw(st.sampled_from(offered))
                values[parameter.name] = (choice,) if parameter.many else choice
        elif parameter.examples and parameter.name not in SHORT and data.draw(st.booleans()):
            values[parameter.name] = data.draw(st.sampled_from(parameter.examples))
    if {"x", "y"} <= set(values) and data.draw(st.booleans()):
        values["x"], values["y"] = data.draw(st.sampled_from(PAIRS))
        if "validation" in values:
            values["validation"] = "" if values["y"] else values["x"]
    return values


@pytest.mark.parametrize("name", TRAINING)
def test_awkward_things_are_refused_or_run(name, things):
    recipe, notebook, ran = recipes.get(name), Notebook(things), []

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(data=st.data())
    def tried(data):
        values = picked(data, recipe, notebook)
        found = recipe.problems(values, notebook)
        assert set(found) <= set(values)
        assert all(line and "\n" not in line for line in found.values())
        if found or len(ran) >= RUNS or values in ran:
            return
        for magics in (False, True):
            parsed(recipe.code(line=active_line(), magics=magics, notebook=notebook, **values))
        # What a subclass makes of an axis too few is known to its author alone.
        knowable = notebook.shape(values["model"]) or values.get("x") != "flat"
        if name in RUN and values["model"] and knowable:
            ran.append(values)
            # Models are trained and changed: so each run has its own.
            code = recipe.code(line=active_line(), notebook=notebook, **values)
            run(code, namespace())

    tried()
    assert ran or name not in RUN
