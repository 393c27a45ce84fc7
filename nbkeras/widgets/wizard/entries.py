"""What has been entered into a recipe's form, what is wrong with it, and the code that follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.recipes.own_names import bound
from nbkeras.recipes.parameter import Identifier, shown
from nbkeras.runtime.keras_lines import active_line
from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.wizard import made

if TYPE_CHECKING:
    from collections.abc import Collection

    from nbkeras.recipes.notebook import Notebook
    from nbkeras.recipes.parameter import Parameter
    from nbkeras.recipes.picks import Pick
    from nbkeras.recipes.recipe import Recipe

LINE = "line"
"""The name under which a problem with the Keras line is told; no parameter has it."""


class Entries:
    """The state of a form without its widgets.

    Example:
        >>> import nbkeras
        >>> from nbkeras.recipes.notebook import Notebook
        >>> entries = Entries(nbkeras.recipes.get("early_stopping"), Notebook({}))
        >>> entries.enter("patience", entries.read("patience", "soon"))
        >>> sorted(entries.problems)
        ['patience']

    Args:
        recipe: what the form is made from.
        notebook: where its choices come from.
    """

    def __init__(self, recipe: Recipe, notebook: Notebook) -> None:
        """Begin with the recipe's own values, for the Keras line of this process."""
        self.recipe = recipe
        self.notebook = notebook
        self.values: dict[str, Any] = recipe.defaults
        self.line = active_line()
        self.magics = False
        self.problems: dict[str, str] = {}
        self.code = ""
        """The code of the last values that were fine."""
        self.replace = False
        """Whether the code may give names anew that variables of the notebook have."""
        self.others: dict[str, str] = {}
        """Such names, each with the one that the code has in its place: the same where it may."""
        self.look()

    def read(self, name: str, text: str) -> Any:
        """Return the value that a text field's content means."""
        return self._parameter(name).read(text)

    def enter(self, name: str, value: Any) -> None:
        """Take a value, whatever it is, and find out what is wrong and what the code is."""
        self.values[name] = value
        self.look()

    def look(self) -> None:
        """Check all values anew: the notebook may have changed."""
        self.problems = self.recipe.problems(self.values, self.notebook)
        if self.problems:
            return
        try:
            code = self._code()
        except Refusal as refusal:
            # All values are fine by themselves: it is the Keras line that is refused.
            self.problems = {LINE: self.recipe.refused or str(refusal)}
            return
        self.others = {name: name for name in made.replaced(self.recipe.name, code, self.notebook)}
        if self.others and not self.replace:
            self._step_aside(code)
        else:
            self.code = code

    def ran(self, *, to_the_end: bool) -> None:
        """Take note that the notebook has run the code: what it has made it may make again."""
        names = [name for name in bound(self.code) if to_the_end or name not in self.others]
        made.remember(self.recipe.name, names, self.notebook)

    def _step_aside(self, code: str) -> None:
        """Let the code have names that are free in the notebook."""
        typed = {
            self.values[each.name]: each for each in self.recipe.parameters if isinstance(each, Identifier)
        }
        taken = made.of_others(self.recipe.name, code, self.notebook)
        other = self._code(taken - set(typed))
        names = dict(zip(bound(code), bound(other), strict=True))
        self.others = {name: names[name] for name in self.others}
        self.problems = {
            each.name: f"expected a name that is free in this notebook, received {shown(name)}: "
            "choose another one, or let Run replace it"
            for name, each in typed.items()
            if name in self.others
        }
        if not self.problems:
            self.code = other

    def _code(self, taken: Collection[str] = ()) -> str:
        return self.recipe.code(
            line=self.line, magics=self.magics, notebook=self.notebook, taken=taken, **self.values
        )

    def counts(self, parameter: Parameter) -> bool:
        """Tell whether a parameter's field is there: others may make it mean nothing."""
        return self.recipe.counts(parameter, self.values)

    def choices(self, pick: Pick) -> list[str]:
        """Return the names to choose from; a chosen one that has gone stays, and is said to be wrong."""
        names = pick.choices(self.notebook, self.values)
        if pick.default == "":
            names = ["", *names]
        value = self.values[pick.name]
        chosen = value if isinstance(value, (tuple, list)) else (value,)
        return [*names, *(name for name in chosen if name not in names)]

    @property
    def foreign(self) -> bool:
        """Whether the code is for the Keras line that this kernel does not run."""
        return self.line != active_line()

    def _parameter(self, name: str) -> Parameter:
        return next(parameter for parameter in self.recipe.parameters if parameter.name == name)
