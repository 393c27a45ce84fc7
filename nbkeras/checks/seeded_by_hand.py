"""Seeds of TensorFlow that make every epoch the same: NBK101 and NBK102."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.checks.finding import Finding
from nbkeras.checks.passes import UNKNOWN
from nbkeras.checks.random_operations import seeded_operations

if TYPE_CHECKING:
    from nbkeras.checks.passes import Passes

# What TensorFlow gives for its global seed while none is set (DEFAULT_GRAPH_SEED of random_seed.py).
_NO_SEED = 87654321


def same_order(passes: Passes, *, size: int, seed: int | None) -> Finding | None:
    """Find arrays that Keras 3 shuffles into one and the same order in every epoch.

    Keras 3 shuffles by a random operation in ``Dataset.map``, and makes a new iterator for each epoch. Once
    TensorFlow has a global seed, each new iterator begins the operation's random numbers again (measured with
    Keras 3.15; tf_keras 2.21 does not have the fault).

    Example:
        >>> from nbkeras.checks.passes import Passes
        >>> same_order(Passes("keras", batches=4, epochs=3), size=32, seed=7).code
        'NBK101'

    Args:
        passes: how the ``fit`` goes through the batches of its arrays, which it shuffles.
        size: samples in a batch.
        seed: TensorFlow's global seed, as `global_seed` gives it.
    """
    if passes.line != "keras" or seed is None or passes.batches < 2 or not passes.begin_anew:  # noqa: PLR2004
        return None
    return Finding(
        "NBK101",
        "warning",
        "Keras 3 gives the arrays one and the same order in every epoch, because TensorFlow has a seed",
        f"seed {seed}, {passes.epochs} epochs of {passes.batches} batches",
        f"%%fit --seed {seed}  above the cell, or feed  tf.data.Dataset.from_tensor_slices((x, y))"
        f".shuffle(len(x), seed={seed}).batch({size})  with shuffle=False",
    )


def same_noise(passes: Passes, dataset: Any) -> Finding | None:
    """Find a dataset whose functions draw the same random numbers in every epoch.

    Args:
        passes: how the ``fit`` goes through the dataset.
        dataset: a ``tf.data.Dataset``; nothing is read from it.
    """
    operations = seeded_operations(dataset) if passes.begin_anew else []
    if not operations:
        return None
    steps = passes.steps_in_one
    if steps is None:
        fix = (
            "rng = tf.random.Generator.from_seed(1)  and  rng.normal(…) for tf.random.normal(…), in a map "
            "without num_parallel_calls"
        )
    else:
        count = "len(ds)" if steps == passes.batches else str(steps)
        fix = f"%%fit --seed 1  above the cell, or  model.fit(ds.repeat(), steps_per_epoch={count}, …)"
    batches = "an unknown number of" if passes.batches == UNKNOWN else str(passes.batches)
    at_once = f", steps_per_execution={passes.at_once}" if passes.at_once > 1 else ""
    return Finding(
        "NBK102",
        "warning",
        f"every epoch gets the same random numbers from {' and '.join(operations)}, which has a seed",
        f"{passes.epochs} epochs of {batches} batches{at_once}",
        fix,
    )


def global_seed() -> int | None:
    """Return the seed that ``tf.random.set_seed`` was given, None before; nothing is drawn."""
    import tensorflow as tf

    try:
        # With a seed for the operation, none is drawn for it.
        seed = tf.compat.v1.get_seed(1)[0]
    except RuntimeError:
        return None
    return None if seed in (None, _NO_SEED) else int(seed)
