"""`placement`: where the variables and operations of each layer of a model are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from nbkeras.devices.placing.measured import operations
from nbkeras.devices.placing.names import short
from nbkeras.devices.placing.sample import inputs_of
from nbkeras.devices.placing.suited import refuse_unsuited
from nbkeras.devices.placing.told import LayerPlacement, Placement
from nbkeras.runtime.keras_lines import is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def placement(model: Any, batch: Any = None) -> Placement:
    """Return where the variables, operations and gradients of each layer of a model are, measured.

    The devices of variables are read from the variables. Those of operations are read from the graphs that
    TensorFlow hands to each device: a forward pass in training, and the gradients of the sum of all outputs
    and of the losses that layers add, are run once on a batch. The model, its optimizer and metrics and all
    states of random generators stay as they are, bit for bit.

    Example:
        >>> import keras, nbkeras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="end")])
        >>> (end,) = nbkeras.placement(model).layers  # doctest: +SKIP
        >>> end.variables, end.forward, end.is_apart  # doctest: +SKIP
        ({'CPU:0': 2}, {'CPU:0': 2}, False)

    Args:
        model: a model of either Keras line, on TensorFlow, that is built.
        batch: inputs that it takes. By default zeros of the shapes that the model tells: 2 samples, and 8 for
            sizes that it leaves open.

    Returns:
        The table, as an object: ``layers``, ``outside``, ``devices``.

    Raises:
        Refusal: for what is no model or is not built, for a batch that it can't take, and under a
            ``tf.distribute`` strategy.
    """
    checked_model(model)
    rows = [(model.name, model), *_rows(model, "")]
    numbers = {id(layer): number for number, (_, layer) in enumerate(rows)}
    keras = keras_module(line_of(model))
    try:
        found = operations(model, keras.layers.Layer, numbers, inputs_of(model, batch))
    except Refusal:
        raise
    except Exception as error:
        words = "zeros in the shapes of its inputs" if batch is None else "one that it can't compute"
        told = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise Refusal(
            f"batch: expected inputs of {model.name!r}, received {words} ({told}): give  x[:2]"
        ) from error
    layers = [
        LayerPlacement(
            name,
            type(layer).__name__,
            Counter() if layer is model else counted(layer.weights),
            found[number].forward if number in found else Counter(),
            found[number].gradients if number in found else Counter(),
        )
        for number, (name, layer) in enumerate(rows)
        # A model in the model has its own row where it computes something beside its layers.
        if layer is model or not is_model(layer) or number in found
    ]
    outside = Counter(layers[0].forward) + Counter(layers[0].gradients)
    if None in found:
        outside += found[None].gradients
    optimizer = getattr(model, "optimizer", None)
    held = getattr(optimizer, "variables", ()) if optimizer is not None else ()
    return Placement(
        tuple(layers[1:]), dict(outside), sizes(model.weights), sizes(held() if callable(held) else held)
    )


def checked_model(model: Any) -> None:
    """Refuse what has no layers with a place.

    Raises:
        Refusal: see `placement`.
    """
    if not is_model(model):
        raise Refusal(f"expected a model, received {type(model).__name__}: type  %placement model")
    refuse_unsuited(model)
    if not model.built:
        raise Refusal(
            f"expected a model with variables, received {model.name!r}, which has none yet: call it once, as "
            "in  model(x[:2])"
        )


def _rows(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Name the layers of a model, each once, and those of models in it."""
    seen: set[int] = set()
    for layer in model.layers:
        if id(layer) in seen or type(layer).__name__ == "InputLayer":
            continue
        seen.add(id(layer))
        yield f"{path}{layer.name}", layer
        if is_model(layer):
            yield from _rows(layer, f"{path}{layer.name}/")


def counted(variables: Iterable[Any]) -> Counter[str]:
    """Return how many variables are on each device."""
    return Counter(short(each.device) for each in _held(variables))


def sizes(variables: Iterable[Any]) -> dict[str, int]:
    """Return how many bytes of variables are on each device."""
    found: Counter[str] = Counter()
    for each in _held(variables):
        found[short(each.device)] += each.shape.num_elements() * each.dtype.size
    return dict(found)


def _held(variables: Iterable[Any]) -> Iterator[Any]:
    # Keras 3 has TensorFlow's variable in its own one.
    return (held for each in variables if (held := getattr(each, "_value", each)) is not None)
