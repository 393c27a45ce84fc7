"""The user's own classes and functions in a model: where another process can import them from.

Keras writes down no module for functions and for what a notebook defines, and does not import what it has
written down before it looks for a class (measured with Keras 3.15.1 and tf_keras 2.21).
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OURS = "nbkeras>"


@dataclass(frozen=True, slots=True)
class Part:
    """A class or a function by the module that has it.

    Attributes:
        module: the module's name.
        name: what it is called there.
        registered: what Keras knows it by.
    """

    module: str
    name: str
    registered: str


def parts_of(model: Any, config: Any) -> tuple[Part, ...]:
    """Return what another process has to import before it can make a model.

    Args:
        model: the model.
        config: as Keras writes it down.

    Raises:
        Refusal: for what is defined in the notebook, or in a place where no import finds it.
    """
    held = list(_held(model))
    return tuple(
        Part(_module_of(name, held), name, registered) for name, registered in dict.fromkeys(_named(config))
    )


def imported(parts: Iterable[Part]) -> dict[str, Any]:
    """Import parts, and return them by the names under which Keras looks for them."""
    found: dict[str, Any] = {}
    for part in parts:
        value = getattr(importlib.import_module(part.module), part.name)
        found |= {part.name: value, part.registered: value}
    return found


def _named(config: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of what is not Keras's own: as it is called, and as it is registered."""
    if isinstance(config, dict):
        kind, registered = config.get("class_name"), config.get("registered_name")
        if kind == "function" and isinstance(config.get("config"), str):
            if config.get("module") in {"builtins", None}:
                yield config["config"], config["config"]
        elif kind and registered and not str(registered).startswith(_OURS):
            yield str(kind), str(registered)
        for each in config.values():
            yield from _named(each)
    elif isinstance(config, (list, tuple)):
        for each in config:
            yield from _named(each)


def _held(model: Any) -> Iterator[Any]:
    """Yield the classes and functions that a model shows."""
    yield type(model.optimizer)
    for layer in model._flatten_layers():  # noqa: SLF001 - no public name finds nested layers
        yield type(layer)
        for value in vars(layer).values():
            yield from (value, type(value))
            if isinstance(value, (list, tuple)):
                yield from value


def _module_of(name: str, held: list[Any]) -> str:
    values = [each for each in held if getattr(each, "__name__", "") == name]
    values = [each for each in values if each.__module__.partition(".")[0] not in LINES]
    loaded = [vars(each) for each in [*sys.modules.values()] if hasattr(each, "__dict__")]
    values += [each[name] for each in loaded if name in each]
    for value in values:
        module = str(getattr(value, "__module__", None))
        if module != "__main__" and vars(sys.modules.get(module, object)).get(name) is value:
            return module
    raise Refusal(
        f"batch_size_find: expected classes and functions that another process can import, received "
        f"{name} of this notebook: write it to a file with  %%writefile parts.py  and import it from there"
    )
