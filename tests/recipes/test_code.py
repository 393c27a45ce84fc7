"""Every recipe's code does what it promises: by default, in a pairwise grid, with one's own data."""

from __future__ import annotations

import ast
import subprocess

import pytest
from ruff.__main__ import find_ruff_bin

from nbkeras import recipes
from nbkeras.recipes.picks import Pick
from tests.recipes.cases import cases_of

OF_A_MODEL = ("layer", "metric", "device")
CASES = [case for name in recipes.names() for case in cases_of(name)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_promise_is_kept(case, run_case):
    error = run_case(case)
    assert error is None, error


def _codes(name, *, magics=False):
    # Unchecked: the files that some cases name are made where their code runs.
    recipe = recipes.get(name)
    pairs = [({}, line) for line in recipe.lines]
    pairs += [(case.values, case.line) for case in cases_of(name)]
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
    for code in _codes(name):
        assert "nbkeras" not in code


@pytest.mark.parametrize("name", recipes.names())
def test_what_was_picked_keeps_its_name(name):
    """A second run of the code works on what was picked, and not on what the first run made of it."""
    recipe = recipes.get(name)
    variables = [p for p in recipe.parameters if isinstance(p, Pick) and p.kind not in OF_A_MODEL]
    for case in cases_of(name):
        picked = {case.values.get(parameter.name) for parameter in variables} - {None, ""}
        tree = ast.parse(recipe._written({**recipe.defaults, **case.values}, case.line, magics=False))
        bound = set(_bound_outside_functions(tree))
        assert not picked & bound


def _bound_outside_functions(node):
    own = (
        ast.FunctionDef,
        ast.ClassDef,
        ast.Lambda,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
        ast.GeneratorExp,
    )
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        if not isinstance(child, own):
            yield from _bound_outside_functions(child)
