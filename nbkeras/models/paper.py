"""A model on paper: names and sizes of its layers, to plan with while the model itself is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from nbkeras.models.base_and_head import Parts
from nbkeras.models.blocks import Block, is_batch_norm
from nbkeras.models.layer_graph import has_graph, inside, up_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class PaperWeight:
    """A trainable weight of which only the shape is known."""

    shape: tuple[int, ...]


class PaperLayer:
    """What a plan asks of a layer, or of a model: names, sizes, and a ``trainable`` that nothing else sees.

    Example:
        >>> dense = PaperLayer("out", "Dense", [(4, 2), (2,)])
        >>> dense.trainable = False
        >>> dense.trainable_weights
        []

    Args:
        name: the layer's name.
        kind: the name of its class.
        shapes: of its own trainable weights.
        fixed: how many numbers of its own never train.
        layers: those that it holds, in Keras's order.
        shape: what it puts out for one sample, in words.
        shown: of a nested model, its layers as one lists them.
        trainable: the flag. Default True.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        shapes: Sequence[tuple[int, ...]] = (),
        *,
        fixed: int = 0,
        layers: Sequence[PaperLayer] = (),
        shape: str = "",
        shown: Sequence[PaperLayer] | None = None,
        trainable: bool = True,
    ) -> None:
        """Note all of it."""
        self.name, self.kind, self.shape = name, kind, shape
        self.layers, self.shown = tuple(layers), tuple(layers if shown is None else shown)
        self.is_nested = shown is not None
        self.outputs = (shape,)
        self.own = [PaperWeight(tuple(each)) for each in shapes]
        self.fixed = fixed
        self._trainable = trainable

    @property
    def trainable(self) -> bool:
        """The flag; to set it sets it for all that is inside, too, as Keras does."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        for each in self.layers:
            each.trainable = value

    @property
    def trainable_weights(self) -> list[PaperWeight]:
        """The weights that would train."""
        if not self._trainable:
            return []
        inner = [weight for each in self.layers for weight in each.trainable_weights]
        return list({id(weight): weight for weight in (*self.own, *inner)}.values())

    @property
    def weights(self) -> list[Any]:
        """Those with a flag of their own: none, the layer's counts for all of them."""
        return []

    @property
    def parameters(self) -> int:
        """How many numbers it holds, fixed ones too."""
        every = [self, *self._flatten_layers(include_self=False)]
        found = {id(each): each for each in every}.values()
        return sum(each.fixed + sum(prod(weight.shape) for weight in each.own) for each in found)

    def _flatten_layers(self, *, include_self: bool = True, recursive: bool = True) -> Iterator[PaperLayer]:
        """Yield what is inside, as the layers of both Keras lines do."""
        if include_self:
            yield self
        for each in self.layers:
            yield each
            if recursive:
                yield from each._flatten_layers(include_self=False)  # noqa: SLF001 - its own kind


class PaperBatchNormalization(PaperLayer):
    """A layer that keeps statistics of its batches; it is told by its class, as Keras's are."""


@dataclass(frozen=True, slots=True)
class PaperModel:
    """A model on paper with its base and head.

    Attributes:
        model: the model.
        parts: its base and head; the layers are those of `model`.
        base: ids of the layers of `model.shown` that belong to the base, those without weights too.
    """

    model: PaperLayer
    parts: Parts
    base: frozenset[int]


def on_paper(model: Any, parts: Parts) -> PaperModel:
    """Return a model on paper; the model is only read.

    Args:
        model: a built model of either Keras line.
        parts: its base and head.
    """
    made: dict[int, PaperLayer] = {}
    paper = _copied(model, made)
    paper.shown = tuple(made[id(each)] for each in model.layers)
    last = next(each for each in model.layers if each.name == parts.name)
    fed = up_to(model, last) if has_graph(model) else [last]

    def copies(layers: Sequence[Any]) -> tuple[PaperLayer, ...]:
        return tuple(made[id(each)] for each in layers)

    blocks = tuple(Block(each.name, copies(each.layers)) for each in parts.blocks)
    own = Parts(parts.name, copies(parts.base), copies(parts.head), blocks)
    return PaperModel(paper, own, frozenset(id(made[id(each)]) for each in fed))


def _copied(layer: Any, made: dict[int, PaperLayer]) -> PaperLayer:
    if id(layer) in made:
        return made[id(layer)]
    held = list(layer._flatten_layers(include_self=False, recursive=False))  # noqa: SLF001 - see inner_layers
    inner = [_copied(each, made) for each in held]
    nested = inside(layer)
    # Neither line says in public which weights of a frozen layer would train (Keras 3.15, tf_keras 2.21).
    own = getattr(layer, "_trainable_variables", None) or getattr(layer, "_trainable_weights", None) or []
    kind = PaperBatchNormalization if is_batch_norm(layer) else PaperLayer
    inner_weights = {id(weight) for each in held for weight in each.weights}
    every = [weight for weight in layer.weights if id(weight) not in inner_weights]
    shapes = [tuple(int(size) for size in each.shape) for each in own]
    found = made[id(layer)] = kind(
        str(layer.name),
        type(layer).__name__,
        shapes,
        fixed=sum(prod(each.shape) for each in every) - sum(map(prod, shapes)),
        layers=inner,
        shape=_put_out(layer),
        shown=None if nested is None else [_copied(each, made) for each in nested],
        trainable=bool(layer.trainable),
    )
    return found


def _put_out(layer: Any) -> str:
    """Return the shape that a layer puts out, without the batch; "" where it has none, or several."""
    try:
        # tf_keras has it as a shape, Keras 3 of its symbolic output; a layer that is used twice has none.
        shape = layer.output_shape if hasattr(layer, "output_shape") else layer.output.shape
    except (AttributeError, RuntimeError, ValueError):
        return ""
    if isinstance(shape, list):
        shape = shape[0] if len(shape) == 1 else ()
    try:
        return " x ".join("?" if size is None else str(int(size)) for size in tuple(shape)[1:])
    except (TypeError, ValueError):
        return ""
