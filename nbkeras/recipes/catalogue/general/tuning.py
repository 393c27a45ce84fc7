"""How to search for good hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Number, Text, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import Folder
from nbkeras.recipes.recipe import Recipe
from nbkeras.training.tuning.project import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    if values["rate_low"] >= values["rate_high"]:
        low, high = values["rate_low"], values["rate_high"]
        return {"rate_high": f"expected more than the lowest rate, {low:g}; received {high:g}"}
    if values["task"] == "numbers" and values["objective"] == "val_accuracy":
        return {"objective": "expected val_loss, because numbers have no accuracy; received val_accuracy"}
    missing = own.data_complete(values["x"], values["y"], notebook) or own.with_targets(values)
    return missing or (_fitting(values, notebook) if notebook is not None and values["y"] else {})


def _fitting(values: Mapping[str, Any], notebook: Notebook) -> dict[str, str]:
    """Refuse targets that are not of the kind that was said, for which every trial would fail."""
    task, y = values["task"], values["y"]
    if task == "numbers":
        return {}
    targets, _ = own.sampled(y, notebook)
    if targets[:1].size != 1:
        return {"y": f"expected one number for each sample, received {y}, whose shape is {targets.shape}"}
    numbers = np.unique(targets)
    most = 1 if task == "binary" else numbers.size and numbers.max()
    if (
        targets.dtype.kind in "iubf"
        and not np.any(np.mod(numbers, 1))
        and np.all((numbers >= 0) & (numbers <= most))
    ):
        return {}
    expected = "0 and 1" if task == "binary" else "whole numbers from 0 on"
    return {"task": f"expected {expected} in {y}, received {', '.join(map(str, numbers[:4].tolist()))}, …"}


def _followed(values: Mapping[str, Any], _: Notebook | None) -> dict[str, bool]:
    """Tell whether there is a search that %%tune can go on with: else its --resume is refused."""
    place = Path(values["directory"]).expanduser() / values["project"]
    return {"begun": (place / STATE).is_file()}


RECIPE = Recipe(
    name="tuning",
    faq="5",
    section="General",
    topic="Hyperparameter tuning",
    question="How can I search for good hyperparameters, such as learning rate and layer sizes?",
    answer=(
        "With KerasTuner: a function builds and compiles a model from values that it asks an `hp` object "
        "for, and a tuner tries values and keeps the best. Give the tuner a seed, an objective with its "
        "direction and a project_name, and say whether a search of that name starts anew or goes on."
    ),
    changed=(
        "The package was called kerastuner and is keras_tuner now. It works with Keras 3 models. The "
        "Bayesian tuner needs scikit-learn and SciPy beside it."
    ),
    silent=(
        "A tuner finds its project's folder left over from an earlier search and, without overwrite=True, "
        "trains nothing and returns the old values, even if the search space has changed since. If the "
        "objective is no metric of the model, every trial fails, and a search of one or two trials returns "
        "as if all were well: look at the trials' status."
    ),
    keywords=(
        *("KerasTuner", "hyperparameter", "search", "Hyperband", "Bayesian optimization", "grid search"),
        *("Optuna", "hyperparameter optimization", "random search", "best learning rate", "sweep"),
    ),
    links=(
        ("KerasTuner", "https://keras.io/keras_tuner/"),
        ("Getting started with KerasTuner", "https://keras.io/keras_tuner/getting_started/"),
    ),
    lines=("keras",),
    refused=(
        "KerasTuner takes no models of tf_keras while Keras 3 is installed; put  %%tune  above a cell, which "
        "gets by with them, or restart the kernel without TF_USE_LEGACY_KERAS"
    ),
    magic="%%tune",
    module=("keras_tuner", "tuner"),
    parameters=(
        Pick(
            name="x",
            label="Inputs",
            help="An array; without one the code makes small data. A fifth of it measures the trials.",
            kind="array",
            default="",
        ),
        own.Y,
        Choice(
            name="task",
            label="Targets are",
            help="What the model has to predict; its last layer and its loss follow from it.",
            options=(
                ("binary", "yes or no, as 0 and 1"),
                ("classes", "classes, as 0, 1, 2, …"),
                ("numbers", "numbers"),
            ),
            default="binary",
        ),
        Choice(
            name="tuner",
            label="Tuner",
            help="How values are chosen; Hyperband gives many trials few epochs and the best ones more.",
            options=(
                ("random", "random"),
                ("bayesian", "Bayesian"),
                ("hyperband", "Hyperband"),
                ("grid", "every combination"),
            ),
            default="random",
        ),
        Whole(
            name="trials",
            label="Trials at most",
            help="How many models are trained.",
            default=3,
            maximum=100_000,
            when=("tuner", ("random", "bayesian", "grid")),
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="For each trial; for Hyperband the most that a trial gets.",
            default=3,
            maximum=100_000,
        ),
        Choice(
            name="objective",
            label="Objective",
            help="What has to get best, on the validation data.",
            options=(("val_loss", "lowest val_loss"), ("val_accuracy", "highest val_accuracy")),
            default="val_loss",
        ),
        Number(
            name="rate_low",
            label="Lowest learning rate",
            help="Rates are drawn evenly between the logarithms of the lowest and the highest.",
            default=1e-4,
            maximum=10.0,
            exclusive=True,
        ),
        Number(
            name="rate_high",
            label="Highest learning rate",
            help="Where training gets unstable; 0.1 is high for Adam.",
            default=1e-1,
            maximum=10.0,
            exclusive=True,
        ),
        Text(
            name="units",
            label="Layer sizes",
            help="The sizes to try for the hidden layers, with commas between them.",
            pattern=r"[1-9]\d{0,4}(\s*,\s*[1-9]\d{0,4})*",
            expected="whole numbers such as 16, 32, 64",
            default="16, 32, 64",
        ),
        Whole(
            name="seed",
            label="Seed",
            help="The same seed gives the same trials.",
            default=42,
            minimum=0,
            maximum=2**31 - 1,
        ),
        Folder(
            name="directory",
            label="Folder",
            help="Where the searches are kept, one folder each.",
            default="tuning",
        ),
        Text(
            name="project",
            label="Name of the search",
            help="The folder of this search; another name for another search.",
            pattern=r"\w[\w.-]{0,80}",
            expected="letters, digits, - and _",
            default="search",
        ),
        Choice(
            name="again",
            label="If it is there",
            help="What to do with an earlier search of this name.",
            options=(
                ("overwrite", "delete it and start anew"),
                ("resume", "go on where it stopped"),
                ("separate", "keep it: the new name gets the time"),
            ),
            default="overwrite",
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_check,
    follow=_followed,
)
