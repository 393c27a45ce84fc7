"""What is said and refused where several replicas share the batches of a call."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from nbkeras.data.batch_steps import samples_of_dataset
from nbkeras.runtime.keras_lines import line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.calls import size_of_batches
from nbkeras.training.scopes import refuse_model, refuse_optimizer, strategy_of_model

if TYPE_CHECKING:
    from nbkeras.training.calls import Call


def distribution_notes(call: Call, asked: int | None = None, *, pad: bool = False) -> list[str]:
    """Return what is said about the sharing of a call's batches.

    Args:
        call: any call; nothing of it is changed.
        asked: the batch size of ``--batch-size``.
        pad: whether uneven batches of a ``fit`` go whole to each replica. Default False.

    Raises:
        Refusal: for what Keras fails at in the middle of the call with words that do not tell why.
    """
    notes = _keras_distribution(call)
    in_force = _in_force()
    if in_force is None and not _is_distributed(call.model):
        return notes
    own = strategy_of_model(call.model)
    if own is None and _has_servers(in_force):
        # Their variables do not know of the strategy.
        own = getattr(call.model, "distribute_strategy", None)
    if in_force is not None and own is not in_force:
        refuse_model(call, in_force, own)
    strategy = own or in_force
    if strategy is None or not _shares_batches(strategy):
        return notes
    _refuse_missing(call, strategy)
    if "TPU" in type(strategy).__name__:
        _refuse_shapes(call)
    count = int(strategy.num_replicas_in_sync)
    if count == 1:
        return notes
    size = call.batch_size
    if asked is not None and not call.says("batch_size") and not call.has_batches:
        size = asked
    if own is not None:
        refuse_optimizer(call, own)
    _refuse_steps(call, count)
    _refuse_branches(call, count)
    _refuse_sizes(call, count, size, several_here=_has_several_here(strategy), pad=pad)
    if call.kind == "fit":
        notes = [*_shares(call, count, size, pad=pad), *_normalization(call.model), *notes]
    return notes


def sharing_strategy(call: Call) -> Any:
    """Return the strategy whose replicas share a call's batches, None where there are not several."""
    in_force = _in_force()
    if in_force is None and not _is_distributed(call.model):
        return None
    strategy = strategy_of_model(call.model) or in_force
    if strategy is None or not _shares_batches(strategy) or int(strategy.num_replicas_in_sync) == 1:
        return None
    return strategy


def _shares_batches(strategy: Any) -> bool:
    """Tell whether the replicas of a strategy share each batch: those of a parameter server do not."""
    distribute = sys.modules["tensorflow"].distribute
    kinds = (distribute.MirroredStrategy, distribute.TPUStrategy, distribute.MultiWorkerMirroredStrategy)
    return isinstance(strategy, kinds)


def _has_servers(strategy: Any) -> bool:
    """Tell whether parameter servers keep the variables."""
    kind = sys.modules["tensorflow"].distribute.ParameterServerStrategy
    return isinstance(strategy, kind)


def _has_several_here(strategy: Any) -> bool:
    """Tell whether several replicas are in this process, and not one in each of several."""
    return len(strategy.extended.worker_devices) > 1


def _in_force() -> Any:
    """Return the strategy that is in force here, None for TensorFlow's own."""
    tf = sys.modules.get("tensorflow")
    distribute = getattr(tf, "distribute", None)
    return distribute.get_strategy() if distribute is not None and distribute.has_strategy() else None


def _is_distributed(model: Any) -> bool:
    """Tell whether a model was made under a strategy, where none is in force."""
    tf = sys.modules.get("tensorflow")
    own = getattr(model, "distribute_strategy", None)
    return tf is not None and own is not None and own is not tf.distribute.get_strategy()


def _refuse_missing(call: Call, strategy: Any) -> None:
    """Refuse devices that are not there: TensorFlow takes them without a word, and then waits for ever."""
    tf = sys.modules["tensorflow"]
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        return
    there = [each.name.rpartition("device:")[2] for each in tf.config.list_logical_devices()]
    wanted = [name.rpartition("device:")[2] for name in strategy.extended.worker_devices]
    missing = [name for name in wanted if name not in there]
    if missing:
        text = (
            f"{call.kind}: expected a strategy over devices that are there ({', '.join(there)}), received "
            f"one with {missing[0]}: type  %strategy mirrored  in its place"
        )
        raise Refusal(text)


def _refuse_steps(call: Call, count: int) -> None:
    # Keras 3.15 fails with words about a placeholder in a loop; tf_keras can do it.
    steps = getattr(call.model, "steps_per_execution", 1)
    if line_of(call.model) == "keras" and isinstance(steps, int) and steps > 1:
        text = (
            f"{call.kind}: expected steps_per_execution=1, which is all that Keras 3 can do with {count} "
            f"replicas, received {steps}: compile the model with steps_per_execution=1"
        )
        raise Refusal(text)


def _refuse_branches(call: Call, count: int) -> None:
    # Keras 3.15 fails with "`merge_call` called while defining a new graph"; tf_keras can do it.
    if call.kind != "fit" or line_of(call.model) != "keras":
        return
    optimizer = getattr(call.model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
        value = getattr(optimizer, name, None)
        if value and (name != "ema_overwrite_frequency" or getattr(optimizer, "use_ema", False)):
            text = (
                f"fit: expected an optimizer with {name}=None, which is all that Keras 3 can do with {count} "
                f"replicas, received {value}: compile the model without it"
            )
            raise Refusal(text)


def _refuse_sizes(call: Call, count: int, size: int | None, *, several_here: bool, pad: bool) -> None:
    is_fit = call.kind == "fit"
    if not (pad and is_fit):
        _refuse_batch(call, count, size, several_here=several_here)
    if is_fit and several_here and line_of(call.model) == "keras":
        _refuse_validation(call, count, size)


def _refuse_batch(call: Call, count: int, size: int | None, *, several_here: bool) -> None:
    if call.kind == "predict" or size is None:
        return
    if size % count and call.kind == "fit":
        below = size - size % count
        near = f"{below} or {below + count}" if below else str(count)
        text = (
            f"batch_size: expected a multiple of the {count} replicas, which share each batch evenly, "
            f"received {size}: give  {near}"
        )
        raise Refusal(text)
    samples = samples_of(call) or _samples_in(call.get("x"))
    first = size if samples is None else min(size, samples)
    # Keras 3.15 adds up the shares of a process's replicas of the first batch to learn its shape.
    if several_here and first % count and line_of(call.model) == "keras":
        text = (
            f"{call.kind}: expected a first batch that {count} replicas can share evenly, received {first} "
            f"sample{'s' * (first != 1)}: give {first - first % count + count}"
        )
        raise Refusal(text)


def _refuse_validation(call: Call, count: int, size: int | None) -> None:
    """Refuse what Keras 3 fails at when the first epoch is over, for the reason that is told above."""
    given = call.get("validation_data")
    if hasattr(given, "element_spec"):
        whole = size_of_batches(given)
        samples = _samples_in(given) or whole
    else:
        whole = call.get("validation_batch_size") or size
        samples = _validation_samples(call)
    if samples is None or whole is None:
        return
    first = min(int(whole), samples)
    if first % count:
        text = (
            f"validation: expected a first batch that {count} replicas can share evenly, received {first} "
            f"sample{'s' * (first != 1)}: give {first - first % count or count}"
        )
        raise Refusal(text)


def _validation_samples(call: Call) -> int | None:
    """Return how many samples a ``fit`` validates on, None where it doesn't, or that can't be told."""
    given = call.get("validation_data")
    if given is None:
        split, x = call.get("validation_split") or 0.0, call.get("x")
        count = _rows(x)
        return count - math.floor(count * (1.0 - split)) if split and count else None
    return _rows(given[0]) if isinstance(given, (list, tuple)) and given else None


def samples_of(call: Call) -> int | None:
    """Return how many samples a call trains on, None where that cannot be told without reading data."""
    x = call.get("x")
    if x is None or call.has_batches:
        return None
    count = _rows(x)
    split = call.get("validation_split") or 0.0
    return count if count is None or call.says("validation_data") else math.floor(count * (1.0 - split))


def _samples_in(data: Any) -> int | None:
    """Return how many samples a dataset has in one pass, None for other data and where it is unknown."""
    return samples_of_dataset(data) if hasattr(data, "element_spec") else None


def _rows(x: Any) -> int | None:
    """Return how many samples arrays have, None for other things."""
    while isinstance(x, (dict, list, tuple)) and x and not hasattr(x, "shape"):
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]
    shape = getattr(x, "shape", None)
    return None if shape is None or len(shape) == 0 else int(shape[0])


def _shares(call: Call, count: int, size: int | None, *, pad: bool) -> list[str]:
    if size is None:
        return [f"{count} replicas share each batch"]
    if size % count:
        return [f"{count} replicas"]
    notes = [f"{count} replicas: each takes {size // count} samples of a batch of {size}"]
    samples = samples_of(call) or _samples_in(call.get("x"))
    last = 0 if samples is None or call.says("steps_per_epoch") else samples % size
    if samples is not None and last % count and not pad:
        # Measured with 65 samples in batches of 32 on 2 replicas: the weights differ from those of one
        # device by 0.04 after 3 epochs, and by 6e-8 with 64 or 62 samples.
        even = samples - last % count
        mend = f"; {even} samples in all would be shared evenly" if even else ""
        notes.append(
            f"the last batch, of {last}, can't be shared evenly: its samples count otherwise than on one "
            f"device{mend}"
        )
    return notes


def _normalization(model: Any) -> list[str]:
    flat = model._flatten_layers()  # noqa: SLF001 - no public name reaches layers in layers
    names = [
        layer.name
        for layer in flat
        if type(layer).__name__ == "BatchNormalization" and not getattr(layer, "synchronized", False)
    ]
    if not names:
        return []
    few = 3
    more = f" and {len(names) - few} more" if len(names) > few else ""
    said = f"{', '.join(names[:few])}{more}: each replica normalises by its own share of a batch"
    return [f"{said}; BatchNormalization(synchronized=True) takes the whole"]


def _keras_distribution(call: Call) -> list[str]:
    keras = sys.modules.get("keras")
    ask = getattr(getattr(keras, "distribution", None), "distribution", None)
    if call.kind != "fit" or ask is None or line_of(call.model) != "keras":
        return []
    set_one = ask()
    if set_one is None or keras is None or keras.backend.backend() != "tensorflow":
        return []
    name = type(set_one).__name__
    return [f"keras.distribution's {name} does nothing on TensorFlow: %strategy mirrored  shares batches"]


def _refuse_shapes(call: Call) -> None:
    """Refuse a dataset whose batches a TPU can't be compiled for, and name the step that makes them so."""
    x = call.get("x")
    if call.kind == "predict" or not hasattr(x, "element_spec") or _is_static(x):
        return
    step = x
    # What was made before it has the shapes still; no public name leads there.
    while (before := getattr(step, "_input_dataset", None)) is not None and not _is_static(before):
        step = before
    name = type(step).__name__.strip("_").removesuffix("Dataset")
    name = {"ParallelBatch": "batch", "ParallelMap": "map"}.get(name, name.lower())
    mend = "batch(…, drop_remainder=True)" if "batch" in name else f"ensure_shape in {name}"
    text = (
        f"{call.kind}: expected batches of one shape, which a TPU is compiled for, received a dataset whose "
        f"{name} leaves it open: write  {mend}"
    )
    raise Refusal(text)


def _is_static(dataset: Any) -> bool:
    specs: list[Any] = [dataset.element_spec]
    while specs:
        spec = specs.pop()
        if isinstance(spec, dict):
            specs += spec.values()
        elif isinstance(spec, (list, tuple)):
            specs += spec
        elif getattr(spec, "shape", None) is not None and not spec.shape.is_fully_defined():
            return False
    return True
