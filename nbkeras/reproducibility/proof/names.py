"""The variables that a cell's functions read, and the code behind them."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def reached(names: Iterable[str], variables: Mapping[str, Any]) -> set[str]:
    """Return names and those that the functions behind them read, one from another.

    Args:
        names: what a cell reads.
        variables: the notebook's.
    """
    waiting, found = [name for name in names if name in variables], set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        inner = (each for code in codes_of(variables[name]) for each in _names_in(code))
        waiting += [each for each in inner if each in variables]
    return found


def codes_of(thing: Any) -> list[CodeType]:
    """Return the code of a function, or of a class's methods."""
    holders = [thing, *vars(thing).values()] if isinstance(thing, type) else [thing]
    codes = (getattr(holder, "__code__", None) for holder in holders)
    return [code for code in codes if isinstance(code, CodeType)]


def _names_in(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return {*code.co_names, *(name for each in inner for name in _names_in(each))}
