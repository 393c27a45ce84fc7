"""How to get the same result from the same training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Switch, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    return own.copied(values, notebook) or own.with_targets(values)


RECIPE = Recipe(
    name="reproducible",
    faq="6",
    section="General",
    topic="Reproducible results",
    question="How can I get the same result each time that I train?",
    answer=(
        "Seed everything with keras.utils.set_random_seed, make the model, the optimizer and the dataset "
        "anew in the cell that trains, and shuffle the data with tf.data and a seed. "
        "tf.config.experimental.enable_op_determinism() makes operations deterministic that are not so by "
        "themselves: many on a GPU, and random ones in a parallel map. It counts for the whole kernel."
    ),
    changed=(
        "One call seeds Python, NumPy and TensorFlow. In Keras 3 tf.random.set_seed alone no longer does: "
        "the first values of the weights come from Python's generator. There is no need to train on the "
        "CPU."
    ),
    silent=(
        "In Keras 3 (seen in 3.15), fit on arrays after a seed was set goes through them in one and the "
        "same order in every epoch; shuffling with tf.data, as here, gives each epoch its own. What an "
        "earlier cell made (a shuffled dataset, a model, a Dropout layer, np.random.default_rng) keeps its "
        "state when the cell runs again. The same bits need the same number of threads and the same "
        "TensorFlow. The order of a set of strings changes with each kernel unless PYTHONHASHSEED is set "
        "before it starts."
    ),
    keywords=(
        *("seed", "set_random_seed", "determinism", "deterministic", "random", "PYTHONHASHSEED", "rerun"),
        *("different results each run", "same results every time", "nondeterministic", "not reproducible"),
        *("random seed",),
    ),
    links=(
        (
            "Reproducibility in Keras models",
            "https://keras.io/examples/keras_recipes/reproducibility_recipes/",
        ),
        (
            "enable_op_determinism",
            "https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism",
        ),
    ),
    parameters=(
        Pick(
            name="model",
            label="Model",
            help="A compiled model that is no subclass; a copy is trained, from the weights that it has. "
            "Without one the code makes a small one.",
            kind="compiled graph model",
            default="",
        ),
        Pick(
            name="x",
            label="Inputs",
            help="An array; a dataset of an earlier cell would go on shuffling where it was.",
            kind="array",
            default="",
        ),
        own.Y,
        Whole(
            name="seed",
            label="Seed",
            help="Any number; another one gives another result.",
            default=42,
            minimum=0,
            maximum=2**31 - 1,
        ),
        Switch(
            name="determinism",
            label="Deterministic operations",
            help="A little slower, and for the rest of the kernel: random operations then need a seed.",
            default=True,
            examples=(False,),
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples a step.",
            default=32,
            maximum=1_000_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="Passes over the data, each in an order of its own.",
            default=3,
            maximum=100_000,
        ),
    ),
    magic="%%fit --seed",
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
