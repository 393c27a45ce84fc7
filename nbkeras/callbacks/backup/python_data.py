"""What of the user's Python code that makes data draws numbers which no seed gives again."""

from __future__ import annotations

import os
import random
import secrets
import uuid
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.named_values import (
    content_of,
    held_by,
    is_own,
    methods_by_name,
    methods_of,
    reached,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Seeded by what they are given; by the system, where that is nothing.
_MAKERS = (np.random.default_rng, np.random.RandomState, np.random.SeedSequence, random.Random)
_OF_THE_SYSTEM = (
    *(os.urandom, random.SystemRandom, uuid.uuid1, uuid.uuid4),
    *(secrets.token_bytes, secrets.token_hex, secrets.randbelow, secrets.choice),
)
# An entropy that NumPy took from the system has 128 bits; people give smaller seeds.
_WRITTEN = 2**64
_OBJECTS = 200


def unseeded(name: str, functions: Iterable[FunctionType], held: Iterable[Any] = ()) -> Iterator[str]:
    """Name what functions draw from that was seeded by nobody.

    Args:
        name: whose functions they are, for people.
        functions: those that make the data.
        held: what the object that they belong to holds.
    """
    found = [*(text for function in functions for text in _of_code(function)), *map(_of_generator, held)]
    for text in dict.fromkeys(filter(None, found)):
        yield (
            f"not exact: {name} draws from {text}, which has no seed, other numbers each time: give it one,  "
            "np.random.default_rng([epoch, index])"
        )


def shares_state(name: str, functions: Iterable[FunctionType]) -> Iterator[str]:
    """Name functions that draw from the process's random state while several threads run them."""
    for source in drawn_from(functions):
        yield (
            f"not exact: {name} draws from {source} random state in several workers, which come in another "
            "order each time: draw from  np.random.default_rng([epoch, index]) , or take one worker"
        )


def drawn_from(functions: Iterable[FunctionType]) -> list[str]:
    """Name the random states of the process that functions draw from: ``NumPy's``, ``Python's``."""
    owners = [
        getattr(named.value, "__self__", None)
        for function in functions
        for named in reached(function)
        if callable(named.value)
    ]
    sources = {
        "NumPy's": np.random.mtrand._rand,  # noqa: SLF001 - behind np.random.rand
        "Python's": random._inst,  # noqa: SLF001 - behind random.random
    }
    return [name for name, state in sources.items() if any(owner is state for owner in owners)]


def functions_of(data: Any) -> list[FunctionType]:
    """Return the methods of a PyDataset or a Sequence that the user has written."""
    # What its making draws is drawn anew with it.
    return list(methods_of(data, but={"__init__"}))


def functions_of_workers(data: Any) -> list[FunctionType]:
    """Return those that several threads run: what makes a batch, and what that calls of the object's."""
    methods = methods_by_name(data)
    waiting, found = ["__getitem__"], {}
    while waiting:
        name = waiting.pop()
        if name in methods and name not in found:
            found[name] = methods[name]
            waiting += _names(methods[name].__code__)
    return list(found.values())


def functions_in(datasets: Iterable[Any]) -> dict[str, list[FunctionType]]:
    """Return the user's Python functions that the steps of a pipeline call, by their names."""
    found: dict[str, list[FunctionType]] = {}
    for dataset in datasets:
        for held in dataset._functions():  # noqa: SLF001 - no public name finds what a pipeline does
            for token in _tokens(getattr(getattr(held, "function", None), "graph", None)):
                for function in _own_behind(_registered(token)):
                    found.setdefault(function.__name__, []).append(function)
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _of_code(function: FunctionType) -> Iterator[str]:
    for named in reached(function):
        name = getattr(named.value, "__name__", "")
        if named.bare and any(named.value is maker for maker in _MAKERS):
            yield f"{name}()"
        elif any(named.value is maker for maker in _OF_THE_SYSTEM):
            yield name
        else:
            yield _of_generator(named.value)


def _of_generator(value: Any) -> str:
    """Name a generator of NumPy's that the system has seeded, "" for anything else."""
    if isinstance(value, random.SystemRandom):
        return "SystemRandom"
    if not isinstance(value, np.random.Generator):
        return ""
    bits = value.bit_generator
    # NumPy 1.25 has it under a public name.
    entropy = getattr(getattr(bits, "seed_seq", getattr(bits, "_seed_seq", None)), "entropy", None)
    return "default_rng()" if isinstance(entropy, int) and entropy >= _WRITTEN else ""


def _tokens(graph: Any) -> Iterator[str]:
    if graph is None:
        return
    definition = graph.as_graph_def()
    for node in [*definition.node, *(each for held in definition.library.function for each in held.node_def)]:
        if "PyFunc" in node.op:
            yield node.attr["token"].s.decode()


def _registered(token: str) -> Any:
    from tensorflow.python.ops import script_ops

    return script_ops._py_funcs.get(token)  # noqa: SLF001 - no public name finds them


def _own_behind(function: Any) -> Iterator[FunctionType]:
    """Give the user's functions behind one of TensorFlow's, which holds them in closures and attributes."""
    waiting: list[Any] = [function]
    seen: set[int] = set()
    while waiting and len(seen) < _OBJECTS:
        value = waiting.pop()
        value = getattr(value, "__func__", value)
        if value is None or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, FunctionType):
            if is_own(value.__module__):
                yield value
                continue
            waiting += [content_of(cell) for cell in value.__closure__ or ()]
        elif type(value).__module__.partition(".")[0] == "tensorflow":
            waiting += held_by(value)
        elif is_own(type(value).__module__) and callable(value):
            yield from methods_of(value, but={"__init__"})
