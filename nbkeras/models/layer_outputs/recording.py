"""Records what layers put out while a model is called, in any model: functional, nested or of one's own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbkeras.models.layer_outputs.choosing import Chosen

_MOST_PARTS = 8


def recorded(model: Any, base: Any, chosen: Sequence[Chosen]) -> Callable[[Any], dict[str, Any]]:
    """Return a function of inputs that calls a model in inference and returns what layers put out, by name.

    A layer's one output has its path for a name; those of several uses end with ``:1``, ``:2``, and the parts
    of an output that has several with ``[0]``, ``[1]``. It can be made a graph with ``tf.function``.

    Args:
        model: a built model.
        base: the class of all layers of its Keras line.
        chosen: the layers.
    """

    def call(inputs: Any) -> dict[str, Any]:
        with _uses({id(each.layer) for each in chosen}, base) as uses:
            model(inputs, training=False)
        found: dict[str, Any] = {}
        for each in chosen:
            found |= _named(each, uses[id(each.layer)])
        return found

    return call


@contextmanager
def _uses(wanted: set[int], base: Any) -> Iterator[dict[int, list[Any]]]:
    """Note the outputs of layers at each of their calls, as long as a block runs in this thread."""
    plain, thread = base.__call__, threading.get_ident()
    found: dict[int, list[Any]] = {each: [] for each in wanted}

    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = plain(self, *args, **kwargs)
        if id(self) in found and threading.get_ident() == thread:
            found[id(self)].append(outputs)
        return outputs

    base.__call__ = noting
    try:
        yield found
    finally:
        base.__call__ = plain


def _named(chosen: Chosen, uses: list[Any]) -> dict[str, Any]:
    import tensorflow as tf

    # Keras 3 calls layers with symbolic tensors where it builds something first.
    kept = [tf.nest.flatten(each) for each in uses]
    kept = [parts for parts in kept if parts and all(tf.is_tensor(part) for part in parts)]
    if not kept:
        raise Refusal(
            f"features: expected a layer that the model calls in inference, received {chosen.path!r}, which it "
            "does not call: leave it out"
        )
    if chosen.use is not None and chosen.use > len(kept):
        raise Refusal(
            f"features: expected one of {len(kept)} uses, received {chosen.path}:{chosen.use}: type  "
            f"{chosen.path}:{len(kept)}"
        )
    found = {}
    for number, parts in enumerate(kept, 1):
        if chosen.use not in (None, number):
            continue
        name = chosen.path if len(kept) == 1 else f"{chosen.path}:{number}"
        if len(parts) > _MOST_PARTS:
            raise Refusal(
                f"features: expected at most {_MOST_PARTS} tensors of a layer, received {len(parts)} of "
                f"{chosen.path!r}: leave it out"
            )
        for place, part in enumerate(parts):
            _check(chosen, part)
            found[name if len(parts) == 1 else f"{name}[{place}]"] = part
    return found


def _check(chosen: Chosen, tensor: Any) -> None:
    import tensorflow as tf

    if not isinstance(tensor, tf.Tensor):
        raise Refusal(
            f"features: expected dense outputs, received a {type(tensor).__name__} of {chosen.path!r}: leave "
            "it out"
        )
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    if getattr(tensor, "graph", None) is not graph and graph is not None:
        raise Refusal(
            f"features: expected a layer that is called once a batch, received {chosen.path!r}, which runs "
            "inside a loop or a function of its own: give the layer around it"
        )
