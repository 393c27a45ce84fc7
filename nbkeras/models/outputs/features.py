"""`features`: the outputs of any layers of a model, in memory or streamed to HDF5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness, kept_variables
from nbkeras.models.checked_numbers import counted
from nbkeras.models.outputs.chosen import chosen
from nbkeras.models.outputs.recording import Recorder, recorder
from nbkeras.models.reasons import computing
from nbkeras.models.row_files import RowWriter
from nbkeras.models.stored_rows import StoredRows
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


class Features(Mapping[str, Any]):
    """The outputs of layers by name: arrays, or rows in an HDF5 file, which can be indexed.

    Attributes:
        left_out: why layers that a pattern has meant, and no name, have no outputs here, by their paths.
    """

    def __init__(self, found: Mapping[str, Any], left_out: Mapping[str, str] | None = None) -> None:
        """Hold what `features` has computed."""
        self._found = dict(found)
        self.left_out = dict(left_out or {})

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
        rows += [] if stored is None else [f"in {stored.path}"]
        return "\n".join([*rows, *self.remarks()])

    def remarks(self) -> list[str]:
        """Return in lines what was left out."""
        return [
            f"left out: {', '.join(path for path, each in self.left_out.items() if each == why)}, which {why}"
            for why in dict.fromkeys(self.left_out.values())
        ]


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
            called in a loop, for an endless Dataset, and for data that the model does not take.
    """
    found, first, batches = traced(model, layers, x, batch_size=batch_size, training=training)
    with RowWriter(to, most=None) as writer, kept_losses(model), kept_randomness():
        with kept_variables(found.function.get_concrete_function(first)):
            batch, names = first, {}
            while batch is not None:
                with computing(model, "features"):
                    made = {name: each.numpy() for name, each in found.function(batch).items()}
                _check_rows(made, batch)
                names = {name: name.replace("/", ".") if to is not None else name for name in made}
                _check_names(names)
                writer.append({names[name]: each for name, each in made.items()})
                batch = next(batches, None)
        stored = writer.finish()
    return Features({name: stored[kept] for name, kept in names.items()}, found.left_out)


def traced(
    model: Any, layers: Any, x: Any, *, batch_size: int, training: bool
) -> tuple[Recorder, Any, Iterator[Any]]:
    """Return what gives the outputs of layers, traced, with the first batch and those behind it.

    Raises:
        Refusal: as `features`.
    """
    if not is_model(model) or not model.built:
        what = "one that is not built" if is_model(model) else type(model).__name__
        raise Refusal(f"features: expected a built model, received {what}: call it once, as in  model(x[:2])")
    batch_size = counted(batch_size, "batch_size")
    found = recorder(model, chosen(model, layers), training=training)
    batches = _batches(x, batch_size)
    first = next(batches, None)
    if first is None:
        raise Refusal("features: expected data, received none: give at least one sample")
    with kept_losses(model), kept_randomness(), computing(model, "features"):
        found.function.get_concrete_function(first)
    return found, first, batches


def _check_rows(made: Mapping[str, Any], batch: Any) -> None:
    import tensorflow as tf

    count = len(tf.nest.flatten(batch)[0])
    odd = next((name for name, each in made.items() if len(each) != count), None)
    if odd is not None:
        raise Refusal(
            f"features: expected a row for each of {count} samples, received {len(made[odd])} from {odd!r}: "
            "name the layer around it"
        )


def _check_names(names: Mapping[str, str]) -> None:
    twice = [name for name, kept in names.items() if list(names.values()).count(kept) > 1]
    if twice:
        raise Refusal(
            f"to: expected layers with names of their own in a file, where / is ., received {twice[0]!r} and "
            f"{twice[1]!r}: leave one out"
        )


def _batches(x: Any, batch_size: int) -> Iterator[Any]:
    import tensorflow as tf

    if isinstance(x, tf.data.Dataset):
        if int(x.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise Refusal("features: expected data with an end, received an endless Dataset: use  take(n)")
        for element in x:
            batch = element[0] if isinstance(element, tuple) else element
            tf.nest.map_structure(_check_dense, batch)
            yield batch
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

    _check_dense(each)
    if getattr(each, "shape", ()) == ():
        raise Refusal(
            f"features: expected arrays, received {type(each).__name__}: give NumPy arrays or a "
            "tf.data.Dataset"
        )
    # As Keras does: floats become float32.
    return each.astype("float32") if isinstance(each, np.ndarray) and each.dtype == "float64" else each


def _check_dense(each: Any) -> None:
    import tensorflow as tf

    ways = {tf.RaggedTensor: "x.to_tensor()", tf.SparseTensor: "tf.sparse.to_dense(x)"}
    way = next((way for kind, way in ways.items() if isinstance(each, kind)), None)
    # SciPy's sparse matrices have it.
    way = way or ("x.toarray()" if hasattr(each, "tocoo") else None)
    if way is not None:
        raise Refusal(f"features: expected dense data, received a {type(each).__name__}: type  {way}")
