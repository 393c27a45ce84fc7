"""A function that gives what the layers of a model put out while the whole model is called once."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbkeras.models.outputs.chosen import Chosen


def recorder(model: Any, wanted: Sequence[Chosen], *, training: bool) -> Any:
    """Return a ``tf.function`` from a model's inputs to the outputs of layers by name.

    The calls of layers are seen while the function is traced. So a layer of a nested model has the outputs
    that it has in the whole model, a layer that is called several times has all of them, and a subclassed
    model needs no graph. Of a layer that is called once and gives one tensor the name is its path; its second
    call is ``path#2``, the second of several tensors ``path:1``.
    """
    import tensorflow as tf

    base = keras_module(line_of(model)).layers.Layer
    watched = {id(each.layer) for each in wanted}

    def outputs(inputs: Any) -> dict[str, Any]:
        calls: dict[int, list[Any]] = {}
        with _recording(base, watched, calls):
            _called(model, inputs, training=training)
        graph = tf.compat.v1.get_default_graph()
        found: dict[str, Any] = {}
        for each in wanted:
            made = calls.get(id(each.layer), [])
            for number in _uses(each, len(made)):
                tensors = tf.nest.flatten(made[number - 1])
                use = f"#{number}" if len(made) > 1 else ""
                for at, tensor in enumerate(tensors):
                    if getattr(tensor, "graph", None) is not graph:
                        raise Refusal(
                            "features: expected a layer that the model calls itself, received "
                            f"{each.path!r}, which is called in a loop, a condition or another function: "
                            "name the layer around it"
                        )
                    found[f"{each.path}{use}" + (f":{at}" if len(tensors) > 1 else "")] = tensor
        return found

    return tf.function(outputs, autograph=False, reduce_retracing=True)


def _uses(each: Chosen, count: int) -> list[int]:
    if not count:
        raise Refusal(
            f"features: expected a layer that the model calls, received {each.path!r}, which it does not: "
            "leave it out"
        )
    if each.use is None:
        return list(range(1, count + 1))
    if each.use > count:
        raise Refusal(
            f"features: expected a use from 1 to {count}, received {each.path}#{each.use}: type  "
            f"{each.path}#{count}"
        )
    return [each.use]


def _called(model: Any, inputs: Any, *, training: bool) -> Any:
    try:
        return model(inputs, training=training)
    except TypeError as error:
        # The own call of a subclass may have no such argument, in tf_keras.
        if "training" not in str(error):
            raise
        return model(inputs)


@contextmanager
def _recording(base: Any, watched: set[int], calls: dict[int, list[Any]]) -> Iterator[None]:
    """Note what watched layers return in this thread, as long as a block runs."""
    plain, thread = base.__call__, threading.get_ident()

    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = plain(self, *args, **kwargs)
        if id(self) in watched and threading.get_ident() == thread:
            calls.setdefault(id(self), []).append(found)
        return found

    base.__call__ = recorded
    try:
        yield
    finally:
        base.__call__ = plain
