"""How to save a whole model and load it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, Folder, absent
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

SAVING = ("keras", "h5", "export")


def weights_alone(path: str) -> str:
    """Return that a file holds no whole model, ``""`` if its name says nothing of the kind."""
    if not path.endswith(".weights.h5"):
        return ""
    return f"expected the file of a whole model, received weights alone, {path!r}: see save_weights"


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    model, x, do = values["model"], values["x"], values["do"]
    if do == "load":
        missing = weights_alone(values["source"]) or (
            absent(values["source"]) if notebook is not None else ""
        )
        return {"source": missing} if missing else {}
    if do == "h5" and weights_alone(values["h5"]):
        return {"h5": f"expected a path for a whole model such as model.h5, received {values['h5']!r}"}
    if do != "export":
        return own.with_names(model, notebook)
    if model and not x:
        return {"x": f"expected some inputs of {model} to try the export with, received none"}
    if x and not model:
        return {"model": f"expected the model for {x}, received none"}
    return own.together(values, notebook)


RECIPE = Recipe(
    name="save_model",
    faq="7a",
    section="General",
    topic="Saving models",
    question="How can I save a whole model and load it again, ready to train on?",
    answer=(
        "model.save('model.keras') writes layers, weights, loss, metrics and the optimizer with its state "
        "into one file; keras.models.load_model gives a compiled model that trains on exactly where the "
        "other stopped. For serving without Keras, keras.export.ExportArchive writes a TensorFlow "
        "SavedModel. Load right after saving, once: what is missing in the file shows only then."
    ),
    changed=(
        "The format follows from the file's ending. Keras 3 has no save_format and refuses a path without "
        ".keras or .h5; in tf_keras such a path is a SavedModel folder. A .keras file is a zip archive, no "
        "HDF5 file."
    ),
    silent=(
        "An .h5 file is not read back whole by Keras 3 (seen in 3.15): load_model fails on the loss 'mse', "
        "and with others the loaded model fails at the first fit, its optimizer being made for no weights. "
        "Load with compile=False and compile anew; so too for a file of the other Keras line. State that is "
        "no weight, such as that of a stateful RNN, is not in the file. model.export leaves augmentation "
        "such as RandomFlip on (seen in 3.15 and tf_keras 2.21): what it serves flips images at random."
    ),
    keywords=(
        *("save", "load_model", "checkpoint", "SavedModel", "export", "serving", "resume", "h5", "disk"),
        *("ModelCheckpoint", "checkpoint best model", "save best model", "save every epoch"),
        *("load a saved model",),
    ),
    links=(
        ("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),
        (
            "Whole model saving and loading",
            "https://keras.io/api/models/model_saving_apis/model_saving_and_loading/",
        ),
    ),
    parameters=(
        Choice(
            name="do",
            label="Do",
            help="Save in a format and compare what can be read back, or load a file that is there.",
            options=(
                ("keras", "save as .keras"),
                ("h5", "save as .h5, for older programs"),
                ("export", "export for serving"),
                ("load", "load a file"),
            ),
            default="keras",
            examples=("h5", "export"),
        ),
        Pick(
            name="model",
            label="Model",
            help="A compiled functional or sequential model; without one the code makes a small one.",
            kind="compiled graph model",
            default="",
            when=("do", SAVING),
        ),
        File(
            name="path",
            label="File",
            help="Where to save; a file that is there is replaced.",
            suffixes=(".keras",),
            default="model.keras",
            when=("do", ("keras",)),
        ),
        File(
            name="h5",
            label="File",
            help="Where to save; a file that is there is replaced.",
            suffixes=(".h5",),
            default="model.h5",
            when=("do", ("h5",)),
        ),
        Folder(
            name="folder",
            label="Folder",
            help="Where the SavedModel goes.",
            default="exported",
            when=("do", ("export",)),
        ),
        Pick(
            name="x",
            label="Some inputs",
            help="An array; what is exported has to give the same outputs for it as the model.",
            kind="array",
            default="",
            when=("do", ("export",)),
        ),
        File(
            name="source",
            label="File",
            help="The file of a whole model.",
            suffixes=(".keras", ".h5"),
            default="model.keras",
            when=("do", ("load",)),
        ),
        Switch(
            name="training",
            label="Ready to train",
            help="With loss and optimizer; off for predictions, or for a file of the other Keras line.",
            default=True,
            when=("do", ("load",)),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
