"""Leaves data as they were before they were read: with what they draw, and what they count."""

from __future__ import annotations

import gc
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
from nbkeras.training.custom_step.state import legacy_generators

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
    owners = [data, *(each for layer in _layers(data) for each in legacy_generators(layer))]
    attributes = [(each, dict(vars(each))) for each in owners if is_sequence(data)]
    try:
        yield
    finally:
        if generators:
            # Iterators that are left in circles read ahead, and draw.
            gc.collect()
        for owner, held in attributes:
            vars(owner).clear()
            vars(owner).update(held)
        for variable, value in variables:
            variable.assign(value)
        for generator, before in generators:
            _set(generator, before)
        write_random(state)


def _layers(data: Any) -> list[Any]:
    return [each for each in held_by(data) if hasattr(each, "_flatten_layers")] if is_sequence(data) else []


def _variables(data: Any) -> Iterator[Any]:
    """Give those of layers that augment, and of TensorFlow's generators, that a PyDataset holds."""
    for layer in _layers(data):
        yield from (each for group in variables_of(layer).values() for each in group)
    for value in held_by(data) if is_sequence(data) else ():
        if type(value).__name__ == "Generator" and type(value).__module__.startswith("tensorflow."):
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
