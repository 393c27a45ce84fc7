"""Batches from Python that share no memory with the arrays that they were made from.

``tf.data`` takes a NumPy array for a tensor without a copy where its memory is aligned. A strategy cuts such
a batch into parts for its replicas, and TensorFlow 2.21 takes a part for memory of its own: on CPUs, an
operation that needs its input no more writes its result there. Measured with Keras 3.15.1, a `PyDataset` of
views (``y[i:j]``) and two logical CPUs: in one epoch the first half of nearly every batch of the user's ``y``
was overwritten; with four of them by tf_keras 2.21, too, from a dataset by ``from_generator``. Data that
``tf.data`` batches by itself are not touched, nor is anything on one device.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.data.batch_steps import BATCHES, kind_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def copies_of(batches: Iterator[Any]) -> Generator[Any, None, None]:
    """Give the batches of a generator with arrays of their own."""
    for batch in batches:
        yield copied_arrays(batch)


@contextmanager
def giving_copies(sequence: Any) -> Iterator[None]:
    """Let a ``PyDataset`` or ``Sequence`` give batches with arrays of their own inside of a ``with``.

    Args:
        sequence: the object, which has another class meanwhile.
    """
    own = type(sequence)

    def item(self: Any, index: int) -> Any:
        return copied_arrays(own.__getitem__(self, index))

    # Of the same name: that is what backups and messages tell of it.
    sequence.__class__ = type(own.__name__, (own,), {"__getitem__": item, "__module__": "nbkeras"})
    try:
        yield
    finally:
        sequence.__class__ = own


def copied_dataset(dataset: Any) -> Any:
    """Return a dataset of the same batches, in memory of their own where Python has made them.

    Args:
        dataset: a ``tf.data.Dataset`` of batches.
    """
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def copied(*batch: Any) -> Any:
        made = tf.nest.map_structure(lambda each: tf.raw_ops.DeepCopy(x=each), batch, expand_composites=True)
        return made if isinstance(dataset.element_spec, tuple) else made[0]

    return dataset.map(copied)


def copied_arrays(batch: Any) -> Any:
    """Return a batch with copies of its NumPy arrays."""
    if isinstance(batch, dict):
        return {key: copied_arrays(each) for key, each in batch.items()}
    if type(batch) in {tuple, list}:
        return type(batch)(copied_arrays(each) for each in batch)
    return batch.copy() if isinstance(batch, np.ndarray) else batch


def is_generator(data: Any) -> bool:
    """Tell whether data are a generator."""
    return isinstance(data, GeneratorType)


def is_from_python(dataset: Any) -> bool:
    """Tell whether a function in Python makes a dataset's batches, and not only what is batched then."""
    if kind_of(dataset) in BATCHES:
        return False
    for function in dataset._functions():  # noqa: SLF001 - no public name finds what a pipeline does
        graph = getattr(getattr(function, "function", None), "graph", None)
        if graph is None:
            continue
        definition = graph.as_graph_def()
        inner = (node for held in definition.library.function for node in held.node_def)
        if any(node.op in _PYTHON for node in (*definition.node, *inner)):
            return True
    return any(is_from_python(each) for each in dataset._inputs())  # noqa: SLF001 - see above
