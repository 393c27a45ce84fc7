"""Lets the random numbers in the dataset of a ``fit`` go on from epoch to epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.checks.random_operations import seeded_operations
from nbkeras.data.repeated import repeated
from nbkeras.reproducibility.seeding import is_deterministic
from nbkeras.training.data_passes import dataset_of, noise_finding, passes_of

if TYPE_CHECKING:
    from nbkeras.training.calls import Call


def keep_noise_going(call: Call, *, by: str) -> str | None:
    """Train through one iterator of the call's dataset where each epoch would get the same noise.

    The steps of each epoch stay what they were. Where one iterator would change them, the call stays as it
    is, and what is said tells the fault and the way out.

    Args:
        call: a call of ``fit``; its dataset and ``steps_per_epoch`` are replaced.
        by: the option that asked for it, for the note.

    Returns:
        One line, None where there is nothing to say.
    """
    finding = noise_finding(call)
    if finding is None:
        return None
    dataset = dataset_of(call)
    steps = passes_of(call, int(dataset.cardinality())).steps_in_one
    replicas = getattr(call.model.distribute_strategy, "num_replicas_in_sync", 1)
    if steps is None or replicas > 1 or not call.takes("steps_per_epoch"):
        return f"{finding}; not mended by {by}"
    call.set("x", repeated(dataset, deterministic=is_deterministic()))
    call.set("steps_per_epoch", steps)
    operations = seeded_operations(dataset)
    said = (
        f"each epoch gets random numbers of its own from {' and '.join(operations)}, through ds.repeat() and "
        f"steps_per_epoch={steps}, by {by}"
    )
    if not is_deterministic() and any("parallel" in each for each in operations):
        said += "; in parallel they are other ones in each run without  %seed N --deterministic"
    return said
