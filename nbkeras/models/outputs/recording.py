"""A function that gives what the layers of a model put out while the whole model is called once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.models.outputs.calls_in_order import CallsInOrder
from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.models.outputs.chosen import Chosen


@dataclass(frozen=True, slots=True)
class Recorder:
    """What the layers of a model put out.

    Attributes:
        function: a ``tf.function`` from the model's inputs to outputs by name.
        left_out: after a trace, why layers that a pattern alone has meant give none, by their paths.
        turned: after a trace, of layers by their paths, which use each call is, in the order of computing.
    """

    function: Any
    left_out: dict[str, str]
    turned: dict[str, list[int]]


def recorder(model: Any, wanted: Sequence[Chosen], *, training: bool) -> Recorder:
    """Return what gives the outputs of layers, from inputs of a model.

    The calls of layers are seen while the function is traced. So a layer of a nested model has the outputs
    that it has in the whole model, a layer that is called several times has all of them, and a subclassed
    model needs no graph. Of a layer that is called once and gives one tensor the name is its path; its second
    call is ``path#2``, the second of several tensors ``path:1``. In a graph, which Keras computes in an order
    of its own, the second call is the one that was written second.

    Raises:
        Refusal: in the trace, for a layer that gives no outputs outside of the model.
    """
    import tensorflow as tf

    base = keras_module(line_of(model)).layers.Layer
    watched = {id(each.layer) for each in wanted}
    left_out: dict[str, str] = {}
    turned: dict[str, list[int]] = {}

    def outputs(inputs: Any) -> dict[str, Any]:
        calls = CallsInOrder(watched)
        with calls.recorded(base):
            _called(model, inputs, training=training)
        turned.update({each.path: calls.uses(each.layer) for each in wanted if calls.are_turned(each.layer)})
        count = tf.nest.flatten(inputs)[0].shape[0]
        named = [_named(each, calls.of(each.layer), count) for each in wanted]
        without = [
            (each, found) for each, found in zip(wanted, named, strict=True) if isinstance(found, _Lack)
        ]
        refused = next((lack for each, lack in without if not each.by_pattern), None)
        if refused is None and len(without) == len(wanted):
            refused = without[0][1]
        if refused is not None:
            raise Refusal(f"features: {refused.refusal}")
        left_out.update((each.path, lack.why) for each, lack in without)
        return {name: tensor for found in named if isinstance(found, dict) for name, tensor in found.items()}

    return Recorder(tf.function(outputs, autograph=False, reduce_retracing=True), left_out, turned)


@dataclass(frozen=True, slots=True)
class _Lack:
    """Why a layer gives no outputs outside of the model, and the line that refuses it."""

    why: str
    refusal: str


def _lack(each: Chosen, expected: str, why: str, mend: str = "name the layer around it") -> _Lack:
    return _Lack(why, f"expected {expected}, received {each.path!r}, which {why}: {mend}")


def _named(each: Chosen, made: Sequence[Any], count: int | None) -> dict[str, Any] | _Lack:
    """Return the outputs of a layer by name, from what its calls have returned, or why there are none."""
    import tensorflow as tf

    if not made:
        return _lack(each, "a layer that the model calls", "it does not call", "leave it out")
    graph = tf.compat.v1.get_default_graph()
    found: dict[str, Any] = {}
    for number in _uses(each, len(made)):
        tensors = [tensor for tensor in tf.nest.flatten(made[number - 1]) if tensor is not None]
        use = f"#{number}" if len(made) > 1 else ""
        for at, tensor in enumerate(tensors):
            if isinstance(tensor, (tf.RaggedTensor, tf.SparseTensor, tf.IndexedSlices)):
                return _lack(each, "a layer with dense outputs", f"gives a {type(tensor).__name__}")
            if getattr(tensor, "graph", None) is not graph:
                why = "is called in a loop, a condition or another function"
                return _lack(each, "a layer that the model calls itself", why)
            rows = tensor.shape[0] if tensor.shape.rank else None
            if tensor.shape.rank == 0 or (count is not None and rows not in {None, count}):
                why = f"gives {tuple(tensor.shape)} for {count} samples"
                return _lack(each, "a layer with a row for each sample", why)
            found[f"{each.path}{use}" + (f":{at}" if len(tensors) > 1 else "")] = tensor
    return found


def _uses(each: Chosen, count: int) -> list[int]:
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
