"""Makes a subclass of a model's class out of bodies, and gives it to the model."""

from __future__ import annotations

import ast
import copy
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.training.custom_step.body import Body, Kind

UNPACK = "x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)"


@dataclass(frozen=True, slots=True)
class _Made:
    body: Body
    base: type


# What was made here, so that a cell that runs again replaces its step and does not stack classes.
_made: WeakKeyDictionary[type, _Made] = WeakKeyDictionary()


def is_made(cls: object) -> bool:
    """Tell whether a class came from a body."""
    return isinstance(cls, type) and cls in _made


def steps_of(model: Any) -> dict[Kind, Body]:
    """Return the bodies that a model has by now."""
    return {body.kind: body for body in _chain(type(model))[1]}


def own_class(model: Any) -> type:
    """Return the class that the model had before it was given a step."""
    return _chain(type(model))[0]


def class_with(model: Any, bodies: dict[Kind, Body], name: str) -> type:
    """Return a subclass of the model's own class with these steps; the model stays as it is."""
    cls = own_class(model)
    for body in bodies.values():
        cls = _subclass(cls, body, name, line_of(model))
    return cls


def give(model: Any, cls: type) -> None:
    """Let a model be of this class from now on: its weights, optimizer and compile settings stay.

    A class that was made here is known to ``load_model``, as with Keras's own decorator.
    """
    if is_made(cls):
        keras_module(line_of(model)).saving.register_keras_serializable()(cls)
    put(model, cls)
    # The steps that Keras has traced are those of the class before.
    model.make_train_function(force=True)
    model.make_test_function(force=True)


def put(model: Any, cls: type) -> None:
    """Change the class of a model and nothing else."""
    try:
        object.__setattr__(model, "__class__", cls)
    except TypeError as error:
        text = f"expected a model whose class can be changed, received a {type(model).__name__} ({error})"
        raise Refusal(text) from None


def _chain(cls: type) -> tuple[type, list[Body]]:
    bodies: list[Body] = []
    while cls in _made:
        made = _made[cls]
        bodies.insert(0, made.body)
        cls = made.base
    return cls, bodies


def _subclass(base: type, body: Body, name: str, line: Any) -> type:
    lent = _lent_modules(body, line)
    skeleton = ast.parse(
        f"def make(base_class, {', '.join(lent)}):\n"
        f"  class {name}(base_class):\n"
        f"    def {body.method}(self, data):\n"
        f"      {UNPACK if body.unpacks else 'pass'}\n"
        f"  return {name}\n",
    )
    # The lines of the skeleton are those of the magic; the body's own lines stay what they are.
    for node in ast.walk(skeleton):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
    made_class: Any = skeleton.body[0].body[0]  # type: ignore[attr-defined]
    method = made_class.body[0]
    # Imports from the future may stand at the beginning of a module alone.
    statements = [s for s in copy.deepcopy(body.tree.body) if getattr(s, "module", "") != "__future__"]
    method.body += statements
    scope: dict[str, Any] = {}
    code = compile(ast.fix_missing_locations(skeleton), body.filename, "exec", dont_inherit=True)
    exec(code, body.namespace, scope)  # noqa: S102 - running what the user wrote is what it is for
    cls: type = scope["make"](base_class=base, **lent)
    cls.__qualname__ = name
    cls.__doc__ = f"{base.__name__} with a {body.method} of its own."
    step = vars(cls)[body.method]
    step.__qualname__ = f"{name}.{body.method}"
    # The lines of the step stand in no def of the cell. Of code of this name IPython shows any line of the
    # cell, as it does of a cell's own code; of a function it would look for the def and find none.
    step.__code__ = step.__code__.replace(co_name="<module>")
    if hasattr(step.__code__, "co_qualname"):
        # Python 3.11 and later: what tracebacks call it.
        step.__code__ = step.__code__.replace(co_qualname=step.__qualname__)
    _made[cls] = _Made(body, base)
    return cls


def _lent_modules(body: Body, line: Any) -> dict[str, Any]:
    """Return tf and keras where the body needs them and the notebook has no such name."""
    needed = body.free_names | ({"keras"} if body.unpacks else set())
    lent: dict[str, Any] = {}
    is_module = isinstance(body.namespace.get("keras"), types.ModuleType)
    if "keras" in needed and not is_module:
        lent["keras"] = keras_module(line)
    if "tf" in needed and "tf" not in body.namespace:
        import tensorflow as tf

        lent["tf"] = tf
    return lent
