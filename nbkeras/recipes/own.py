"""Parameters for a model and data of the notebook's own; without them the code makes small ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.recipes.found_by_name import nameless, of_ones_own
from nbkeras.recipes.notebook import every_layer
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
# What these layers have learned is no weight.
_TABLES = {"TextVectorization", "StringLookup", "IntegerLookup"}
# Of the data that the code makes.
_SAMPLES = 512
# Of a large array this many rows are looked at, which takes milliseconds.
_MANY = 50_000
GRAPH = replace(
    MODEL,
    help="A compiled functional or sequential model with an Input; without one the code makes a small one.",
    kind="compiled graph model",
)
OWN = (MODEL, X, Y)
OWN_GRAPH = (GRAPH, X, Y)
OWN_VALIDATED = (MODEL, X, Y, VALIDATION)


def complete(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing: a model without data, data without a model, an array without targets."""
    model, x, y = values["model"], values["x"], values["y"]
    if model and not x:
        return {"x": f"expected the data to train {model} with, received none: choose an array or a dataset"}
    if x and not model:
        return {"model": f"expected a model for {x}, received none: choose one, or no data"}
    missing = data_complete(x, y, notebook)
    if missing or notebook is None or not x:
        return missing
    return _fed(values, notebook)


def recompiled(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing, or a loss or metric by which the model can't be compiled once more."""
    return complete(values, notebook) or with_names(values["model"], notebook, whole=False)


def made_again(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing, or what of the model can't be made again because it has no name."""
    return complete(values, notebook) or with_names(values["model"], notebook)


def copied(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing, or what of the model a copy would lack: names, or a table of words."""
    return made_again(values, notebook) or _table(values["model"], notebook)


def _table(model: str, notebook: Notebook | None) -> dict[str, str]:
    layers = every_layer(notebook.value(model)) if notebook is not None and model else []
    found = [each.name for each in layers if _TABLES & {cls.__name__ for cls in type(each).__mro__}]
    if not found:
        return {}
    return {
        "model": f"expected a model without {found[0]}, whose table a copy would not have, received {model}: "
        "let the dataset apply that layer"
    }


def sent(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing, or what of the model a script in another process could not make."""
    missing = complete(values, notebook)
    if missing or notebook is None or not values["model"]:
        return missing
    names = of_ones_own(notebook.value(values["model"]))
    if not names:
        return {}
    return {
        "model": f"expected a model of Keras's own parts, received {values['model']} with {names[0]}: "
        "the script that is written has nothing of this notebook"
    }


def full_batch(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return that there are not enough samples for one batch, where an incomplete one is left out."""
    x, batch = values["x"], values["batch_size"]
    rows = _SAMPLES if not x else notebook.rows(x) if notebook is not None else None
    if rows is None or batch <= rows:
        return {}
    return {"batch_size": f"expected {rows:,} or less, as many samples as there are; received {batch:,}"}


def with_names(model: str, notebook: Notebook | None, *, whole: bool = True) -> dict[str, str]:
    """Return the function in a model that Keras could not find by name when it makes the model again."""
    what = nameless(notebook.value(model), notebook, whole=whole) if notebook is not None and model else ""
    if not what:
        return {}
    return {"model": f"expected functions that variables of this notebook hold, received {model} with {what}"}


def _fed(values: Mapping[str, Any], notebook: Notebook) -> dict[str, str]:
    """Return that the data can't be what the model takes."""
    model, x, y = values["model"], values["x"], values["y"]
    for name, found in ((x, "inputs"), (y, "outputs")):
        number = len(getattr(notebook.value(model), found, None) or ())
        if number > 1 and name in notebook.names("array"):
            wrong = "x" if found == "inputs" else "y"
            return {
                wrong: f"expected a dataset for the {number} {found} of {model}, received the array {name}"
            }
    takes, gets = notebook.shape(model), notebook.shape(x)
    if "batched" not in values and not takes and len(gets) == 1 and x in notebook.names("dataset"):
        return {"x": f"expected a dataset of batches, received {x}, whose elements have shape {gets}"}
    if "batched" not in values and takes and gets and not _alike(takes[1:], gets[1:]):
        return {"x": f"expected batches of shape {takes} for {model}, received {x} with shape {gets}"}
    return {}


def _alike(one: tuple[int | None, ...], other: tuple[int | None, ...]) -> bool:
    # Keras adds an axis of one at the end, or drops it.
    if len(one) != len(other):
        longer, shorter = sorted((one, other), key=len, reverse=True)
        return longer == (*shorter, 1)
    return all(a == b or a is None or b is None for a, b in zip(one, other, strict=True))


def together(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing where a model needs inputs only: a model without inputs, or the reverse."""
    model, x = values["model"], values["x"]
    if model and not x:
        return {"x": f"expected inputs for {model}, received none: choose some"}
    if x and not model:
        return {"model": f"expected a model for {x}, received none: choose one, or no inputs"}
    endless = _endless(x, notebook)
    if endless or notebook is None or not x:
        return {"x": endless} if endless else {}
    return _fed({**values, "y": values.get("y", "")}, notebook)


def _endless(name: str, notebook: Notebook | None) -> str:
    """Return that a dataset has no end, which no epoch would come to; ``""`` if it has one."""
    if not name or notebook is None or notebook.batches(name) != -1:
        return ""
    return f"expected a dataset that ends, received {name}, which repeats for ever: {name}.take(n) ends"


def with_targets(values: Mapping[str, Any]) -> dict[str, str]:
    """Return that the array of inputs has no targets, where no dataset can bring its own."""
    x, y = values["x"], values["y"]
    return {"y": f"expected the array of targets for {x}, received none"} if x and not y else {}


def data_complete(x: str, y: str, notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing or too much between inputs and targets."""
    if y and not x:
        return {"x": f"expected the inputs that go with {y}, received none: choose an array"}
    if notebook is None or not x:
        return {}
    if x not in notebook.names("dataset"):
        text = as_many(x, y, notebook) if y else f"expected the array of targets for {x}, received none"
        return {"y": text} if text else {}
    if y:
        return {"y": f"expected none, because the dataset {x} holds its targets; received {y}"}
    text = _endless(x, notebook)
    if not text and not notebook.has_targets(x):
        text = f"expected a dataset of inputs and targets, received {x}, which has no targets"
    return {"x": text} if text else {}


def as_many(x: str, other: str, notebook: Notebook) -> str:
    """Return that an array has not a row for each of the inputs' rows, ``""`` if it has."""
    rows, its = (notebook.shape(name)[:1] for name in (x, other))
    if not rows or not its or rows == its:
        return ""
    return f"expected {rows[0]:,} rows, as many as {x} has; received {its[0]:,}"


def sampled(name: str, notebook: Notebook) -> tuple[Any, int]:
    """Return rows of an array, evenly from all of it where there are many, and of how many each is one."""
    rows = np.asarray(notebook.value(name))
    every = max(1, len(rows) // _MANY)
    return rows[::every], every


def batches_as_said(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return that a dataset yields samples although ``batched`` says batches, or the reverse."""
    x, model = values["x"], values["model"]
    if notebook is None or x not in notebook.names("dataset"):
        return {}
    element = notebook.shape(x)
    sample = notebook.shape(model)[1:]
    if not sample or len(element) - len(sample) not in (0, 1):
        return {}
    batched = len(element) > len(sample)
    if batched == values["batched"]:
        return {}
    what = "batches" if batched else "single samples"
    return {"batched": f"expected {batched}, because {x} yields {what}; received {values['batched']}"}


def validated(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing for a training with validation: a dataset can't be split by fit."""
    missing = complete(values, notebook)
    x, validation = values["x"], values["validation"]
    if missing:
        return missing
    if validation and not x:
        return {"validation": f"expected none without inputs, received {validation}"}
    if x and not values["y"] and not validation:
        return {"validation": f"expected a dataset beside {x}, received none: fit splits arrays only"}
    if notebook is None:
        return {}
    endless = _endless(validation, notebook)
    if endless or (validation and not notebook.has_targets(validation)):
        return {
            "validation": endless or f"expected inputs and targets, received {validation} without targets"
        }
    return {}
