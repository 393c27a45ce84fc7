"""``%faq``: the Keras FAQ, searched and answered for today's Keras."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.recipes import Recipe

FAQ = Grammar(
    magic="%faq",
    summary="Find a question of the Keras FAQ and its answer for today's Keras.",
    details="""
        With the name of one, it shows the answer, what changed since older versions, what goes wrong without
        a word, and code that runs; with any other words, the questions that they fit, typos forgiven.
        """,
    examples="""
        %faq
        %faq early_stopping
        %faq frozen batch norm
        %faq early_stopping --code
        """,
    options=(
        Option("WORDS", "The name of a question, or words to search for.", many=True, complete="recipe"),
        Option("--code", "Print the code alone."),
    ),
)


# IPython takes a question mark at a line's end for a question about the last word.
_QUESTION = re.compile(r"(\s*%faq\s+[^\s?].*?)\s*\?+\s*$")


def without_question_mark(lines: list[str]) -> list[str]:
    """Return the lines of a cell, with no question mark behind the words of ``%faq``; ``%faq?`` stays."""
    return [f"{asked[1]}\n" if (asked := _QUESTION.match(line)) else line for line in lines]


def named(words: str) -> Recipe:
    """Return the recipe of a name, with spaces or underscores.

    Raises:
        Refusal: when it is none, naming the recipes that a search for the words finds.
    """
    from nbkeras import recipes

    name = re.sub(r"[\s-]+", "_", words.strip().lower())
    if name in recipes.names():
        return recipes.get(name)
    # A name with a typo is that one name; other words are what a search is for.
    near = difflib.get_close_matches(name, recipes.names(), n=1, cutoff=0.8)
    near = near or [recipe.name for recipe in recipes.search(words)[:3]]
    if not near:
        return recipes.get(words)
    text = f"expected the name of a recipe, received {words!r}: did you mean {' or '.join(near)}?"
    raise Refusal(text)


@magics_class
class FaqMagics(NotebookMagics):
    """The magic ``%faq``."""

    @line_magic
    def faq(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        # An apostrophe is one, and not a quote that somebody forgot to close.
        values = FAQ.parse(line.replace("'", " "))
        try:
            self._answer(" ".join(values["words"]), code=bool(values["code"]))
        except Refusal as refusal:
            raise UsageError(f"%faq: {refusal}") from None

    def _answer(self, words: str, *, code: bool) -> None:
        from nbkeras import recipes
        from nbkeras.recipes.searching import find
        from nbkeras.widgets.faq import faq_entry_bundle, faq_list_bundle

        if code and not words:
            raise Refusal("--code: expected the name of a question, received none: type  %faq NAME --code")
        if code:
            print(named(words).code(), end="")  # noqa: T201 - the answer
        elif words.replace(" ", "_").lower() in recipes.names():
            display(faq_entry_bundle(recipes.get(words)), raw=True)
        else:
            found = find(words)
            display(faq_list_bundle(found.recipes, words, complete=found.complete), raw=True)


FaqMagics.faq.__doc__ = FAQ.help()
