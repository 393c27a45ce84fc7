"""How training data are shuffled anew in each epoch, and how to have it the same in each run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Switch, Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _fitting(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    return own.complete(values, notebook) or own.batches_as_said(values, notebook)


RECIPE = Recipe(
    name="shuffling",
    faq="18",
    section="Training",
    topic="Shuffling",
    question="Is my data shuffled during training, and how do I shuffle it well?",
    answer=(
        "fit shuffles arrays before each epoch; it never shuffles a Dataset, nor validation data. Shuffle a "
        "dataset yourself, before batch, with a buffer as large as memory allows. With a seed the orders are "
        "the same in each run, and still new in each epoch."
    ),
    changed=(
        "Keras 3 warns that it ignores shuffle=True for a Dataset, even when nobody said it; shuffle=False "
        "hushes it. tf_keras says nothing."
    ),
    silent=(
        "Keras 3, once keras.utils.set_random_seed or another seed of TensorFlow is set: fit feeds arrays in "
        "the same order in every epoch. A shuffled dataset does not have this. Shuffled after batch, the "
        "same samples stay together for ever; with a small buffer, samples far apart never meet."
    ),
    keywords=(
        *("shuffle", "order", "random", "buffer", "seed", "buffer_size", "permutation", "does fit shuffle"),
        *("shuffle between epochs", "reshuffle"),
    ),
    links=(("Randomly shuffling input data", "https://www.tensorflow.org/guide/data"),),
    parameters=(
        *own.OWN,
        Switch(
            name="batched",
            label="In batches",
            help="Whether the dataset that you chose yields batches already; arrays don't.",
            default=True,
            when=("y", ("",)),
        ),
        Whole(
            name="buffer",
            label="Buffer",
            help="Samples to draw the next one from; as many as there are make a full shuffle.",
            default=10_000,
            examples=(20,),
            minimum=2,
        ),
        Whole(
            name="seed",
            label="Seed",
            help="The same seed gives the same orders in each run; empty for others each time.",
            default=1,
            examples=(None,),
            minimum=0,
            maximum=2**31 - 1,
            optional=True,
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples for one update.",
            default=32,
        ),
        Whole(name="epochs", label="Epochs", help="Passes over the data.", default=3, maximum=100_000),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_fitting,
)
