"""What a recipe asks for: named values with bounds, words, and values to try."""

from __future__ import annotations

import builtins
import math
import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from nbkeras.runtime.refusal import Refusal

_LONGEST = 40

When = tuple[str, tuple[Any, ...]]
"""Another parameter and the values of it with which this one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that a recipe's code depends on.

    Args:
        name: as the template and ``code(name=…)`` know it.
        label: two or three words at the field.
        help: one sentence: what it does and what to choose.
        default: the value that the code has when nothing is said.
        examples: further values that the tests try.
        when: the parameter counts only while another one has one of these values.
    """

    name: str
    label: str
    help: str
    default: Any
    examples: tuple[Any, ...] = ()
    when: When | None = None

    def check(self, value: Any) -> str:
        """Return what is wrong with a value in one line, ``""`` for nothing."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Return the value that a text field means; what can't be meant comes back as it is."""
        return text

    @property
    def bounds(self) -> str:
        """What the least and the greatest value are, in words; ``""`` where there are none."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Parameter):
    """A whole number within bounds, both included; ``optional`` admits None, an empty field."""

    minimum: int = 1
    maximum: int = 10**9
    optional: bool = False

    def check(self, value: Any) -> str:
        """Refuse what is no whole number within the bounds."""
        if value is None and self.optional:
            return ""
        if isinstance(value, bool) or not isinstance(value, int):
            return f"expected a whole number such as {self._sample()}, received {shown(value)}"
        if not self.minimum <= value <= self.maximum:
            return f"expected {self.minimum:,} to {self.maximum:,}, received {value:,}"
        return ""

    @property
    def bounds(self) -> str:
        """The least and the greatest number."""
        return f"{self.minimum:,} to {self.maximum:,}" + (", or empty" if self.optional else "")

    def read(self, text: str) -> Any:
        """Read digits; spaces, underscores and a sign are fine."""
        cleaned = text.strip()
        if not cleaned and self.optional:
            return None
        try:
            return int(cleaned)
        except ValueError:
            return text

    def _sample(self) -> int:
        return self.minimum if self.default is None else int(self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Parameter):
    """A finite number within bounds; ``exclusive`` leaves the bounds themselves out."""

    minimum: float = 0.0
    maximum: float = math.inf
    exclusive: bool = False

    def check(self, value: Any) -> str:
        """Refuse what is no finite number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"expected a number such as {self.default:g}, received {shown(value)}"
        inside = (
            self.minimum < value < self.maximum if self.exclusive else self.minimum <= value <= self.maximum
        )
        return "" if inside else f"expected {self.bounds}, received {value:g}"

    def read(self, text: str) -> Any:
        """Read a decimal number, 1e-3 included."""
        try:
            return float(text)
        except ValueError:
            return text

    @property
    def bounds(self) -> str:
        """What the number has to be."""
        above = f"more than {self.minimum:g}" if self.exclusive else f"{self.minimum:g} or more"
        if math.isinf(self.maximum):
            return above
        if self.exclusive:
            return f"a number between {self.minimum:g} and {self.maximum:g}"
        return f"{self.minimum:g} to {self.maximum:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Parameter):
    """One of a few values.

    Args:
        options: each value with the words that the form shows for it.
    """

    options: tuple[tuple[Any, str], ...]

    def check(self, value: Any) -> str:
        """Refuse a value that is none of the options."""
        values = [option for option, _ in self.options]
        if any(value == option and type(value) is type(option) for option in values):
            return ""
        return f"expected {', '.join(map(str, values))}; received {shown(value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Parameter):
    """Yes or no."""

    def check(self, value: Any) -> str:
        """Refuse what is neither True nor False."""
        return "" if isinstance(value, bool) else f"expected True or False, received {shown(value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Parameter):
    """A text of one line.

    Args:
        pattern: regular expression that the whole text has to match.
        expected: what the pattern means, in words.
        optional: whether an empty text is fine.
    """

    pattern: str = r".*\S.*"
    expected: str = "a text"
    optional: bool = False

    def check(self, value: Any) -> str:
        """Refuse what does not match the pattern, or has several lines."""
        if not isinstance(value, str) or not value.isprintable():
            return f"expected {self.expected} in one line, received {shown(value)}"
        if (self.optional and not value) or re.fullmatch(self.pattern, value):
            return ""
        return f"expected {self.expected}, received {shown(value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier(Parameter):
    """The name of a variable that the code makes; the recipe refuses those that its code has itself."""

    def check(self, value: Any) -> str:
        """Refuse what Python would not take for a variable's name, or has itself under that name."""
        if isinstance(value, str) and value.isidentifier() and not iskeyword(value):
            own = (
                f"expected a variable's name such as {self.default}, received {value}, which is Python's own"
            )
            return own if hasattr(builtins, value) else ""
        return f"expected a variable's name such as {self.default}, received {shown(value)}"


def shown(value: Any) -> str:
    """Return a value for an error's line: short, and on one line."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def refuse(problems: dict[str, str], name: str) -> None:
    """Raise the first problem there is.

    Raises:
        Refusal: naming the parameter.
    """
    for parameter, problem in problems.items():
        raise Refusal(f"{name}: {parameter}: {problem}")
