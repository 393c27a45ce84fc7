"""The FAQ in a notebook: the list of questions, and one question with its answer and code."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.recipe import NOTEBOOK
from nbkeras.runtime.keras_lines import LINES, active_line
from nbkeras.widgets.code_html import highlighted
from nbkeras.widgets.picture.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.recipes import Recipe
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.widgets.picture.page import Bundle

LINE_NAMES: dict[Line, str] = {"keras": "Keras 3", "tf_keras": "tf_keras"}


def faq_list_bundle(found: Sequence[Recipe], words: str = "", *, complete: bool = True) -> Bundle:
    """Return a list of questions with what to type for each: grouped for all, ranked for a search.

    Example:
        >>> import nbkeras
        >>> sorted(faq_list_bundle(nbkeras.recipes.search("early"), "early"))
        ['text/html', 'text/plain']

    Args:
        found: the recipes, in the order in which they are to stand.
        words: what was searched for.
        complete: whether the first of them has all the words. Default True.
    """
    if words:
        groups: list[tuple[str, list[Recipe]]] = [("", list(found))]
        some = f"{len(found)} of the Keras FAQ's questions on “{words}”"
        title = some if complete else f"No question has all of “{words}”; the nearest:"
        title = title if found else _nothing(words)
    else:
        groups = [(name, list(each)) for name, each in groupby(found, key=lambda recipe: recipe.section)]
        title = "The Keras FAQ"
    # In a search, what helps to choose: how the answer begins.
    answers = {recipe.name: beginning(recipe.answer) for recipe in found} if words else {}
    html = render("faq_list.html", title=title, groups=groups, answers=answers)
    width = max((len(recipe.name) for recipe in found), default=0)
    lines = [title]
    for name, recipes in groups:
        lines += ["", name] if name else []
        for recipe in recipes:
            lines.append(f"  %faq {recipe.name:<{width}}  {recipe.question}")
            lines += [f"       {'':<{width}}  {answers[recipe.name]}"] if answers else []
    return {"text/html": html, "text/plain": "\n".join(lines)}


def faq_entry_bundle(recipe: Recipe) -> Bundle:
    """Return one question: its answer, what changed, what goes wrong silently, code, and where to go on.

    Example:
        >>> import nbkeras
        >>> "patience" in faq_entry_bundle(nbkeras.recipes.get("early_stopping"))["text/plain"]
        True

    Args:
        recipe: the recipe; its code is that of its defaults, for the Keras line of this process.
    """
    line = active_line()
    code = recipe.code(line=line) if line in recipe.lines else ""
    remarks = [
        ("What changed", recipe.changed),
        ("Goes wrong silently", recipe.silent),
        ("Keras", support(recipe)),
    ]
    told = [(name, text) for name, text in remarks if text]
    values: dict[str, Any] = {"recipe": recipe, "remarks": told, "code": highlighted(code) if code else ""}
    lines = [recipe.question, "", recipe.answer]
    lines += [f"{name}: {text}" for name, text in told]
    lines += ["", code.rstrip() or f"Not with {LINE_NAMES[line]}: {recipe.refused}", ""]
    lines += [f"{what}: {command}" for what, command in commands(recipe)]
    lines.append(f"Notebook: {NOTEBOOK}, {recipe.page}")
    lines += [f"{title}: {address}" for title, address in recipe.links]
    html = render("faq_entry.html", commands=commands(recipe), notebook=NOTEBOOK, **values)
    return {"text/html": html, "text/plain": "\n".join(lines)}


def support(recipe: Recipe) -> str:
    """Say on which Keras lines a recipe works, and what to do on the other one."""
    named = " and ".join(LINE_NAMES[line] for line in LINES if line in recipe.lines)
    missing = next((LINE_NAMES[line] for line in LINES if line not in recipe.lines), "")
    return f"{named}. Not with {missing}: {recipe.refused}" if missing else named


def commands(recipe: Recipe) -> list[tuple[str, str]]:
    """Return what to type to go on: what it gives, and the command."""
    found = [("Form", f"%wizard {recipe.name}"), ("Code alone", f"%faq {recipe.name} --code")]
    if recipe.magic:
        found.append(("Magic", recipe.magic))
    return found


def beginning(answer: str) -> str:
    """Return the first sentence of an answer.

    Example:
        >>> beginning("With hp.Choice(…). Then search.")
        'With hp.Choice(…).'
    """
    return re.split(r"(?<=\.)\s+", answer, maxsplit=1)[0]


def _nothing(words: str) -> str:
    return f"No question of the Keras FAQ on “{words}”: %faq lists them all"
