"""Whatever is entered at any field of any wizard: a message at the field or code, no error, nothing run."""

from __future__ import annotations

import ast
import html
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipywidgets import Dropdown, SelectMultiple, Text

from nbkeras import recipes
from nbkeras.recipes.picks import Pick
from nbkeras.widgets.wizard import running, shown
from nbkeras.widgets.wizard.wizard import Wizard
from tests.recipes import wrong
from tests.recipes.awkward import namespace

TYPED = st.one_of(
    st.text(max_size=30), st.integers().map(str), st.floats().map(str), st.sampled_from(wrong.ODD)
)
# A value that is fine by itself may ask another field for another one.
TOGETHER = {
    ("data_parallel", "devices"): "batch_size",
    ("device_parallel", "first"): "second",
    ("device_parallel", "second"): "first",
    ("tuning", "rate_low"): "rate_high",
}


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


@pytest.fixture
def form(request, ran):
    """Open a recipe's wizard in an empty notebook."""
    wizard = Wizard(recipes.get(request.param), {})
    shown._wizards[wizard.id] = wizard
    yield wizard
    shown.remove(wizard)


every_form = pytest.mark.parametrize("form", recipes.names(), indirect=True)


@every_form
def test_what_is_wrong_at_a_field_is_said_there_and_nothing_runs(form, ran):
    for field in typed(form):
        with alone(form, field) as parameter:
            for text in wrong.texts(parameter):
                field.control.value = text
                assert [name for name, *_ in form.panel.problems] == [parameter.name], repr(text)
                assert field._message.value, repr(text)
                running.run(form.id, form.panel.edition)
                assert (ran, form.panel.status) == ([], "changed")


@every_form
def test_whatever_is_typed_at_a_field_is_told_there_or_is_code(form, ran):
    for field in typed(form):
        with alone(form, field) as parameter:
            for text in wrong.ODD:
                odd(form, field, parameter, text, ran)


@every_form
@settings(
    max_examples=5, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_whatever_is_drawn_for_a_field_is_told_there_or_is_code(form, ran, data):
    for field in typed(form):
        with alone(form, field) as parameter:
            odd(form, field, parameter, data.draw(TYPED), ran)


@every_form
def test_what_has_gone_from_the_notebook_is_told_at_its_field_and_nothing_runs(form, ran):
    for field in form.fields:
        if not isinstance(field._parameter, Pick):
            continue
        with alone(form, field) as parameter:
            gone = ("gone",) if parameter.many else "gone"
            # It was chosen while the notebook had it.
            form.entries.values[parameter.name] = gone
            form.refresh()
            assert field.control.value == gone
            # The layers and metrics of a model go with it.
            its_own = [
                each.name for each in form.recipe.parameters if getattr(each, "of", "") == parameter.name
            ]
            assert [name for name, *_ in form.panel.problems] == [parameter.name, *its_own]
            assert field._message.value
            running.run(form.id, form.panel.edition)
            assert (ran, form.panel.status) == ([], "changed")


def typed(form):
    """Return the fields that one types into."""
    return [field for field in form.fields if isinstance(field.control, Text)]


@contextmanager
def alone(form, field):
    """Let a field count, the others being what they were; all is as it was afterwards."""
    parameter, before = field._parameter, field.control.value
    others = {each._parameter.name: each.control for each in form.fields}
    asked, options = parameter.when or (parameter.name, (before,))
    asked_before = others[asked].value
    others[asked].value = options[0]
    try:
        yield parameter
    finally:
        field.control.value = before
        others[asked].value = asked_before


def odd(form, field, parameter, text, ran):
    """Type a text at a field and press Run."""
    recipe, before = form.recipe, form.panel.code
    field.control.value = text
    check(recipe, form, before)
    expected = {parameter.name, TOGETHER.get((recipe.name, parameter.name), parameter.name)}
    assert set(form.entries.problems) <= expected, repr(text)
    visible = [each._parameter.name for each in form.fields if each.box.layout.display != "none"]
    assert set(form.entries.problems) <= set(visible)
    running.run(form.id, form.panel.edition)
    assert ran == ([] if form.entries.problems or form.panel.blocked else [form.panel.code])
    ran.clear()


@pytest.mark.parametrize("name", recipes.names())
@settings(
    max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
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
