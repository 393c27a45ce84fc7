"""``%wizard``: a form for a question of the Keras FAQ, with the code that answers it."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.faq import named
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

WIZARD = Grammar(
    magic="%wizard",
    summary="Fill in a form and get the Keras code: run it, copy it, or insert it as a cell.",
    details="""
        Choices come from the notebook's own models and data; what can't be meant is said at the field. Run
        executes the shown code in the notebook, monitored as with %%fit. Without a name it shows the
        gallery of all forms. In Python: nbkeras.wizard("early_stopping")
        """,
    examples="""
        %wizard
        %wizard early_stopping
        %wizard early stopping
        %wizard early_stopping --insert
        """,
    options=(
        Option(
            "NAME", "The question's name; %faq finds it with words of yours.", many=True, complete="recipe"
        ),
        Option("--insert", "Put the code of the form that was shown last into a new cell, and show no form."),
    ),
)


@magics_class
class WizardMagics(NotebookMagics):
    """The magic ``%wizard``."""

    @line_magic
    def wizard(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = WIZARD.parse(line)
        words = " ".join(values["name"])
        from nbkeras.widgets.wizard import showing

        try:
            name = named(words).name if words else None
            if values["insert"]:
                self.shell.set_next_input(_code(name).rstrip("\n"))
            elif name is None:
                showing.gallery()
            else:
                showing.wizard(name)
        except Refusal as refusal:
            raise UsageError(f"%wizard: {refusal}") from None


def _code(name: str | None) -> str:
    from nbkeras.widgets.wizard.showing import code_of

    if name is None:
        raise Refusal("--insert: expected the form's name, received none: type  %wizard NAME --insert")
    return code_of(name)


WizardMagics.wizard.__doc__ = WIZARD.help()
