"""How one ``fit`` goes through its data, and what is likely wrong with it."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.identity import steps_at_once
from nbkeras.checks.passes import Passes
from nbkeras.checks.seeded_by_hand import global_seed, same_noise, same_order
from nbkeras.data.tensors import leaves
from nbkeras.reproducibility.seeding import current_seed
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.training.calls import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    from nbkeras.checks.finding import Finding
    from nbkeras.training.calls import Call
    from nbkeras.training.options import FitOptions


def finding_notes(call: Call, options: FitOptions) -> list[str]:
    """Return one line for each thing that is likely wrong with a call; the call stays as it is.

    Args:
        call: any call, after nbkeras has set what the options ask for.
        options: of the cell; where nbkeras has seeded, it has said itself what it could not mend.
    """
    if call.kind != "fit" or options.seed is not None or current_seed() is not None:
        return []
    try:
        return [str(finding) for finding in _findings(call)]
    except Exception:  # noqa: BLE001 - what only looks at a training must not end it
        return []


def noise_finding(call: Call) -> Finding | None:
    """Return what is found of random numbers in the dataset of a ``fit``, None without a dataset."""
    dataset = dataset_of(call)
    return None if dataset is None else same_noise(passes_of(call, int(dataset.cardinality())), dataset)


def dataset_of(call: Call) -> Any:
    """Return the ``tf.data.Dataset`` of a call, None for other data."""
    tensorflow, x = sys.modules.get("tensorflow"), call.get("x")
    return x if tensorflow is not None and isinstance(x, tensorflow.data.Dataset) else None


def passes_of(call: Call, batches: int) -> Passes:
    """Describe the iterators of a ``fit`` whose data have so many batches."""
    line = line_of(call.model) or active_line()
    steps = call.get("steps_per_epoch")
    if line == "keras" and (limit := sys.modules["keras"].config.max_steps_per_epoch()):
        # Keras 3 has a setting that cuts epochs short.
        steps = min(limit, steps or limit)
    epochs = int(call.get("epochs", default=1)) - int(call.get("initial_epoch", default=0))
    return Passes(line, batches, epochs, steps, steps_at_once(call.model))


def _findings(call: Call) -> list[Finding]:
    found = [noise_finding(call)]
    if call.says("x") and not call.has_batches and call.get("shuffle", default=True):
        counts = [array.shape[0] for array in leaves(call.get("x")) if getattr(array, "shape", None)]
        size = call.batch_size or DEFAULT_BATCH_SIZE
        if counts:
            passes = passes_of(call, math.ceil(_trained(call, counts[0]) / size))
            found.append(same_order(passes, size=size, seed=global_seed()))
    return [finding for finding in found if finding is not None]


def _trained(call: Call, samples: int) -> int:
    """Return how many of the samples are left to train on."""
    share = 0.0 if call.says("validation_data") else float(call.get("validation_split") or 0)
    return math.floor(samples * (1 - share))
