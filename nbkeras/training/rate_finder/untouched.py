"""Leaves a model, its optimizer and all random numbers as they were, whatever a test training did to them."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.randomness import read_random, write_random
from nbkeras.callbacks.backup.variables import replicas, variables_of
from nbkeras.reproducibility.names import name_counters, put_back
from nbkeras.training.custom_step.state import legacy_generators, other_containers
from nbkeras.training.rate_finder.unread import unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def untouched(model: Any, *data: Any) -> Iterator[None]:
    """Put back what a training in the block changes, bit for bit, also when it fails or is interrupted.

    That is every variable of the model, of its losses, metrics and optimizer, and of its layers' random
    numbers, on each replica; the model's attributes, compiled functions among them; what reading the data
    moves (`unread`); the states of Python's, NumPy's, Keras's and TensorFlow's random numbers; and the
    numbers in the names that Keras gives. What the user's own code changes elsewhere stays changed.

    Args:
        model: a compiled model with weights.
        data: what it trains on; the variables of datasets are put back, too.
    """
    attributes = dict(vars(model))
    counted = getattr(attributes.get("_obj_reference_counts_dict"), "_storage", {})
    counts = dict(counted)
    held = [*(each for group in variables_of(model).values() for each in group), *_of_losses(model)]
    parts = [part for each in held for part in replicas(each) or (each,)]
    values = [(part, np.array(part.numpy())) for part in parts]
    layers = [(each, dict(vars(each))) for each in legacy_generators(model)]
    state, absent, names = read_random(), _made_later(), name_counters()
    with ExitStack() as stack:
        for given in data:
            stack.enter_context(unread(given))
        stack.enter_context(other_containers(model))
        try:
            yield
        finally:
            with uninterrupted():
                stack.close()
                vars(model).clear()
                vars(model).update(attributes)
                # tf_keras keeps alive what it has counted as an attribute: the copied optimizer, say.
                counted.clear()
                counted.update(counts)
                for part, value in values:
                    part.assign(value)
                for each, before in layers:
                    vars(each).update(before)
                for forget in absent:
                    forget()
                write_random(state)
                put_back(names)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let an interrupt wait for the end of a block."""
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    waiting: list[tuple[Any, Any]] = []
    before = signal.signal(signal.SIGINT, lambda *signalled: waiting.append(signalled))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting and callable(before):
            before(*waiting[0])


def _of_losses(model: Any) -> Iterator[Any]:
    """Give the variables that losses of the user's hold: they are none of the model's."""
    import tensorflow as tf

    for loss in tf.nest.flatten(getattr(model, "loss", None)):
        held = getattr(loss, "__dict__", {}).values()
        yield from (each for each in held if all(hasattr(type(each), name) for name in ("assign", "numpy")))


def _made_later() -> list[Callable[[], None]]:
    """Return what takes away the generators that do not exist yet: Keras makes them when one first draws."""
    found: list[Callable[[], None]] = []
    states = sys.modules.get("keras.src.backend.common.global_state")
    if states is not None and states.get_global_attribute("global_seed_generator") is None:
        found.append(lambda: states.set_global_attribute("global_seed_generator", None))
    operations = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
    if operations is not None and operations.global_generator is None:
        found.append(lambda: setattr(operations, "global_generator", None))
    seeds = getattr(sys.modules.get("tf_keras.src.backend"), "_SEED_GENERATOR", None)
    if seeds is not None and not hasattr(seeds, "generator"):
        found.append(lambda: vars(seeds).pop("generator", None))
    return found
