"""What the data of a training look like, and in what others differ from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.configs import plain, shown
from nbkeras.callbacks.backup.data_values import values_of
from nbkeras.callbacks.backup.sources import is_dataset, is_sequence, pipeline, verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A longer list is one of samples, and not of inputs.
_FEW = 50
_DATA = ("x", "y", "sample_weight", "val_x")
_VALUES = (*_DATA, "val_y", "val_sample_weight")
# What is compared in its own way.
_OTHERWISE = {"seeds", "values"}
_ARGUMENTS = (
    *("steps_per_epoch", "initial_epoch", "class_weight"),
    *("validation_steps", "validation_batch_size", "validation_freq"),
)
# Seeds that TensorFlow draws where the user gives none are up to 2**31; people write smaller ones.
_WRITTEN = 100_000


def form_of(given: Mapping[str, Any], values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Describe the data of a ``fit``, so that others can be told from them; of arrays, a part is read.

    Args:
        given: the arguments of ``fit`` by name.
        values: what `values_of` gave for the user's data, where ``fit`` has them in another form.
    """
    # Another size of the batches says more than what comes of it.
    forms: dict[str, Any] = {"batch_size": _text(given.get("batch_size"))}
    forms |= {name: _form(given.get(name)) for name in _DATA}
    forms |= {name: _text(given.get(name)) for name in _ARGUMENTS}
    # A dataset has an order of its own, whatever this says.
    forms["shuffle"] = "" if is_dataset(given.get("x")) else _text(given.get("shuffle"))
    forms["seeds"] = {name: list(_seeds(given.get(name))) for name in ("x", "val_x")}
    forms["values"] = values_of({name: given.get(name) for name in _VALUES}) if values is None else values
    return forms


def data_difference(backup: dict[str, Any], now: dict[str, Any]) -> str:
    """Say in what the data of two trainings differ first, "" when they do not."""
    for name, form in now.items():
        if name not in _OTHERWISE and form != backup[name]:
            what = f"data ({name}) of {form}" if name in _DATA else f"{name}={form}"
            return f"{what}, the backup's is {backup[name]}"
    for what, theirs, ours in _other_seeds(backup, now):
        if not theirs or not ours or min(theirs[-1], ours[-1]) < _WRITTEN:
            return f"data with seeds {ours} of {what}, the backup's are {theirs}"
    for name, digest in now["values"].items():
        if backup["values"].get(name, digest) != digest:
            return f"data ({name}) with other values than the backup's, which a seed for them would keep"
    return ""


def drawn_otherwise(backup: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Say where TensorFlow has drawn other seeds for the data than it had for the backup's."""
    for what, _, _ in _other_seeds(backup, now):
        yield (
            f"not exact: {what} in the data has another seed than before, which TensorFlow has drawn for it: "
            "type  keras.utils.set_random_seed(1)  in the cell that makes the data, or give it one"
        )
        return


def _other_seeds(backup: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, list[int], list[int]]]:
    for name, ours in now["seeds"].items():
        theirs = backup["seeds"][name]
        for place in range(max(len(ours), len(theirs))):
            mine: list[Any] = ours[place] if place < len(ours) else ["none", []]
            other: list[Any] = theirs[place] if place < len(theirs) else ["none", []]
            if mine != other:
                yield str((mine if mine[1] else other)[0]), other[1], mine[1]


def _seeds(data: Any) -> Iterator[list[Any]]:
    """Give the seeds in a pipeline: those of its steps, and of random operations in their functions."""
    for each in pipeline(data) if is_dataset(data) else ():
        held = [getattr(each, name, None) for name in ("_seed", "_seed2")]
        if None not in held:
            yield [verb(each), [int(seed) for seed in held if seed is not None]]
        for function in each._functions():  # noqa: SLF001 - no public name finds what a pipeline does
            graph = getattr(getattr(function, "function", None), "graph", None)
            for operation in () if graph is None else graph.get_operations():
                if operation.type.startswith("Random"):
                    seeds = [operation.node_def.attr[name].i for name in ("seed", "seed2")]
                    yield [f"{operation.type} in {verb(each)}", [int(seed) for seed in seeds]]


def _text(value: Any) -> str:
    return shown(plain(value)) if isinstance(value, dict) else str(value)


def _form(data: Any) -> str:
    if is_dataset(data):
        return f"{_batches(int(data.cardinality()))} of {_element(data.element_spec)}"
    if isinstance(data, dict):
        return str({key: _form(each) for key, each in data.items()})
    if isinstance(data, (list, tuple)) and len(data) < _FEW:
        return str([_form(each) for each in data])
    if is_sequence(data):
        return f"{type(data).__name__}, {len(data)} batches"
    shape, dtype = getattr(data, "shape", None), getattr(data, "dtype", None)
    # A table of pandas has a type for each column.
    return type(data).__name__ if shape is None else f"{tuple(shape)} {dtype or type(data).__name__}"


def _batches(count: int) -> str:
    # As tf.data says it: INFINITE_CARDINALITY and UNKNOWN_CARDINALITY.
    return {-1: "batches without end", -2: "an unknown number of batches"}.get(count, f"{count} batches")


def _element(spec: Any) -> str:
    """Say what the elements of a dataset look like: ``(any, 3) float32 and (any, 1) float32``."""
    if isinstance(spec, dict):
        return f"{{{', '.join(f'{key}: {_element(each)}' for key, each in spec.items())}}}"
    if isinstance(spec, (list, tuple)):
        parts = [
            f"({_element(each)})" if isinstance(each, (list, tuple)) else _element(each) for each in spec
        ]
        return " and ".join(parts)
    shape = getattr(spec, "shape", None)
    kind = type(spec).__name__.removesuffix("Spec").removesuffix("Tensor").lower()
    if shape is None or shape.rank is None:
        return f"{kind or 'tensors'} of any shape"
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    more = f" ({kind})" if kind else ""
    return f"({sizes}{',' * (len(shape) == 1)}) {spec.dtype.name}{more}"
