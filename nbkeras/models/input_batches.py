"""Inputs of a model batch by batch, with what a Dataset has beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.data.tensors import LeftToKeras, leaves, tensors
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.runtime.keras_lines import Line


class InputBatches:
    """Batches of inputs, targets and weights, None where there are none; each iteration begins anew.

    Args:
        x: an array, a list, tuple or dict of them, or a ``tf.data.Dataset`` of batches.
        batch_size: samples in a batch of arrays.
        line: the Keras line whose types are made.
        what: how a refusal begins.
    """

    def __init__(self, x: Any, batch_size: int, line: Line | None, what: str) -> None:
        import tensorflow as tf

        self.is_dataset = isinstance(x, tf.data.Dataset)
        self._x = tuple(x) if isinstance(x, list) else x
        self._batch_size, self._line, self._what = batch_size, line, what

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yield batches of tensors."""
        if self.is_dataset:
            for element in self._x:
                parts = element if isinstance(element, tuple) else (element,)
                yield (*parts, None, None)[:3]
            return
        lengths = {len(each) if getattr(each, "shape", ()) else 0 for each in leaves(self._x)}
        if len(lengths) != 1 or 0 in lengths:
            told = (
                "none" if lengths <= {0} else f"inputs of {' and '.join(map(str, sorted(lengths)))} samples"
            )
            raise Refusal(
                f"{self._what}: expected arrays with a row for each sample, received {told}: give  x"
            )
        for start in range(0, lengths.pop(), self._batch_size):
            rows = some_rows(self._x, slice(start, start + self._batch_size))
            yield as_tensors(rows, self._line, self._what), None, None


def some_rows(structure: Any, rows: slice) -> Any:
    """Return some rows of each array in a structure."""
    import tensorflow as tf

    return tf.nest.map_structure(lambda each: each[rows], structure)


def as_tensors(structure: Any, line: Any, what: str) -> Any:
    """Return arrays as the tensors that ``fit`` would make of them.

    Raises:
        Refusal: for what is no dense array of numbers.
    """
    try:
        return tensors(structure, line)
    except LeftToKeras as odd:
        raise Refusal(f"{what}: expected arrays of numbers, received {odd}: give NumPy arrays") from odd
