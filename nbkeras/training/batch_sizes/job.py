"""What the process that tries batch sizes is given: a model's configuration, and some of its data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.keras_lines import active_line, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.batch_sizes.parts import parts_of
from nbkeras.training.rate_finder.feeding import fed
from nbkeras.training.rate_finder.unread import unread

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.batch_sizes.parts import Part


@dataclass(frozen=True, slots=True)
class Job:
    """A model and data to try sizes with.

    Attributes:
        line: the model's Keras line.
        config: the model with its layers, loss and optimizer, as Keras's own JSON; it has no weights.
        parts: the user's own classes and functions in it.
        batch: inputs, targets and weights as arrays, in the structure in which Keras hands them to a step.
        sizes: the batch sizes to try, rising.
        floatx: Keras's type of numbers.
    """

    line: Line
    config: str
    parts: tuple[Part, ...]
    batch: Any
    sizes: tuple[int, ...]
    floatx: str


def job_of(model: Any, data: tuple[Any, Any, Any], sizes: tuple[int, ...]) -> Job:
    """Return the job of a model; the model, its data and all random numbers stay as they are.

    Args:
        model: a compiled model.
        data: inputs, targets and weights, as ``fit`` is given them.
        sizes: the batch sizes to try.

    Raises:
        Refusal: for a model that its configuration does not make again in another process, and for data that
            can be read once.
    """
    line: Line = line_of(model) or active_line()
    config, parts = _config(model, line)
    return Job(line, config, parts, _sample(data, line), sizes, keras_module(line).backend.floatx())


def _config(model: Any, line: Line) -> tuple[str, tuple[Part, ...]]:
    try:
        config = keras_module(line).saving.serialize_keras_object(model)
        text = json.dumps(config)
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        first = str(error).strip().partition("\n")[0][:120]
        raise Refusal(
            f"batch_size_find: expected a model that another process can make from its configuration, "
            f"received {model.name!r} ({first}): give its classes a  get_config"
        ) from error
    return text, parts_of(model, config)


def _sample(data: tuple[Any, Any, Any], line: Line) -> Any:
    with unread(data[0]):
        feed = fed(data, None, 1, line, name="batch_size_find")
        batch = next(iter(feed.arguments["x"]))
    if feed.arguments.get("y") is not None:
        raise Refusal(
            "batch_size_find: expected dense arrays, received others: give a tf.data.Dataset of them"
        )
    return _arrays(batch if isinstance(batch, tuple) else (batch,))


def _arrays(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _arrays(each) for key, each in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(_arrays(each) for each in structure)
    return structure if structure is None else np.asarray(structure)


def tiled(structure: Any, size: int) -> Any:
    """Return a batch of a size from the rows of another one, again and again.

    Example:
        >>> tiled((np.arange(3), {"a": np.arange(3)}), 5)[0].tolist()
        [0, 1, 2, 0, 1]
    """
    if isinstance(structure, dict):
        return {key: tiled(each, size) for key, each in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(tiled(each, size) for each in structure)
    return structure if structure is None else structure[np.arange(size) % len(structure)]
