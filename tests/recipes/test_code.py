"""Every recipe's code does what it promises: by default, in a pairwise grid, with one's own data."""

from __future__ import annotations

import ast
import subprocess

import pytest
from ruff.__main__ import find_ruff_bin

from nbkeras import recipes
from tests.recipes.cases import cases_of

CASES = [case for name in recipes.names() for case in cases_of(name)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_promise_is_kept(case, run_case):
    error = run_case(case)
    assert error is None, error


def _codes(name, *, magics=False):
    # Unchecked: the files that some cases name are made where their code runs.
    recipe = recipes.get(name)
    pairs = [({}, line) for line in recipe.lines]
    # What follows from the layers of a notebook's own model is not written without it.
    cases = [case for case in cases_of(name) if recipe.by_switch or not case.setup]
    pairs += [(case.values, case.line) for case in cases]
    for values, line in pairs:
        complete = {**recipe.defaults, **values}
        yield recipe._written(complete, line, magics=False)
        if magics and recipe.magic:
            yield recipe._written(complete, line, magics=True)


@pytest.mark.parametrize("name", recipes.names())
def test_the_code_is_as_ruff_would_have_it(name):
    for code in dict.fromkeys(_codes(name, magics=True)):
        body = "".join(line for line in code.splitlines(keepends=True) if not line.startswith("%"))
        ast.parse(body)
        rules = "--select=E,F,I,W,B,UP,SIM,NPY,RET --ignore=E501,F821,B018"
        command = [
            find_ruff_bin(),
            "check",
            "--isolated",
            "--quiet",
            "--target-version=py310",
            *rules.split(),
            "-",
        ]
        done = subprocess.run(command, input=body, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{code}\n{done.stdout}"


@pytest.mark.parametrize("name", recipes.names())
def test_plain_code_knows_nothing_of_nbkeras(name):
    # Where no switch asks for nbkeras, a choice does.
    asks = "" if recipes.get(name).by_switch else "nbkeras.fine_tune("
    for code in _codes(name):
        assert "nbkeras" not in code or (asks and asks in code)
