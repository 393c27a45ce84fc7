"""Wizards where there are no forms."""

from __future__ import annotations

import pytest

import nbkeras
from nbkeras import recipes
from nbkeras.widgets.wizard import showing


def test_a_terminal_gets_question_and_code(capsys):
    nbkeras.wizard("early-stopping")
    said = capsys.readouterr().out
    recipe = recipes.get("early_stopping")
    assert said == f"{recipe.question}\n\n{recipe.code()}"


def test_a_terminal_gets_the_list(capsys):
    showing.gallery()
    said = capsys.readouterr().out
    assert all(f"%wizard {name}  " in said for name in recipes.names())


def test_a_name_that_is_none():
    with pytest.raises(nbkeras.Refusal, match="did you mean early_stopping"):
        nbkeras.wizard("earlystop")


def test_code_of_a_form_that_was_not_shown():
    assert showing.code_of("early stopping") == recipes.get("early_stopping").code()
