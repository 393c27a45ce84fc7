"""What a sample, a batch and an epoch are, counted on one's own data."""

from __future__ import annotations

from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Choice, Number, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _enough(values: Mapping[str, Any], _: Notebook | None) -> dict[str, str]:
    samples, share = values["samples"], values["validation_split"]
    if values["source"] == "numbers" and floor(samples * (1 - share)) < 1:
        return {"samples": f"expected enough to train on beside a validation share of {share:g}: {samples}"}
    return {}


_COUNTED = ("source", ("numbers", "array"))

RECIPE = Recipe(
    name="sample_batch_epoch",
    faq="10",
    section="Training",
    topic="Sample, batch, epoch",
    question="What do sample, batch and epoch mean, and how often are my weights updated?",
    answer=(
        "A sample is one row of the data, a batch the samples of one update of the weights, an epoch one "
        "pass over all training samples. An epoch has samples / batch size steps, rounded up: the last batch "
        "is smaller when the division leaves a rest."
    ),
    changed="",
    silent=(
        "fit called a second time goes on where the first call ended: the epochs add up. fit takes a "
        "batch_size beside a Dataset without a word, and the batches stay those of the dataset."
    ),
    keywords=(
        *("steps_per_epoch", "iteration", "batch_size", "step", "update", "count", "calculator"),
        *("batch size", "what is an epoch", "mini-batch", "number of steps"),
    ),
    links=(("Training with fit", "https://keras.io/guides/training_with_built_in_methods/"),),
    parameters=(
        Choice(
            name="source",
            label="Count",
            help="What to count: numbers that you type, an array, or a dataset.",
            options=(("numbers", "typed numbers"), ("array", "an array"), ("dataset", "a dataset")),
            default="numbers",
            examples=("array", "dataset"),
        ),
        Whole(
            name="samples",
            label="Samples",
            help="How many samples there are before any are held out.",
            default=1000,
            examples=(7,),
            when=("source", ("numbers",)),
        ),
        Pick(
            name="x",
            label="Array",
            help="The array of inputs; without one the code makes a small one.",
            kind="array",
            default="",
            when=("source", ("array",)),
        ),
        Pick(
            name="dataset",
            label="Dataset",
            help="A batched dataset, which is read once; without one the code makes a small one.",
            kind="dataset",
            default="",
            when=("source", ("dataset",)),
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples for one update; 32 is what fit takes when nothing is said.",
            default=32,
            examples=(50,),
            when=_COUNTED,
        ),
        Number(
            name="validation_split",
            label="Validation share",
            help="The share of the samples that fit holds out and does not train on.",
            default=0.0,
            examples=(0.3,),
            maximum=0.99,
            when=_COUNTED,
        ),
        Whole(name="epochs", label="Epochs", help="Passes over the training samples.", default=5),
        Pick(
            name="model",
            label="Model",
            help="A model that has trained already: its updates so far are counted, too.",
            kind="compiled model",
            default="",
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_enough,
)
