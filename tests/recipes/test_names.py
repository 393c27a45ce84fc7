"""The code's own names step aside for those of the notebook."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess

import pytest
from ruff.__main__ import find_ruff_bin

from nbkeras import recipes
from nbkeras.recipes.own_names import apart, bound, without_magics
from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick

SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp)
SCOPES = (*SCOPES, ast.GeneratorExp)


def assigned(node):
    """Yield what code binds outside functions and classes; found in another way than the recipes do."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            yield child.id
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.split(".")[0]
        elif isinstance(getattr(child, "name", None), str):
            yield child.name
        if not isinstance(child, SCOPES):
            yield from assigned(child)


def variants(recipe):
    """Yield values with all variables picked, with some left out, and with each option."""
    picks = [each.name for each in recipe.parameters if isinstance(each, Pick) and each.is_variable]
    options = [
        (each.name, value)
        for each in recipe.parameters
        if isinstance(each, (Choice, Switch))
        for value in ([value for value, _ in each.options] if isinstance(each, Choice) else [True, False])
    ]
    for without in ((), ("y",), ("validation",), ("y", "validation")):
        chosen = {name: f"my_{name}" for name in picks if name not in without}
        for name, value in [("", None), *options]:
            values = {**recipe.defaults, **chosen, **({name: value} if name else {})}
            if chosen and not recipe.problems(values):
                yield chosen, values


@pytest.mark.parametrize("name", recipes.names())
@pytest.mark.parametrize("magics", [False, True])
def test_no_variable_that_was_picked_is_given_anew(name, magics):
    recipe = recipes.get(name)
    tried = set()
    for chosen, values in variants(recipe):
        code = recipe._text(values, recipe.lines[0], magics=magics)
        if code in tried:
            continue
        tried.add(code)
        names = set(assigned(parsed(code)))
        assert not names & set(chosen.values())
        for pick, other in itertools.product(chosen, names):
            again = recipe._text({**values, pick: other}, recipe.lines[0], magics=magics)
            assert other not in set(assigned(parsed(again))), f"{pick}={other}\n{again}"


@pytest.mark.parametrize("name", recipes.names())
def test_no_variable_that_is_taken_is_given_anew(name):
    recipe = recipes.get(name)
    for line in recipe.lines:
        text = recipe._text(recipe.defaults, line, magics=False)
        again = recipe._text(recipe.defaults, line, magics=False, taken=bound(text))
        assert bound(text)
        assert not set(bound(text)) & set(assigned(parsed(again)))
        # One name for another, and nothing else.
        assert len(bound(again)) == len(bound(text))
        assert recipe._text(recipe.defaults, line, magics=False, taken=bound(text)) == again


@pytest.mark.parametrize("name", recipes.names())
def test_what_the_code_uses_it_imports_and_what_it_imports_it_uses(name, tmp_path):
    recipe = recipes.get(name)
    texts = {
        recipe._text(values, line, magics=magics)
        for line in recipe.lines
        for _, values in [({}, recipe.defaults), *variants(recipe)]
        for magics in (False, True)
    }
    for number, text in enumerate(sorted(texts)):
        (tmp_path / f"{number}.py").write_text(without_magics(text))
    rules = ["--isolated", "--quiet", "--target-version=py310", "--select=F821,F401"]
    command = [find_ruff_bin(), "check", *rules, "--output-format=json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {(each["code"], each["message"]) for each in json.loads(done.stdout)}
    # The notebook's own, and the hyperparameters that %%tune gives its cell.
    theirs = [f"Undefined name `my_{each.name}`" for each in recipe.parameters] + ["Undefined name `hp`"]
    assert {each for each in found if each[1] not in theirs} == set()


def parsed(code):
    return ast.parse("".join(line for line in code.splitlines(keepends=True) if not line.startswith("%")))


CODE = """%%fit --epochs 2
import math
import os.path as path
from math import pi as number  # x stays x here

x, text = 2, "x {x}"
y = [x for x in range(x)]


class Held:
    x = 5

    def read(self, y=x):
        return (x, self.x, y)


def doubled(x, *, times=x):
    def inner():
        return x * times

    return inner()


def outer():
    return f"{{x}} {x:03} {Held.x} …" + str(x)  # …


try:
    raise KeyError(x)
except KeyError as error:
    caught = error.args
with open(path.devnull) as file:
    for row in range(x):
        total = (lambda x, z=x: x + z)(row)
found = [x, y, Held().read(), doubled(3), outer(), caught, row, total, text, math.floor(number)]
"""


def test_other_names_mean_the_same():
    import sys

    names = bound(CODE)
    assert set(names) == set(assigned(parsed(CODE)))
    plain, other = {}, dict.fromkeys(names, "mine")
    exec(CODE.partition("\n")[2], plain)  # noqa: S102
    again = apart(CODE, names)
    assert again.startswith("%%fit --epochs 2\n")
    exec(again.partition("\n")[2], other)  # noqa: S102
    assert {name: other[name] for name in names} == dict.fromkeys(names, "mine")
    assert other["found_2"] == plain["found"]
    assert "# x stays x here" in again
    assert sys.modules["math"] is other["math_2"]


def test_what_is_called_after_a_variable_is_told_from_one_of_that_name():
    code = recipes.get("validation_split").code(model="net", x="x", y="x_train")
    assert "np.asarray(x_train)" in code
    assert "x_train" not in bound(code)


def test_a_number_that_is_in_use_is_passed_over():
    assert apart("x = x_1 = 1\nx_2 = lambda x_3: x_3 + x\n", ["x"]).startswith("x_4 = ")
    assert apart("x_2 = 1\n", ["x_2", "x_3"]) == "x_4 = 1\n"
