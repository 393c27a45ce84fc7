"""The values that the code of a function of the user's names, looked up without running any of it."""

from __future__ import annotations

import dis
import sys
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from nbkeras.runtime.keras_lines import LINES

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_LIBRARIES = {*LINES, "tensorflow", "numpy", "builtins", "nbkeras"}
# How far functions of the user's are followed from one of them.
_DEPTH = 3
_FUNCTIONS = 200
# What may stand between a function's name and its call in the code of Python 3.10 to 3.13.
_BETWEEN = {"PUSH_NULL", "PRECALL", "CACHE"}


class Named(NamedTuple):
    """A value that code names, and whether it is called there with nothing, or with None alone."""

    value: Any
    bare: bool


def reached(function: FunctionType) -> Iterator[Named]:
    """Give what a function names, itself or in functions of the user's that it names."""
    waiting, seen = [(function, _DEPTH)], {id(function)}
    while waiting and len(seen) < _FUNCTIONS:
        current, depth = waiting.pop(0)
        for named in _named(current, current.__code__):
            yield named
            value = getattr(named.value, "__func__", named.value)
            if (
                isinstance(value, FunctionType)
                and depth
                and id(value) not in seen
                and is_own(value.__module__)
            ):
                seen.add(id(value))
                waiting.append((value, depth - 1))


def methods_of(thing: Any, *, but: Container[str] = ()) -> Iterator[FunctionType]:
    """Give the methods that the user has written for an object."""
    for cls in type(thing).__mro__:
        if is_own(cls.__module__):
            own = (each for name, each in vars(cls).items() if name not in but)
            yield from (each for each in own if isinstance(each, FunctionType))


def methods_by_name(thing: Any) -> dict[str, FunctionType]:
    """Return those of them that are called under a name."""
    names = dict.fromkeys(name for cls in type(thing).__mro__ for name in vars(cls))
    found = {name: getattr(type(thing), name, None) for name in names}
    return {
        name: each
        for name, each in found.items()
        if isinstance(each, FunctionType) and is_own(each.__module__)
    }


def is_own(module: object) -> bool:
    """Tell whether a module is the user's."""
    return str(module).partition(".")[0] not in _LIBRARIES


def held_by(thing: Any) -> Iterator[Any]:
    """Give the values of an object's attributes, and those in their lists, tuples and dicts."""
    for value in getattr(thing, "__dict__", {}).values():
        inner = value.values() if isinstance(value, dict) else value
        yield from inner if isinstance(value, (dict, list, tuple)) else [value]


def _named(function: FunctionType, code: CodeType) -> Iterator[Named]:
    """Give the values that code names, as far as modules' names lead: ``tf.random.normal``."""
    closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    loads: dict[str, dict[Any, Any]] = {
        "LOAD_GLOBAL": function.__globals__,
        "LOAD_DEREF": {name: content_of(cell) for name, cell in closure},
        "LOAD_FAST": {},
    }
    value: Any = None
    instructions = [each for each in dis.get_instructions(code) if each.opname not in _BETWEEN]
    for place, each in enumerate(instructions):
        # Python 3.13 has LOAD_FAST_CHECK and others like it.
        kind = "LOAD_FAST" if each.opname.startswith("LOAD_FAST") else each.opname
        if kind in loads:
            value = loads[kind].get(each.argval)
        elif kind in {"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"}:
            value = getattr(value, each.argval, None) if isinstance(value, ModuleType) else None
        elif kind == "IMPORT_NAME":
            value = sys.modules.get(each.argval.partition(".")[0])
        elif kind == "STORE_FAST":
            loads["LOAD_FAST"][each.argval] = value
        if value is not None:
            yield Named(value, _is_bare(instructions[place + 1 : place + 3]))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named(function, constant)


def _is_bare(following: list[dis.Instruction]) -> bool:
    """Tell whether a call comes next, of nothing or of None alone."""
    given = 0
    if following and following[0].opname == "LOAD_CONST" and following[0].argval is None:
        following, given = following[1:], 1
    return bool(following) and following[0].opname.startswith("CALL") and following[0].arg == given


def content_of(cell: Any) -> Any:
    """Return what a function's closure holds, None where nothing is yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
