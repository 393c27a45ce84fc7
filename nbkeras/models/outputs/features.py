"""`features`: the outputs of any layers of a model, in memory or streamed to HDF5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness, kept_variables
from nbkeras.models.outputs.chosen import chosen
from nbkeras.models.outputs.recording import recorder
from nbkeras.models.row_files import RowWriter, StoredRows
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


class Features(Mapping[str, Any]):
    """The outputs of layers by name: arrays, or rows in an HDF5 file, which can be indexed."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        """Hold what `features` has computed."""
        self._found = dict(found)

    def __getitem__(self, name: str) -> Any:
        """Return the outputs of a layer, a row a sample."""
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._found)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._found)

    def __repr__(self) -> str:
        """Say what there is, a line for each."""
        rows = [f"{name}: {tuple(each.shape)} {each.dtype}" for name, each in self.items()]
        stored = next((each for each in self.values() if isinstance(each, StoredRows)), None)
        return "\n".join(rows if stored is None else [*rows, f"in {stored.path}"])


def features(
    model: Any,
    layers: Any,
    x: Any,
    *,
    to: str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    training: bool = False,
) -> Features:
    """Return what layers of a model put out for some inputs; see `nbkeras.features`.

    Raises:
        Refusal: for a model that is not built, for a layer that there is not, that is not called, or that is
            called in a loop, and for an endless Dataset.
    """
    if not is_model(model) or not model.built:
        what = "one that is not built" if is_model(model) else type(model).__name__
        raise Refusal(f"features: expected a built model, received {what}: call it once, as in  model(x[:2])")
    function = recorder(model, chosen(model, layers), training=training)
    batches = _batches(x, batch_size)
    first = next(batches, None)
    if first is None:
        raise Refusal("features: expected data, received none: give at least one sample")
    with RowWriter(to, most=None) as writer, kept_losses(model), kept_randomness():
        with kept_variables(function.get_concrete_function(first)):
            batch, names = first, {}
            while batch is not None:
                found = {name: each.numpy() for name, each in function(batch).items()}
                names = {name: name.replace("/", ".") for name in found}
                writer.append({names[name]: each for name, each in found.items()})
                batch = next(batches, None)
        stored = writer.finish()
    return Features({name: stored[kept] for name, kept in names.items()})


def _batches(x: Any, batch_size: int) -> Iterator[Any]:
    import tensorflow as tf

    if isinstance(x, tf.data.Dataset):
        if int(x.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise Refusal("features: expected data with an end, received an endless Dataset: use  take(n)")
        for element in x:
            yield element[0] if isinstance(element, tuple) else element
        return
    arrays = tf.nest.map_structure(_array, x)
    sizes = {len(each) for each in tf.nest.flatten(arrays)}
    if len(sizes) != 1:
        raise Refusal(
            f"features: expected arrays of one length, received {sorted(sizes)}: give as many rows of each"
        )
    for start in range(0, max(sizes), batch_size):
        rows = slice(start, start + batch_size)
        yield tf.nest.map_structure(lambda each, rows=rows: tf.convert_to_tensor(each[rows]), arrays)


def _array(each: Any) -> Any:
    import numpy as np

    if getattr(each, "shape", ()) == ():
        raise Refusal(f"features: expected arrays, received {type(each).__name__}: give NumPy arrays")
    # As Keras does: floats become float32.
    return each.astype("float32") if isinstance(each, np.ndarray) and each.dtype == "float64" else each
