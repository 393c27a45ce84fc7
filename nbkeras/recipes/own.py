"""Parameters for a model and data of the notebook's own; without them the code makes small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.recipes.picks import Pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

MODEL = Pick(
    name="model",
    label="Model",
    help="A compiled model of this notebook; without one the code makes a small one.",
    kind="compiled model",
    default="",
)
X = Pick(
    name="x",
    label="Inputs",
    help="An array, or a dataset that yields inputs and targets; without one the code makes small data.",
    kind="data",
    default="",
)
Y = Pick(
    name="y",
    label="Targets",
    help="The array of targets; none for a dataset, which holds its own.",
    kind="array",
    default="",
)
VALIDATION = Pick(
    name="validation",
    label="Validation data",
    help="A dataset; with arrays none is needed, a fifth of them is held out.",
    kind="dataset",
    default="",
)
OWN = (MODEL, X, Y)
OWN_VALIDATED = (MODEL, X, Y, VALIDATION)


def complete(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing: a model without data, data without a model, an array without targets."""
    model, x, y = values["model"], values["x"], values["y"]
    if model and not x:
        return {"x": f"expected the data to train {model} with, received none: choose an array or a dataset"}
    if x and not model:
        return {"model": f"expected a model for {x}, received none: choose one, or no data"}
    return data_complete(x, y, notebook)


def together(values: Mapping[str, Any], _: Notebook | None) -> dict[str, str]:
    """Return what is missing where a model needs inputs only: a model without inputs, or the reverse."""
    model, x = values["model"], values["x"]
    if model and not x:
        return {"x": f"expected inputs for {model}, received none: choose some"}
    if x and not model:
        return {"model": f"expected a model for {x}, received none: choose one, or no inputs"}
    return {}


def data_complete(x: str, y: str, notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing or too much between inputs and targets."""
    if y and not x:
        return {"x": f"expected the inputs that go with {y}, received none: choose an array"}
    if notebook is None or not x:
        return {}
    is_dataset = x in notebook.names("dataset")
    if is_dataset and y:
        return {"y": f"expected none, because the dataset {x} holds its targets; received {y}"}
    if not is_dataset and not y:
        return {"y": f"expected the array of targets for {x}, received none"}
    return {}


def validated(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing for a training with validation: a dataset can't be split by fit."""
    missing = complete(values, notebook)
    x, validation = values["x"], values["validation"]
    if missing or notebook is None:
        return missing
    if validation and not x:
        return {"validation": f"expected none without inputs, received {validation}"}
    if x in notebook.names("dataset") and not validation:
        return {"validation": f"expected a dataset beside {x}, received none: fit splits arrays only"}
    return {}
