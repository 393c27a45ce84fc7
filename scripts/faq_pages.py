"""Write what is made from the recipes: docs/faq.md, and notebooks/faq.ipynb with all the wizards."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from nbkeras import recipes
from nbkeras.recipes.recipe import NOTEBOOK as NOTEBOOK_PATH
from nbkeras.widgets.faq import LINE_NAMES

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "faq.md"
NOTEBOOK = ROOT / "notebooks" / "faq.ipynb"

INTRODUCTION = """\
# The Keras FAQ with nbkeras

Every question of the Keras FAQ, with what to type for it. `%faq NAME` shows the answer for today's Keras
and code that runs, `%wizard NAME` a form that writes the code for your own model and data,
`%faq NAME --code` the code alone. All of them stand in [notebooks/faq.ipynb](../notebooks/faq.ipynb).
This page is made from the recipes by `python -m scripts.faq_pages`.
"""
ABOUT_THE_NOTEBOOK = """\
# The Keras FAQ, question by question

Each question of the Keras FAQ has an answer for today's Keras and a form, the wizard, that writes plain
Keras code for it. Fill in the form and press *Run*, *Copy* or *Insert below*. What *Run* does is exactly the
code that is shown. Without a model and data of your own, the code makes small ones: nothing here needs a
download.
"""
SEARCHING = """\
## Find a question

`%faq` lists all questions. With words it searches, typos forgiven.
"""
GALLERY = """\
## The gallery

`%wizard` alone shows all forms, in the order of the FAQ. They follow below, one by one.
"""


def table() -> str:
    """Return docs/faq.md."""
    lines = [INTRODUCTION]
    for section, found in groupby(recipes.all(), key=lambda recipe: recipe.section):
        lines += [
            f"## {section}",
            "",
            f"| question | answer | wizard | magic | notebook | {' | '.join(LINE_NAMES.values())} |",
        ]
        lines += ["|---|---|---|---|---|---|---|"]
        for recipe in found:
            marks = " | ".join("yes" if line in recipe.lines else "no" for line in LINE_NAMES)
            magic = f"`{recipe.magic}`" if recipe.magic else ""
            cells = f"{recipe.question} | `%faq {recipe.name}` | `%wizard {recipe.name}` | {magic}"
            page = f"[{recipe.topic}](../{NOTEBOOK_PATH}{recipe.anchor})"
            lines.append(f"| {cells} | {page} | {marks} |")
        lines.append("")
    for recipe in recipes.all():
        if recipe.refused:
            missing = next(name for line, name in LINE_NAMES.items() if line not in recipe.lines)
            lines.append(f"`{recipe.name}` does not work with {missing}: {recipe.refused}")
    return "\n".join(lines).rstrip() + "\n"


def notebook() -> dict[str, Any]:
    """Return notebooks/faq.ipynb."""
    cells = [
        _text("title", ABOUT_THE_NOTEBOOK),
        _code("load", "%load_ext nbkeras"),
        _text("search-text", SEARCHING),
        _code("all", "%faq"),
        _code("search", "%faq erly stoping"),
        _code("entry", "%faq early_stopping"),
        _text("gallery-text", GALLERY),
        _code("gallery", "%wizard"),
    ]
    for section, found in groupby(recipes.all(), key=lambda recipe: recipe.section):
        cells.append(_text(f"section-{section.lower()}", f"## {section}"))
        for recipe in found:
            cells.append(_text(f"text-{recipe.name}", f"### {recipe.question}\n\n{recipe.answer}"))
            cells.append(_code(f"wizard-{recipe.name}", f"%wizard {recipe.name}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _text(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _lines(source)}


def _code(name: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": []}
    return {**cell, "source": _lines(source)}


def _lines(source: str) -> list[str]:
    return source.rstrip("\n").splitlines(keepends=True)


def written() -> dict[Path, str]:
    """Return both pages: path -> text."""
    return {TABLE: table(), NOTEBOOK: json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n"}


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
