"""What of a training's data cannot be replayed exactly, by name."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.drawing import stateful_draws
from nbkeras.callbacks.backup.named_values import held_by
from nbkeras.callbacks.backup.python_data import (
    functions_in,
    functions_of,
    functions_of_workers,
    shares_state,
    unseeded,
)
from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def is_dataset(x: Any) -> bool:
    """Tell whether data are a ``tf.data.Dataset``."""
    return hasattr(x, "element_spec") and hasattr(x, "_inputs")


def is_arrays(x: Any) -> bool:
    """Tell whether data are arrays, which have one order and no state."""
    return not is_dataset(x) and not hasattr(x, "__next__") and not is_sequence(x)


def inexact_sources(
    given: Mapping[str, Any], model: Any, *, arrays_are_ordered: bool = False
) -> Iterator[str]:
    """Name what of a ``fit`` may differ when it is replayed.

    Args:
        given: the arguments of ``fit`` by name.
        model: the model.
        arrays_are_ordered: whether arrays come as a pipeline with a seed.
    """
    x = given.get("x")
    if is_dataset(x):
        yield from dict.fromkeys(_of_dataset(x))
    elif hasattr(x, "__next__"):
        yield (
            "not exact: a generator is read again from its start, so make it in the cell, and seed what it "
            "draws from"
        )
    elif is_arrays(x) and given.get("shuffle") and not arrays_are_ordered and not _seed_is_set():
        yield (
            "not exact: Keras shuffles arrays without a seed: type  keras.utils.set_random_seed(1)  first, "
            "or shuffle=False"
        )
    if given.get("validation_data") is not None and is_dataset(given.get("val_x")):
        yield from (line + " (validation)" for line in dict.fromkeys(_of_dataset(given["val_x"])))
    used = list({id(data): data for data in (x, given.get("val_x"))}.values())
    for data in used:
        yield from _of_python(data, given)
    yield from _of_one_shuffle(x, given.get("val_x"))
    yield from _of_layers(model)
    yield from _read_before(used)


_read: list[weakref.ref[Any]] = []


def _read_before(used: list[Any]) -> Iterator[str]:
    going_on = list({id(each): each for data in used for each in _going_on(data)}.values())
    if any(held() is each for held in _read for each in going_on):
        yield (
            "not exact: the data were read before in this kernel, and their order goes on: make them in "
            "the cell that trains"
        )
    _read[:] = [held for held in _read if held() is not None]
    _read.extend(weakref.ref(each) for each in going_on if all(held() is not each for held in _read))


def _going_on(data: Any) -> list[Any]:
    """Return what gives another order when it is begun anew: steps of a pipeline, or the data themselves."""
    if is_dataset(data):
        orders = orders_of(data)
        return [each for each in pipeline(data) if id(each) in orders]
    return [] if data is None or is_arrays(data) else [data]


def orders_of(dataset: Any) -> set[int]:
    """Return the steps of a pipeline whose order goes on with each reading."""
    names = {id(each): type(each).__name__ for each in pipeline(dataset)}
    return {key for key, name in names.items() if "Shuffle" in name or "Random" in name}


def _of_python(data: Any, given: Mapping[str, Any]) -> Iterator[str]:
    """Name what the user's own code for the data draws from without a seed."""
    if is_dataset(data):
        for name, functions in functions_in(pipeline(data)).items():
            yield from unseeded(name, functions)
    elif is_sequence(data):
        name, functions = type(data).__name__, functions_of(data)
        yield from unseeded(name, functions, held_by(data))
        # A PyDataset has them, tf_keras's fit is given them.
        if max(getattr(data, "workers", None) or 1, given.get("workers") or 1) > 1:
            yield from shares_state(name, functions_of_workers(data))
            if line_of(data) == "tf_keras" and any(each.__name__ == "on_epoch_end" for each in functions):
                # Measured with tf_keras 2.21: OrderedEnqueuer's thread looks every 0.1 s whether all is read.
                yield (
                    f"not exact: with several workers, tf_keras calls {name}.on_epoch_end once more where an "
                    "epoch's end takes longer than 0.1 s, in one run and not in another: take one worker"
                )


def _of_one_shuffle(x: Any, held_out: Any) -> Iterator[str]:
    if not is_dataset(x) or not is_dataset(held_out) or not orders_of(x) & orders_of(held_out):
        return
    if any("Repeat" in type(each).__name__ for each in (*pipeline(x), *pipeline(held_out))):
        yield (
            "not exact: training and validation data come from one shuffle that repeats, whose seeds go to "
            "whichever reads on first: make a pipeline for each"
        )


def _of_dataset(dataset: Any) -> Iterator[str]:
    for each in pipeline(dataset):
        name = type(each).__name__
        if "Shuffle" in name and _is_zero(each, "_seed") and _is_zero(each, "_seed2"):
            yield "not exact: shuffle has no seed: give it one,  shuffle(n, seed=1)"
        if getattr(each, "_deterministic", None) == "false":
            yield f"not exact: {verb(each)} with deterministic=False has an order of its own each time"
        for function in each._functions():  # noqa: SLF001 - no public name finds what a pipeline does
            yield from _of_function(function, verb(each))
    if getattr(dataset.options(), "deterministic", None) is False:
        yield "not exact: the dataset's option deterministic=False gives it an order of its own each time"


def pipeline(dataset: Any) -> Iterator[Any]:
    """Give a dataset and those that it is made of."""
    yield dataset
    for each in dataset._inputs():  # noqa: SLF001 - no public name finds what a pipeline is made of
        yield from pipeline(each)


def _of_function(function: Any, verb: str) -> Iterator[str]:
    graph = getattr(getattr(function, "function", None), "graph", None)
    for operation in () if graph is None else graph.get_operations():
        if operation.type in {"PyFunc", "EagerPyFunc"}:
            yield f"not exact: {verb} calls Python: it is run again from its start, seed what it draws from"
        elif operation.type.startswith("Random") and not _seeds(operation):
            yield f"not exact: {verb} draws without a seed: type  keras.utils.set_random_seed(1)  first"


def _seeds(operation: Any) -> bool:
    try:
        return bool(operation.get_attr("seed") or operation.get_attr("seed2"))
    except ValueError:
        return True


def _of_layers(model: Any) -> Iterator[str]:
    """Name the layers that draw from operations whose state cannot be kept."""
    own = "keras.random and a SeedGenerator" if line_of(model) == "keras" else "a tf.random.Generator"
    for name, function in stateful_draws(model):
        yield f"not exact: {name} draws by {function}, whose state cannot be kept: draw by {own} of its own"
    for layer in model._flatten_layers():  # noqa: SLF001 - no public name finds nested layers
        kind = getattr(getattr(layer, "_random_generator", None), "_rng_type", None)
        if kind == "legacy_stateful" and line_of(layer) == "tf_keras":
            yield (
                f"not exact: {type(layer).__name__} draws from operations whose state cannot be kept: "
                "build the model after  tf_keras.backend.experimental.enable_tf_random_generator()"
            )
            return


def verb(dataset: Any) -> str:
    """Return what a step of a pipeline is called: ``map``."""
    # _ParallelMapDataset
    return type(dataset).__name__.strip("_").removesuffix("Dataset").removeprefix("Parallel").lower()


def _is_zero(dataset: Any, name: str) -> bool:
    held = getattr(dataset, name, None)
    return held is not None and int(held) == 0


def _seed_is_set() -> bool:
    from tensorflow.python.eager import context

    return context.context()._seed is not None  # noqa: SLF001 - no public name tells it


def is_sequence(x: Any) -> bool:
    """Tell whether data are a ``PyDataset`` or a ``Sequence``."""
    names = {cls.__name__ for cls in type(x).__mro__}
    return bool(names & {"PyDataset", "Sequence"}) and line_of(x) is not None
