"""How a layer in a wrapper is called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def named_arguments(
    call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with the first one by its place and all others by their names.

    A file of tf_keras (2.21) keeps the first argument and the named ones: it finds the names of others in the
    signature of the wrapper, which has none, and leaves them out.

    Example:
        >>> named_arguments(lambda query, value, mask=None: None, ("q", "v"), {})
        (('q',), {'value': 'v'})

    Args:
        call: the ``call`` of the layer in the wrapper.
        args: what came by place.
        kwargs: what came by name.
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in inspect.signature(call).parameters.values() if each.kind in kinds]
    if len(args) > len(names) or not names:
        return args, kwargs
    kwargs = {**kwargs, **dict(zip(names[1:], args[1:], strict=False))}
    args = args[:1] if args or names[0] not in kwargs else (kwargs.pop(names[0]),)
    return args, kwargs
