"""Makes code from a template."""

from __future__ import annotations

import ast
import functools
import os
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nbkeras.recipes.formatting import formatted

if TYPE_CHECKING:
    from collections.abc import Mapping

CATALOGUE = Path(__file__).parent / "catalogue"


def rendered(template: Path, values: Mapping[str, Any]) -> str:
    """Return a template's code for these values.

    Templates write a value as Python has it with ``{{ value|py }}``, a path with ``{{ path|place }}``, a
    value on a magic line with ``{{ value|word }}``, and Python that stands in a text inside
    ``{% filter script %}``; ``parts/`` holds what several share.
    """
    return _environment().get_template(template.relative_to(CATALOGUE).as_posix()).render(**values)


def names_in(code: str) -> set[str]:
    """Return the names that code binds, imports or asks for."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


@functools.lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - it writes Python, not HTML
        loader=FileSystemLoader(CATALOGUE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["py"] = repr
    environment.filters["dedent"] = textwrap.dedent
    environment.filters["script"] = formatted
    environment.filters["word"] = shlex.quote
    # Keras takes ~ for a folder of that name. Not by pathlib: "./a" has to stay "./a".
    environment.filters["home"] = os.path.expanduser
    environment.filters["place"] = lambda path: repr(os.path.expanduser(path))  # noqa: PTH111
    return environment
