"""Which samples validation is measured on: the last ones, shuffled ones, or the same share of each class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Number, Switch, Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _fitting(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    missing = own.complete(values, notebook)
    method = values["method"]
    if missing or not values["x"]:
        return missing
    if values["y"]:
        return _classes(values, notebook) if method == "stratified" and notebook is not None else {}
    if method == "shuffled":
        return own.batches_as_said(values, notebook)
    return {"method": f"expected shuffled for a dataset such as {values['x']}, received {method}"}


def _classes(values: Mapping[str, Any], notebook: Notebook) -> dict[str, str]:
    """Refuse to hold out a share of each class where the targets are no classes."""
    targets, every = own.sampled(values["y"], notebook)
    found = f"expected shuffled or last for {values['y']}, received stratified: "
    if targets.ndim > 1 and targets[0].size > 1:
        # One-hot, or probabilities: each row adds up to 1.
        rows = targets.reshape(len(targets), -1)
        return {} if np.allclose(rows.sum(axis=1), 1) else {"method": f"{found}it holds no classes"}
    kinds, counts = np.unique(targets, return_counts=True)
    if targets.dtype.kind == "f" and not np.all(np.mod(kinds, 1) == 0):
        return {"method": f"{found}it holds {len(kinds):,} different numbers and no classes"}
    if round(every * float(max(counts, default=0)) * values["share"]) == 0:
        return {"method": f"{found}of its {len(kinds):,} classes not one is large enough for this share"}
    return {}


RECIPE = Recipe(
    name="validation_split",
    faq="17",
    section="Training",
    topic="Validation split",
    question="Which samples does validation_split take, and how do I split better?",
    answer=(
        "validation_split takes the last part of the arrays as they stand, unshuffled, the same in each "
        "epoch. Where the data are sorted, split them yourself: with split_dataset(shuffle=True), or class "
        "by class, so that each has the same share on both sides."
    ),
    changed="",
    silent=(
        "With data sorted by class, validation_split measures on the last classes only. validation_data wins "
        "over validation_split without a word. dataset.shuffle(…) before take and skip leaks: it is shuffled "
        "anew for each, so that validation samples are trained on."
    ),
    keywords=(
        *("holdout", "stratified", "split", "train_test_split", "split_dataset", "validation_data", "leak"),
        *("stratify", "train test split", "validation set", "class balance"),
    ),
    links=(
        ("Model training", "https://keras.io/api/models/model_training_apis/"),
        ("split_dataset", "https://keras.io/api/utils/python_utils/"),
    ),
    parameters=(
        *own.OWN,
        Choice(
            name="method",
            label="Take",
            help="Which samples are held out; the last two kinds suit data in any order.",
            options=(
                ("last", "the last samples"),
                ("shuffled", "shuffled samples"),
                ("stratified", "the same share of each class"),
            ),
            default="stratified",
            examples=("last", "shuffled"),
        ),
        Number(
            name="share",
            label="Share",
            help="The share of the samples that is held out.",
            default=0.2,
            examples=(0.05,),
            maximum=1.0,
            exclusive=True,
        ),
        Whole(
            name="seed",
            label="Seed",
            help="The same seed holds out the same samples in each run.",
            default=1,
            minimum=0,
            maximum=2**31 - 1,
            when=("method", ("shuffled", "stratified")),
        ),
        Switch(
            name="batched",
            label="In batches",
            help="Whether the dataset that you chose yields batches already; arrays don't.",
            default=True,
            when=("y", ("",)),
        ),
        Whole(name="epochs", label="Epochs", help="Passes over the data.", default=3, maximum=100_000),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_fitting,
)
