"""What the form of `fine_tune` asks of its values together, and the code that follows from their model."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbkeras.models.base_and_head import base_and_head
from nbkeras.recipes import digits_on_paper, own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.stages import stages_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.fine_tuning.data import Data
from nbkeras.training.fine_tuning.fine_tune import fine_tuning_plan
from nbkeras.training.fine_tuning.plain import CodeNames, imports_and_body
from nbkeras.training.fine_tuning.sketch import Sketch, sketched, sketched_on_paper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook
    from nbkeras.training.fine_tuning.plan import FineTuningPlan

HELD_OUT = 0.2
# Rows, columns and colours, and the samples.
_OF_IMAGES = 4
# Stand for names of the notebook in code that is put into the template.
_PLACES = {name: f"nbk_place_of_{name}" for name in ("model", "x", "y", "validation")}


def sketch(values: Mapping[str, Any], notebook: Notebook | None) -> Sketch:
    """Return the plan of the values and the layers of their model, of the built-in example without one.

    Args:
        values: the recipe's, each fine by itself.
        notebook: that holds the model and the data.

    Raises:
        Refusal: for what the model does not allow.
    """
    stages = stages_of(values["stages"], batch_norm=not values["batch_norm"])
    held_out = values["way"] != "loop"
    if not values["model"] or notebook is None:
        steps = digits_on_paper.steps(values["batch_size"], held_out=held_out)
        return sketched_on_paper(digits_on_paper.digits_on_paper(), digits_on_paper.compiled(), stages, steps)
    split = HELD_OUT if held_out and not values["validation"] else 0.0
    data = Data(notebook.value(values["x"]), None, None, split, values["batch_size"])
    return sketched(notebook.value(values["model"]), stages, base=values["base"] or None, steps=data.steps)


def measured(values: Mapping[str, Any], notebook: Notebook) -> FineTuningPlan:
    """Return the plan with the time of each stage, of which a few steps are made; all is as before.

    Args:
        values: the recipe's, with a model and data; an augmentation is left out.
        notebook: that holds them.

    Raises:
        Refusal: for what `nbkeras.fine_tune` refuses.
    """
    held_out = values["way"] != "loop"
    names = ("model", "x", "y", "validation")
    model, x, y, validation = (notebook.value(values[name]) if values[name] else None for name in names)
    return fine_tuning_plan(
        model,
        x,
        y,
        validation_data=validation if held_out else None,
        validation_split=HELD_OUT if held_out and validation is None and y is not None else 0.0,
        batch_size=values["batch_size"] if y is not None else None,
        stages=stages_of(values["stages"], batch_norm=not values["batch_norm"]),
        base=values["base"] or None,
        cache=None if values["way"] == "nbkeras" and values["cache"] and not _augments(values) else False,
        estimate=True,
    )


def _augments(values: Mapping[str, Any]) -> bool:
    return bool(values["augmentation"] != "none")


def check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is wrong with values that are fine each by itself."""
    wrong = own.validated(values, notebook) or _unlike_images(values, notebook)
    if wrong:
        return wrong
    if values["model"] and notebook is None:
        return {
            "model": f"expected a model in a notebook, whose layers are known, received {values['model']}: "
            "open  %wizard fine_tune  there"
        }
    try:
        sketch(values, notebook)
    except Refusal as refusal:
        return _field_of(refusal, values, notebook)
    return _not_by_hand(values, notebook) or _not_plain(values, notebook)


def _field_of(refusal: Refusal, values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return which field a refusal is about."""
    name, _, text = str(refusal).partition(": ")
    if name in {"model", "fine_tune"}:
        return {"model": text}
    if name == "base":
        return {"base": text}
    return {"stages": _of_which_stage(text, values, notebook)}


def _of_which_stage(text: str, values: Mapping[str, Any], notebook: Notebook | None) -> str:
    """Return a refusal with the number of the first stage that is refused by itself."""
    for number, part in enumerate(values["stages"].split(","), 1):
        with suppress(Refusal):
            sketch({**values, "stages": part}, notebook)
            continue
        return f"stage {number}: {text.removeprefix(f'stage {number}: ')}"
    return text


def _unlike_images(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    if notebook is None or not values["x"] or values["augmentation"] in ("none", "noise"):
        return {}
    shape = notebook.shape(values["x"])
    if len(shape) == _OF_IMAGES or not shape:
        return {}
    return {
        "augmentation": f"expected none or noise, because {values['x']} has shape {shape} and holds no "
        f"images; received {values['augmentation']}"
    }


def _not_by_hand(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what a loop of one's own of this form can't do."""
    if values["way"] != "loop":
        return {}
    stages = stages_of(values["stages"])
    if any(each.early_stopping is not None for each in stages):
        said = "expected no patience for a loop of your own, which has no validation: leave it empty"
        return {"stages": said}
    if any(each.depth_factor != 1 for each in stages):
        return {"stages": "expected one rate for all layers in a loop of your own: leave the factor empty"}
    if values["x"] and not values["y"]:
        return {"way": f"expected nbkeras or fit for the dataset {values['x']}, received a loop: give arrays"}
    outputs = getattr(notebook.value(values["model"]), "outputs", None) if notebook is not None else None
    if len(outputs or ()) > 1:
        return {
            "way": f"expected nbkeras or fit for the several outputs of {values['model']}, received a loop"
        }
    return {}


def _not_plain(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what plain code can't make again; nbkeras takes the objects themselves."""
    found = {} if values["way"] == "nbkeras" else own.with_names(values["model"], notebook, whole=False)
    return {"way": f"{found['model']}: take nbkeras"} if found else {}


def follow(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, Any]:
    """Return the pieces of the code that follow from the model."""
    stages = stages_of(values["stages"], batch_norm=not values["batch_norm"])
    found = {"stages": stages, "plain": "", "imports": [], "places": _PLACES, "functions": {}}
    with_example = [] if values["model"] else ["from sklearn.datasets import load_digits"]
    if values["way"] == "nbkeras":
        needs_keras = not values["model"] or values["augmentation"] != "none"
        with_keras = ["from tensorflow import keras"] if needs_keras else []
        return {**found, "imports": [*with_example, *with_keras]}
    told = sketch(values, notebook)
    model, parts = told.paper.model, told.paper.parts
    if values["model"] and notebook is not None:
        model = notebook.value(values["model"])
        parts = base_and_head(model, values["base"] or None)
    found |= functions(values, notebook)
    imports, plain = imports_and_body(
        model,
        parts,
        told.plan,
        _names(values, own_objects=bool(found["functions"])),
        told.compiled,
        line=values["line"],
        loop=values["way"] == "loop",
    )
    return {**found, "plain": plain, "imports": [*imports[:-1], *with_example, imports[-1]]}


def _names(values: Mapping[str, Any], *, own_objects: bool) -> CodeNames:
    held = {name: _PLACES[name] if values[name] else None for name in _PLACES}
    example = not values["model"]
    splits = not values["validation"] and values["way"] != "loop"
    return CodeNames(
        model=held["model"] or "model",
        x=held["x"] or "x",
        y="y" if example else held["y"],
        validation_data=held["validation"] if values["way"] != "loop" else None,
        validation_split=HELD_OUT if splits else 0.0,
        batch_size=values["batch_size"] if example or values["y"] else None,
        augmentation=None if values["augmentation"] == "none" else "augmentation",
        own_objects="own_objects" if own_objects else None,
    )
