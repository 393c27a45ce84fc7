"""One question of the FAQ: its words, its parameters, and the code that answers it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from nbkeras.recipes.formatting import formatted
from nbkeras.recipes.own_names import apart, marked
from nbkeras.recipes.parameter import Identifier, refuse, shown
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.rendering import names_in, rendered
from nbkeras.runtime.keras_lines import LINES, active_line
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from nbkeras.recipes.notebook import Notebook
    from nbkeras.recipes.parameter import Parameter
    from nbkeras.runtime.keras_lines import Line

Section = Literal["General", "Training", "Modelling"]
NOTEBOOK = "notebooks/faq.ipynb"
"""The tutorial that has every question with its wizard."""
_PAGE = f"https://github.com/nbkeras/nbkeras/blob/main/{NOTEBOOK}"
# Stands for the name of the user's variable while the code's own are looked for.
_PLACE = "nbkeras_place"


Check = Callable[[Mapping[str, Any], "Notebook | None"], dict[str, str]]
Follow = Callable[[Mapping[str, Any], "Notebook | None"], Mapping[str, Any]]


def _nothing(_: Mapping[str, Any], __: Notebook | None) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A question of the Keras FAQ and the way to do it with today's Keras.

    Example:
        >>> import nbkeras
        >>> nbkeras.recipes.get("early_stopping").section
        'Training'

    Args:
        name: what one types: ``%wizard early_stopping``.
        faq: its row in the FAQ: the question's number, and a letter for a part of it, ``"15a"``.
        section: the FAQ's section.
        topic: the question it belongs to, in two to five words; the gallery groups by it.
        question: the question, as a user would ask it.
        answer: the short answer for today's Keras, one to four sentences.
        changed: what changed since older versions of Keras; ``""`` for nothing.
        silent: what goes wrong without a word if one follows old advice; ``""`` for nothing.
        keywords: words that people search with and that stand nowhere else.
        links: titles and addresses of Keras's or TensorFlow's own pages.
        parameters: what the code depends on.
        template: the file of the code.
        lines: the Keras lines on which the code works; ``refused`` says why not on the other one.
        refused: for a line that is not in ``lines``, what to do instead, in one line.
        magic: the magic of nbkeras that does it, as one types it, ``""`` if there is none; with one, the
            template knows how to write the code with it.
        by_switch: whether a switch of the form asks for the magic; else one of the parameters does.
        module: a package that the code needs beside Keras's own, with the extra of nbkeras that brings it.
        check: what is wrong with values together, in a notebook if there is one: parameter's name -> one
            line. It is asked when each value is fine by itself.
        follow: what the template is given in the place of some values, or beside them, because it follows
            from others or from the notebook. It finds the Keras line among the values, as ``line``, and may
            raise `Refusal` for what does not go with it.
    """

    name: str
    faq: str
    section: Section
    topic: str
    question: str
    answer: str
    changed: str
    silent: str
    keywords: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    parameters: tuple[Parameter, ...]
    template: Path = field(repr=False)
    lines: tuple[Line, ...] = LINES
    refused: str = ""
    magic: str = ""
    by_switch: bool = True
    module: tuple[str, str] = ("", "")
    check: Check = field(default=_nothing, repr=False)
    follow: Follow = field(default=_nothing, repr=False)

    @property
    def defaults(self) -> dict[str, Any]:
        """The values that the code has when nothing is said."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def anchor(self) -> str:
        """The part of an address that leads to the question's heading in `NOTEBOOK`."""
        # As Jupyter names headings: the text that is seen, with - for each space.
        return "#" + quote(self.question.replace("`", "").replace(" ", "-"), safe="?,()!:/")

    @property
    def page(self) -> str:
        """The address of the question in `NOTEBOOK`."""
        return _PAGE + self.anchor

    def counts(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        """Tell whether a parameter matters, the others being what they are."""
        return parameter.when is None or values.get(parameter.when[0]) in parameter.when[1]

    def problems(self, values: Mapping[str, Any], notebook: Notebook | None = None) -> dict[str, str]:
        """Return what is wrong with values: parameter's name -> one line; empty when all is well.

        Args:
            values: a value for each parameter.
            notebook: the notebook that the picked names have to be in; by default that is not asked.
        """
        counting = [parameter for parameter in self.parameters if self.counts(parameter, values)]
        found = {each.name: each.check(values[each.name]) for each in counting}
        for each in counting:
            if notebook is not None and isinstance(each, Pick) and not found[each.name]:
                # The model that a layer is of may itself be no model.
                owner = found.get(each.of, "")
                found[each.name] = owner or each.find(values[each.name], notebook, dict(values))
        wrong = {name: problem for name, problem in found.items() if problem}
        return wrong or self._taken(values) or self.check(values, notebook)

    def code(
        self,
        *,
        line: Line | None = None,
        magics: bool = False,
        notebook: Notebook | None = None,
        taken: Collection[str] = (),
        **values: Any,
    ) -> str:
        """Return the code as text that can be run as it stands.

        Args:
            line: the Keras line to write for; by default the one that ``tf.keras`` means here.
            magics: whether to use nbkeras's magics where the recipe has one. Default False: plain Keras.
            notebook: the notebook that the code is for. What follows from its models is then known; by
                default it is told by names alone.
            taken: variables that the code is to leave alone, beside those that were picked: where it would
                give their names to things of its own, it gives them others.
            **values: values of parameters; by default the recipe's own.

        Raises:
            Refusal: for a parameter that is not there, a value that it can't take, or a line of Keras on
                which this does not work.
        """
        self._refuse_unknown(values)
        line = line or active_line()
        if line not in self.lines:
            raise Refusal(f"{self.name}: expected {' or '.join(self.lines)}, received {line}: {self.refused}")
        complete = {**self.defaults, **values}
        refuse(self.problems(complete, notebook), self.name)
        return self._written(complete, line, magics=magics, notebook=notebook, taken=taken)

    def _written(
        self,
        values: Mapping[str, Any],
        line: Line,
        *,
        magics: bool,
        notebook: Notebook | None = None,
        taken: Collection[str] = (),
    ) -> str:
        """Return the code for values that are fine."""
        return formatted(self._text(values, line, magics=magics, notebook=notebook, taken=taken))

    def _text(
        self,
        values: Mapping[str, Any],
        line: Line,
        *,
        magics: bool,
        notebook: Notebook | None = None,
        taken: Collection[str] = (),
    ) -> str:
        """Return the code before it is formatted; it gives no name of the notebook's to its own things."""
        known = {**values, **self.follow({**values, "line": line}, notebook)}
        variables = [each.name for each in self.parameters if isinstance(each, Pick) and each.is_variable]
        # A field that does not count may hold anything.
        picks = [name for name in variables if known[name] and isinstance(known[name], str)]
        functions = known.get("functions", {})
        taken = {*taken, *(known[name] for name in picks), *functions.values()}
        known |= {name: marked(known[name], number) for number, name in enumerate(picks)}
        if functions:
            known["functions"] = {name: marked(held, len(picks)) for name, held in functions.items()}
        text = self._rendered({**known, "line": line}, magics=magics)
        return apart(text, taken)

    def _rendered(self, known: Mapping[str, Any], *, magics: bool) -> str:
        if magics and self.magic:
            text = rendered(self.template, {**known, "magics": True})
            # There IPython would put in the values of the notebook's variables.
            if not any(sign in text.partition("\n")[0] for sign in "{$") or not text.startswith("%%"):
                return text
        return rendered(self.template, {**known, "magics": False})

    def _taken(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Refuse a variable's name that the code itself has a use for."""
        taken = {}
        for parameter in self.parameters:
            if isinstance(parameter, Identifier) and self.counts(parameter, values):
                name = values[parameter.name]
                text = self._text({**values, parameter.name: _PLACE}, self.lines[0], magics=False)
                if name in names_in(text):
                    example = parameter.default if name != parameter.default else f"my_{name}"
                    taken[parameter.name] = (
                        f"expected a name that the code does not use itself, such as {example}, "
                        f"received {shown(name)}"
                    )
        return taken

    def _refuse_unknown(self, values: Mapping[str, Any]) -> None:
        unknown = next((name for name in values if name not in self.defaults), None)
        if unknown is not None:
            raise Refusal(
                f"{self.name}: expected {', '.join(self.defaults) or 'no parameter'}; received {unknown!r}"
            )
