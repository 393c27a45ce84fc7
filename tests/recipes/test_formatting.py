"""Code comes out as ruff would write it, and so do the files that it writes."""

from __future__ import annotations

import ast

import pytest

from nbkeras import recipes
from nbkeras.recipes.formatting import formatted


def test_gaps_are_closed_in_the_code_and_left_in_its_texts():
    code = 'a = 1\n\n\n\nb = """\n\n\n\n"""\n'
    assert formatted(code) == 'a = 1\n\nb = """\n\n\n\n"""\n'


@pytest.mark.parametrize("name", ["multi_worker", "parameter_servers"])
@pytest.mark.parametrize("launcher", ["local", "ssh", "slurm"])
def test_files_that_the_code_writes_are_formatted(name, launcher):
    recipe = recipes.get(name)
    values = {"launcher": launcher, **({"hosts": "a, b, c"} if launcher == "ssh" else {})}
    tree = ast.parse(recipe.code(line=recipe.lines[0], **values))
    written = [
        (ast.unparse(call.func), call.args[0].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith(".py').write_text")
        and isinstance(call.args[0], ast.Constant)
    ]
    assert written
    for place, text in written:
        assert formatted(text) == text, place
