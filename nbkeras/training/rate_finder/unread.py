"""Leaves data as they were before they were read: with what they draw, and what they count."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.captured import captured
from nbkeras.callbacks.backup.named_values import held_by, reached
from nbkeras.callbacks.backup.python_data import functions_in, functions_of
from nbkeras.callbacks.backup.randomness import read_random, write_random
from nbkeras.callbacks.backup.sources import is_dataset, is_sequence, pipeline
from nbkeras.callbacks.backup.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def unread(data: Any) -> Iterator[None]:
    """Put back what reading data in the block has moved.

    That is the variables with which a dataset's functions draw and count; the generators of Python's and
    NumPy's that the user's code for the data names; those that a PyDataset holds, its layers that augment,
    and its attributes themselves; and the random states of the process.

    Args:
        data: inputs as ``fit`` is given them; arrays have nothing that moves.
    """
    state = read_random()
    variables = [(each, np.array(each.numpy())) for each in [*captured(data), *_variables(data)]]
    generators = [(each, _state(each)) for each in _generators(data)]
    attributes = dict(vars(data)) if is_sequence(data) else {}
    try:
        yield
    finally:
        if attributes:
            vars(data).clear()
            vars(data).update(attributes)
        for variable, value in variables:
            variable.assign(value)
        for generator, before in generators:
            _set(generator, before)
        write_random(state)


def _variables(data: Any) -> Iterator[Any]:
    """Give those of layers that augment, and of TensorFlow's generators, that a PyDataset holds."""
    for value in held_by(data) if is_sequence(data) else ():
        if hasattr(value, "_flatten_layers"):
            yield from (each for group in variables_of(value).values() for each in group)
        elif type(value).__name__ == "Generator" and type(value).__module__.startswith("tensorflow."):
            yield value.state


def _generators(data: Any) -> list[Any]:
    values: list[Any] = []
    functions: list[Any] = []
    if is_dataset(data):
        functions = [each for found in functions_in(pipeline(data)).values() for each in found]
    elif is_sequence(data):
        values, functions = list(held_by(data)), functions_of(data)
    values += [named.value for function in functions for named in reached(function)]
    kinds = (random.Random, np.random.Generator, np.random.RandomState)
    return list({id(each): each for each in values if isinstance(each, kinds)}.values())


def _state(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    is_new = isinstance(generator, np.random.Generator)
    return generator.bit_generator.state if is_new else generator.get_state()


def _set(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)
