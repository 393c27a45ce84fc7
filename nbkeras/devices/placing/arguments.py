"""How a layer in a wrapper is called: its arguments as both Keras lines take them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def named(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Return the arguments of a call with the first one by its place and all others by their names.

    A file of tf_keras (2.21) keeps the first argument and the named ones: it finds the names of others in the
    signature of the wrapper, which has none, and leaves them out.

    Example:
        >>> named(lambda query, value, mask=None: None, ("q", "v"), {})
        (('q',), {'value': 'v'})

    Args:
        call: the ``call`` of the layer in the wrapper.
        args: what came by place.
        kwargs: what came by name.
    """
    names = list(_defaults(call))
    if len(args) > len(names) or not names:
        return args, kwargs
    kwargs = {**kwargs, **dict(zip(names[1:], args[1:], strict=False))}
    return args[:1] if args or names[0] not in kwargs else (kwargs.pop(names[0]),), kwargs


def placed(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Return the arguments of a call with tensors by their places, as far as what is left out is None.

    Keras 3 (3.15) takes all that a wrapper gets by name for one argument, and refuses tensors beside options
    in it.

    Example:
        >>> placed(lambda query, value, key=None, scores=False: None, ("q",), {"value": (), "scores": True})
        (('q', ()), {'scores': True})

    Args:
        call: the ``call`` of the layer in the wrapper.
        args: what came by place.
        kwargs: what came by name.
    """
    given, rest, found = list(args), dict(kwargs), dict(kwargs)
    for name, default in list(_defaults(call).items())[len(args) :]:
        value = rest.pop(name, default)
        if name in {"mask", "training"} or isinstance(value, (bool, int, float, str)):
            break
        given.append(value)
        if name in found:
            args, kwargs = tuple(given), dict(rest)
    return args, kwargs


def _defaults(call: Callable[..., Any]) -> dict[str, Any]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [each for each in inspect.signature(call).parameters.values() if each.kind in kinds]
    return {each.name: None if each.default is each.empty else each.default for each in parameters}
