"""The values to search, as one types them: ``lr=1e-4..1e-1:log units=16|32|64``."""

from __future__ import annotations

import keyword
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS: dict[str, Any] = {"true": True, "false": False}
_EXAMPLE = "lr=1e-4..1e-1:log units=16|32|64"
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Choices:
    """One of several values, all of one type."""

    name: str
    values: tuple[Any, ...]

    @property
    def code(self) -> str:
        """The call that asks KerasTuner for a value."""
        return f"hp.Choice({_quoted(self.name)}, [{', '.join(map(_literal, self.values))}])"

    def ask(self, hp: Any) -> Any:
        """Return a trial's value."""
        return hp.Choice(self.name, list(self.values))


@dataclass(frozen=True, slots=True)
class Range:
    """A number from one end to the other, both included."""

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def code(self) -> str:
        """The call that asks KerasTuner for a value."""
        more = [f"step={self.step!r}"] if self.step is not None else []
        more += ['sampling="log"'] if self.log else []
        ends = f"{_quoted(self.name)}, {self.low!r}, {self.high!r}"
        return f"hp.{self._kind}({', '.join([ends, *more])})"

    def ask(self, hp: Any) -> Any:
        """Return a trial's value."""
        sampling = "log" if self.log else "linear"
        return getattr(hp, self._kind)(self.name, self.low, self.high, step=self.step, sampling=sampling)

    @property
    def _kind(self) -> str:
        return "Int" if isinstance(self.low, int) else "Float"


def parse_search(text: str) -> list[Choices | Range]:
    """Read what ``--search`` says.

    ``a..b`` is a range, of whole numbers when both ends are such; ``:log`` spreads it over the decades and
    ``:16`` goes in steps. ``a|b|c`` are choices.

    Example:
        >>> for each in parse_search("lr=1e-4..1e-1:log units=16|32|64"):
        ...     print(each.code)
        hp.Float("lr", 0.0001, 0.1, sampling="log")
        hp.Choice("units", [16, 32, 64])

    Raises:
        Refusal: for the first part that cannot be meant.
    """
    found: list[Choices | Range] = []
    for part in text.split():
        name, equals, values = part.partition("=")
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            _refuse(f"NAME=VALUES with the name of a variable, received {part!r}", f"give  {_EXAMPLE}")
        if name == "hp":
            _refuse("other names than hp, which holds the values, received 'hp'", "rename the variable")
        if any(each.name == name for each in found):
            _refuse(f"each name once, received {name!r} twice", "leave one of them away")
        found.append(_range(name, values) if ".." in values else _choices(name, values))
    return found


def _choices(name: str, text: str) -> Choices:
    words = text.split("|")
    if len(words) < _SEVERAL or "" in words:
        received = f"{name}={text}"
        _refuse(f"several values to choose from, received {received!r}", _mend(name, text))
    values = [_value(word) for word in words]
    if any(isinstance(value, float) for value in values) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    ):
        values = [float(value) for value in values]
    if len({type(value) for value in values}) > 1:
        _refuse(f"values of one type, received {name}={text!r}", "give numbers only, or words only")
    if len(set(values)) < len(values):
        _refuse(f"each value once, received {name}={text!r}", "leave the second one away")
    return Choices(name, tuple(values))


def _mend(name: str, text: str) -> str:
    """Return what to type instead of ``0.001-0.1`` or ``[16,32]``, with its own numbers where it has two."""
    numbers = [_value(word) for word in re.findall(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)]
    pair = sorted(set(numbers)) if len(numbers) == _SEVERAL else []
    if any(isinstance(number, float) for number in numbers):
        low, high = pair if len(pair) == _SEVERAL and pair[0] > 0 else ("1e-4", "1e-1")
        return f"give  {name}={low}..{high}:log"
    if len(pair) == _SEVERAL:
        return f"give  {name}={pair[0]}..{pair[1]}  or  {name}={pair[0]}|{pair[1]}"
    return f"give  {name}=16|32|64  or  {name}=1..8"


def _range(name: str, text: str) -> Range:
    ends, *marks = text.split(":")
    low, high = (_number(name, word) for word in _two(name, ends))
    log = False
    step = None
    for mark in marks:
        if mark == "log":
            log = True
        else:
            step = _number(name, mark)
    if isinstance(low, float) or isinstance(high, float) or isinstance(step, float):
        low, high, step = float(low), float(high), None if step is None else float(step)
    if not low < high:
        _refuse(f"a range that rises, received {name}={text!r}", f"give  {name}={high!r}..{low!r}")
    if log and low <= 0:
        _refuse(f"a start above 0 for :log, received {name}={text!r}", f"give  {name}=1e-4..1e-1:log")
    if step is not None and step <= (1 if log else 0):
        what = "a factor above 1" if log else "a step above 0"
        _refuse(f"{what}, received {name}={text!r}", f"give  {name}=16..128:16")
    return Range(name, low, high, log, step)


def _two(name: str, ends: str) -> list[str]:
    words = ends.split("..")
    if len(words) != _SEVERAL:
        _refuse(f"LOW..HIGH, received {name}={ends!r}", f"give  {name}=1e-4..1e-1:log")
    return words


def _number(name: str, word: str) -> Any:
    value = _value(word)
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        _refuse(f"numbers in the range of {name}, received {word!r}", f"give  {name}=1e-4..1e-1:log")
    return float(value) if isinstance(value, float) else int(value)


def _value(word: str) -> Any:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if re.fullmatch(r"[-+]?\d+", word):
        return int(word)
    # Python also reads 1_000 and "infinity", which no one means here.
    return float(word) if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", word) else word


def _literal(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _refuse(expected: str, mend: str) -> NoReturn:
    raise Refusal(f"search: expected {expected}: {mend}")


def differences(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[str]:
    """Say how one search space differs from another; both as KerasTuner's configurations."""
    old, new = (_by_name(each) for each in (before, now))
    said = [f"{name} is new" for name in new if name not in old]
    said += [f"{name} is gone" for name in old if name not in new]
    return said + [f"{name} has other values" for name in new if name in old and new[name] != old[name]]


def _by_name(space: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    named: dict[str, list[Any]] = {}
    for each in space:
        named.setdefault(str(each["config"]["name"]), []).append(each)
    return named
