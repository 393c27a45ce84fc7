"""Writes the plain Keras code of a step: what ``--code`` prints, and what the magic itself does."""

from __future__ import annotations

import ast
import io
from typing import TYPE_CHECKING

from nbkeras.training.code_edits import without_magics
from nbkeras.training.custom_step.making import UNPACK

if TYPE_CHECKING:
    from nbkeras.training.custom_step.body import Body

_INDENT = " " * 8


def step_code(body: Body, *, model: str, name: str) -> str:
    """Return a subclass with this step, and the two lines that give it to the model.

    Args:
        body: the body of the step.
        model: the name of the model's variable.
        name: the name of the class.
    """
    imports = ["import tensorflow as tf"] if "tf" in body.free_names else []
    imports.append("from tensorflow import keras")
    unpack = f"{_INDENT}{UNPACK}\n" if body.unpacks else ""
    return (
        "\n".join(imports)
        + "\n\n\n@keras.utils.register_keras_serializable()\n"
        + f"class {name}(type({model})):\n"
        + f"    def {body.method}(self, data):\n"
        + unpack
        + indented(body.text.strip("\n"))
        + "\n\n\n# The same model with this step: its weights, optimizer and compile settings stay.\n"
        + f"{model}.__class__ = {name}\n"
        + f"{model}.make_{body.kind}_function(force=True)\n"
    )


def indented(text: str) -> str:
    """Return source as the body of a method; the lines inside a text of several lines stay as they are."""
    inside = {
        line
        for node in ast.walk(ast.parse(without_magics(text)))
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno is not None
        for line in range(node.lineno + 1, node.end_lineno + 1)
    }
    lines = list(io.StringIO(text, newline=""))
    parts = [
        line if number in inside or not line.strip() else _INDENT + line
        for number, line in enumerate(lines, start=1)
    ]
    return "".join(parts)
