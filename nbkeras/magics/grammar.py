"""The grammar that all magics share: options, help, one-line errors, defaults by ``%config``.

A magic declares its options; parsing, its help text and its completions follow from the declaration.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Option:
    """One option or positional argument of a magic.

    Args:
        name: ``--epochs`` for an option, ``RUN`` for a positional argument.
        help: one sentence.
        metavar: what stands for its value in the help; an option without one is a switch.
        parse: turns the text into the value, raising `Refusal` for a text that it can't take.
        complete: what Tab offers: a kind that `nbkeras.magics.completion` knows, or the words themselves.
        many: whether a positional argument may stand several times.
        config: the trait of ``%config NBKeras`` that holds the default, if there is one.
    """

    name: str
    help: str
    metavar: str = ""
    parse: Callable[[str], Any] = str
    complete: str | tuple[str, ...] = ()
    many: bool = False
    config: str = ""

    @property
    def dest(self) -> str:
        """The name of the value: ``early_stopping`` for ``--early-stopping``."""
        return self.name.lstrip("-").replace("-", "_").lower()

    @property
    def is_positional(self) -> bool:
        """Whether it is told by its place and not by its name."""
        return not self.name.startswith("-")


@dataclass(frozen=True, slots=True)
class Grammar:
    """The options of one magic and the words of its help."""

    magic: str
    summary: str
    details: str
    examples: str
    options: tuple[Option, ...]

    def parse(self, line: str, defaults: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the values of a magic line by name.

        Args:
            line: what stands behind the magic's name.
            defaults: values for options that the line does not give.

        Raises:
            UsageError: one line: what was expected, what came, what to type instead.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            text = f"{self.magic}: expected closed quotes, received {line!r} ({error})"
            raise UsageError(text) from None
        try:
            values, unknown = self._parser().parse_known_args(self._joined(words))
        except Refusal as refusal:
            raise UsageError(f"{self.magic}: {refusal}") from None
        if unknown:
            raise UsageError(self._unknown(unknown[0], words))
        given = {key: value for key, value in vars(values).items() if value is not None}
        return {**{o.dest: [] if o.many else None for o in self.options}, **(defaults or {}), **given}

    def with_flags(self, text: str) -> str:
        """Name an option as it is typed on the magic line: --early-stopping for early_stopping."""
        name, _, rest = text.partition(":")
        flags = {option.dest: option.name for option in self.options}
        return f"{flags[name]}:{rest}" if name in flags else text

    def help(self) -> str:
        """Return the text of ``%%magic?``."""
        usage = " ".join(_usage(option) for option in self.options)
        rows = [f"{_left(option)}\n{_indent(option.help + _default(option), 8)}" for option in self.options]
        parts = [
            self.summary,
            textwrap.dedent(self.details).strip(),
            "Usage:\n"
            + textwrap.fill(f"{self.magic} {usage}", 88, initial_indent="    ", subsequent_indent="        "),
            "Examples:\n" + textwrap.indent(textwrap.dedent(self.examples).strip(), "    "),
            "Options:\n" + textwrap.indent("\n".join(rows), "    "),
        ]
        return "\n\n".join(part for part in parts if part)

    def _parser(self) -> argparse.ArgumentParser:
        parser = _Parser(self, prog=self.magic, add_help=False, allow_abbrev=False)
        for option in self.options:
            if option.is_positional:
                parser.add_argument(option.dest, nargs="*" if option.many else "?", type=option.parse)
            elif option.metavar:
                parser.add_argument(option.name, dest=option.dest, type=option.parse)
            else:
                parser.add_argument(option.name, dest=option.dest, action="store_true", default=None)
        return parser

    def _joined(self, words: list[str]) -> list[str]:
        """Join an option and a value that begins with one dash, which argparse takes for an option."""
        valued = {option.name for option in self.options if option.metavar}
        joined: list[str] = []
        for word in words:
            is_value = word.startswith("-") and not word.startswith("--")
            if is_value and joined and joined[-1] in valued:
                joined[-1] += f"={word}"
            else:
                joined.append(word)
        return joined

    def _unknown(self, word: str, words: list[str]) -> str:
        single = next((o.name for o in self.options if o.is_positional and not o.many), None)
        if single is not None and not word.startswith("-"):
            return (
                f"{self.magic}: expected one {single}, received a second one, {word!r}: "
                f"type  {self.magic} {shlex.quote(words[0])}"
            )
        names = [option.name for option in self.options if not option.is_positional]
        near = difflib.get_close_matches(word.partition("=")[0], names, n=1)
        mend = f"type {near[0]}" if near else f"{self.magic}? shows {'them all' if names else 'how'}"
        expected = ", ".join(names) if names else "no options"
        return f"{self.magic}: expected {expected}; received {word!r}: {mend}"


class _Parser(argparse.ArgumentParser):
    """Argparse with one-line errors that leave the notebook's process alone."""

    def __init__(self, grammar: Grammar, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._grammar = grammar

    def error(self, message: str) -> NoReturn:
        magic = self._grammar.magic
        found = re.fullmatch(r"argument (--\S+): (expected one|ignored explicit) argument ?(.*)", message)
        if found is None:
            raise UsageError(f"{magic}: {message}: {magic}? shows how")
        name, is_missing, value = found[1], found[2] == "expected one", found[3]
        metavar = next(option.metavar for option in self._grammar.options if option.name == name)
        if is_missing:
            text = f"{magic}: {name}: expected {metavar}, received nothing: type  {name} {metavar}"
        else:
            text = f"{magic}: {name}: expected no value, received {value}: type  {name}"
        raise UsageError(text)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        # Argparse would wrap a ValueError, and so a Refusal, in words of its own.
        return arg_string if action.type is None else action.type(arg_string)  # type: ignore[operator]


def _usage(option: Option) -> str:
    if option.is_positional:
        return f"[{option.name} …]" if option.many else f"[{option.name}]"
    return f"[{_left(option)}]"


def _left(option: Option) -> str:
    return f"{option.name} {option.metavar}".strip()


def _default(option: Option) -> str:
    return f" Default: %config NBKeras.{option.config}" if option.config else ""


def _indent(text: str, width: int) -> str:
    return textwrap.fill(text, 84, initial_indent=" " * width, subsequent_indent=" " * width)
