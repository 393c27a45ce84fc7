"""``%faq``: the Keras FAQ, searched and answered for today's Keras."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

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
        from nbkeras.widgets.faq import faq_entry_bundle, faq_list_bundle

        if code and not words:
            raise Refusal("--code: expected the name of a question, received none: type  %faq NAME --code")
        if code:
            print(recipes.get(words).code(), end="")  # noqa: T201 - the answer
        elif words.replace(" ", "_").lower() in recipes.names():
            display(faq_entry_bundle(recipes.get(words)), raw=True)
        else:
            display(faq_list_bundle(recipes.search(words), words), raw=True)


FaqMagics.faq.__doc__ = FAQ.help()
