"""How to let some samples count more than others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.catalogue.training.train_step import one_to_one
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Number, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _complete(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    missing = own.complete(values, notebook)
    if not missing and values["way"] == "train_step" and values["model"]:
        missing = _made_again(values, notebook)
    y, weights = values["y"], values["weights"]
    if missing:
        return missing
    if y and not weights:
        return {"weights": f"expected the array of weights for {y}, received none"}
    if weights and not y:
        return {"weights": f"expected none without an array of targets, received {weights}"}
    unequal = own.as_many(values["x"], weights, notebook) if weights and notebook is not None else ""
    return {"weights": unequal} if unequal else {}


def _made_again(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Refuse a model of which there can be no second one with a step of its own."""
    model = values["model"]
    if notebook is not None and model not in notebook.names("compiled graph model"):
        return {
            "way": f"expected Keras's own, because {model} is a subclass or has no Input; received train_step"
        }
    return one_to_one(values, notebook)


RECIPE = Recipe(
    name="sample_weights",
    faq="20b",
    section="Training",
    topic="Customising fit",
    question="How can I weight samples, in fit and in my own train_step?",
    answer=(
        "Give fit the array sample_weight, or a dataset of triples. Metrics heed it only in "
        "weighted_metrics. A train_step of your own unpacks the batch with "
        "keras.utils.unpack_x_y_sample_weight and hands the weights to compute_loss and compute_metrics."
    ),
    changed=(
        "Older examples tell two from three parts of the batch by hand and leave sample_weight undefined "
        "when there is none: unpack_x_y_sample_weight gives None then."
    ),
    silent=(
        "A train_step that unpacks x, y = data[:2], or does not hand sample_weight on, ignores the weights. "
        "The loss is divided by the number of samples, not by the sum of the weights, so that large weights "
        "are also a larger learning rate. metrics=[…] stay unweighted."
    ),
    keywords=(
        *("class_weight", "imbalanced classes", "weighted_metrics", "sample_weight", "rare class"),
        *("class weights", "imbalanced data", "unbalanced dataset", "weighted loss"),
    ),
    links=(
        ("Training and evaluation", "https://keras.io/guides/training_with_built_in_methods/"),
        ("Overriding the training step", "https://keras.io/guides/custom_train_step_in_tensorflow/"),
    ),
    magic="%%train_step",
    parameters=(
        replace(
            own.MODEL,
            help=(
                "A compiled model of this notebook, no subclass for a train_step; without one the code makes "
                "a small one."
            ),
        ),
        replace(
            own.X,
            help="An array, or a dataset with weights as well; without one the code makes small data.",
        ),
        own.Y,
        Pick(
            name="weights",
            label="Weights",
            help="An array with one number a sample; none for a dataset, which holds its own.",
            kind="array",
            default="",
        ),
        Number(
            name="weight",
            label="Weight of class 1",
            help="In the code's own data: how much a sample of class 1 counts, one of class 0 being 1.",
            default=3.0,
            examples=(5.0,),
            exclusive=True,
            when=("x", ("",)),
        ),
        Choice(
            name="way",
            label="Training step",
            help="Keras's own step heeds weights; one of your own has to hand them on.",
            options=(("fit", "Keras's own"), ("train_step", "one of my own")),
            default="fit",
            examples=("train_step",),
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often fit goes through the data.",
            default=5,
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_complete,
)
