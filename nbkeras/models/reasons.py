"""Why Keras or TensorFlow could not compute something, in a few words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# Keras 3 (3.15) and tf_keras (2.21) put the layer first and the reason below.
_INTRODUCTIONS = ("Exception encountered when calling", "in user code:", "Graph execution error")
_MOST = 160


def reason_of(error: BaseException) -> str:
    r"""Return the line of an error that says most.

    Example:
        >>> reason_of(ValueError("Exception encountered when calling Dense.call().\n\nTwo axes"))
        'Two axes'

    Args:
        error: of any kind.
    """
    # A KeyError shows its text as Python would write it.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = [" ".join(line.split()) for line in _ESCAPES.sub("", text).splitlines()]
    told = [line for line in lines if line and not line.startswith((*_INTRODUCTIONS, "File "))]
    reason = told[0] if told else type(error).__name__
    reason = f"no {reason}" if isinstance(error, KeyError) else reason
    return reason if len(reason) <= _MOST else f"{reason[: _MOST - 1]}…"


@contextmanager
def computing(model: Any, told_by: str, method: str = "predict") -> Iterator[None]:
    """Turn an error of a block that computes a model into one line.

    Args:
        model: it is named.
        told_by: what the line begins with.
        method: of the model, which takes the right data.

    Raises:
        Refusal: in the place of any error but another refusal, which it leads back to.
    """
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        mend = f"give what  model.{method}  takes"
        if getattr(model, "run_eagerly", False):
            mend = "write its call with TensorFlow's operations, as it is traced here"
        raise Refusal(
            f"{told_by}: expected data of {model.name!r}, received some that it can't compute "
            f"({reason_of(error)}): {mend}"
        ) from error
