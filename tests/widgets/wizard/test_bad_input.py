"""Whatever is entered at any field of any wizard: a message at the field or code, no error, nothing run."""

from __future__ import annotations

import ast
import html
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipywidgets import Dropdown, SelectMultiple, Text

from nbkeras import recipes
from nbkeras.widgets.wizard import running, shown
from nbkeras.widgets.wizard.wizard import Wizard
from tests.recipes.awkward import namespace

TYPED = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "-1",
            "1e999",
            "nan",
            "'",
            '"',
            "\\",
            "{{",
            "{% if %}",
            "\n",
            "x'y",
            'a"b',
            "<b>",
            "../",
        ]
    ),
    st.sampled_from(
        ["~nobody/x", "\x00", "9" * 5000, "/proc/self/mem", "x" * 5000, "None", "import os", "lambda"]
    ),
)


@pytest.fixture
def ran(monkeypatch):
    """What a shell was given to run."""
    found = []
    shell = SimpleNamespace(run_cell=lambda code, **_: found.append(code) or SimpleNamespace(success=True))
    monkeypatch.setattr(running, "get_ipython", lambda: shell)
    # The runs of later tests are nobody's to show.
    monkeypatch.setattr(running, "install", lambda: None)
    return found


def entered(data, control):
    """Do something with a field's control that a user could do."""
    if isinstance(control, Text):
        return data.draw(TYPED)
    if isinstance(control, Dropdown):
        return data.draw(st.sampled_from([value for _, value in control.options]))
    if isinstance(control, SelectMultiple):
        return tuple(
            data.draw(st.lists(st.sampled_from([value for _, value in control.options]), unique=True))
        )
    return data.draw(st.booleans())


@pytest.fixture(scope="module")
def things():
    """A notebook whose drop-downs offer what a recipe may stumble over."""
    return namespace()


@pytest.mark.parametrize("name", recipes.names())
@settings(
    max_examples=30, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_a_message_at_the_field_or_code(name, ran, things, data):
    recipe = recipes.get(name)
    wizard = Wizard(recipe, things if data.draw(st.booleans()) else {})
    wizard.entries.magics = bool(recipe.magic) and data.draw(st.booleans())
    wizard.refresh()
    shown._wizards[wizard.id] = wizard
    try:
        for _ in range(data.draw(st.integers(1, 3))):
            if not wizard.fields:
                break
            field = data.draw(st.sampled_from(wizard.fields))
            before = wizard.entries.code
            field.control.value = entered(data, field.control)
            check(recipe, wizard, before)
        ran.clear()
        running.run(wizard.id, wizard.panel.edition)
        can_run = not wizard.entries.problems and not wizard.panel.blocked
        assert ran == ([wizard.panel.code] if can_run else [])
    finally:
        shown.remove(wizard)


def check(recipe, wizard, before):
    problems = wizard.entries.problems
    messages = {each._parameter.name: each._message.value for each in wizard.fields}
    for parameter in recipe.parameters:
        said = messages[parameter.name]
        assert said == html.escape(problems.get(parameter.name, ""))
        assert "\n" not in said
        wrong = parameter.check(wizard.entries.values[parameter.name])
        if wrong and wizard.entries.counts(parameter):
            assert said == html.escape(wrong)
    assert [name for name, *_ in wizard.panel.problems] == list(problems)
    if problems:
        assert wizard.panel.code == before
    else:
        body = "".join(x for x in wizard.panel.code.splitlines(keepends=True) if not x.startswith("%"))
        ast.parse(body)
