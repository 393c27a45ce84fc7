"""Which data need not be read again: those whose next epoch is the same, whether this one was read or not.

Measured with TensorFlow 2.21: ``shuffle`` and ``Dataset.random`` draw the seeds of an epoch when its iterator
is made, and random operations in ``map`` begin anew with each iterator. An epoch whose iterator was made and
never read then leaves the data as one that was read to its end. Not so where an iterator is made only when
another one has ended (``concatenate``, ``repeat``), where a first pass is kept (``cache``), and where a
function has a state of its own; such data are read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.sources import is_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EACH_FOR_EACH = {
    *("TensorSlice", "Tensor", "Range", "Random", "Shuffle", "Batch", "ParallelBatch", "PaddedBatch"),
    *("Map", "ParallelMap", "Take", "Skip", "Prefetch", "Options", "Shard", "Zip", "AssertCardinality"),
    *("TFRecord", "TextLine", "FixedLengthRecord", "ParallelInterleave", "Interleave", "FlatMap"),
}
# What may give more in one epoch than in another: known to end alike only where the length is known.
_OF_ANY_LENGTH = {"Filter", "Unbatch"}
_WITH_SEEDS = {"Shuffle", "Random"}
_LATER = {"Repeat", "Concatenate"}
# Parts of the names of operations that have a state outside of the iterator, or are anything.
_STATEFUL = (
    *("PyFunc", "Anonymous", "Seed", "Shuffle", "Cache", "VarHandle", "Generator", "Iterator", "Repeat"),
)


class Skipping:
    """Tells what of the data of one ``fit`` need not be read again.

    Args:
        given: the arguments of ``fit`` by name.
        model: the model.
    """

    def __init__(self, given: Mapping[str, Any], model: Any) -> None:
        """Look at the data; none are read."""
        alone = getattr(model.distribute_strategy, "num_replicas_in_sync", 1) == 1
        x: Any = given.get("x")
        held_out: Any = given.get("val_x")
        self.training = alone and given.get("steps_per_epoch") is None and can_skip(x)
        """Whether epochs need not be read but for their begin."""
        self.measured = self.training and int(x.cardinality()) < 0
        """Whether the first of them must be, because only it tells how many steps they have."""
        self.opened = self.training and _is_nested(x)
        """Whether a first batch has to be taken from each: only then are the iterators beneath made."""
        self.validation = (
            alone
            and given.get("validation_steps") is None
            and can_skip(held_out)
            and int(held_out.cardinality()) > 0
            and not _is_nested(held_out)
        )
        """Whether the validation data need not be read."""


def can_skip(data: Any) -> bool:
    """Tell whether an epoch of a dataset is the same, whether those before it were read or not."""
    if not is_dataset(data):
        return False
    allowed = _EACH_FOR_EACH if int(data.cardinality()) < 0 else _EACH_FOR_EACH | _OF_ANY_LENGTH
    return _is_made_of(data, allowed)


def _is_made_of(dataset: Any, allowed: set[str]) -> bool:
    name = _name(dataset)
    inputs = list(dataset._inputs())  # noqa: SLF001 - no public name finds what a pipeline is made of
    if name in _LATER:
        if any(_name(each) in _WITH_SEEDS for each in _all(dataset)):
            return False
    elif name not in allowed:
        return False
    functions = dataset._functions()  # noqa: SLF001 - see above
    return not any(map(_has_state, functions)) and all(_is_made_of(each, allowed) for each in inputs)


def _is_nested(dataset: Any) -> bool:
    """Tell whether a shuffle has seeds beneath it: those are drawn when it is first read."""
    return any(
        _name(each) == "Shuffle" and any(_name(below) in _WITH_SEEDS for below in list(_all(each))[1:])
        for each in _all(dataset)
    )


def _all(dataset: Any) -> Iterator[Any]:
    yield dataset
    for each in dataset._inputs():  # noqa: SLF001 - see above
        yield from _all(each)


def _name(dataset: Any) -> str:
    # _ParallelMapDataset: ParallelMap; TFRecordDatasetV2: TFRecord.
    return type(dataset).__name__.strip("_").removesuffix("V1").removesuffix("V2").removesuffix("Dataset")


def _has_state(function: Any) -> bool:
    graph = getattr(getattr(function, "function", None), "graph", None)
    if graph is None:
        return True
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(node for held in definition.library.function for node in held.node_def)]
    names = {node.op for node in nodes if not node.op.startswith("Stateless")}
    if any(each.dtype.name in {"resource", "variant"} for each in graph.external_captures):
        return True
    return any(part in name for name in names for part in _STATEFUL)
