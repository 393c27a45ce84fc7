"""How to save a model's weights alone and load them into the same architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, absent
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    if values["do"] == "save":
        return own.with_names(values["model"], notebook)
    if notebook is None:
        return {}
    if absent(values["source"]):
        return {"source": absent(values["source"])}
    model = values["model"]
    if values["optimizer"] and model and model not in notebook.names("compiled model"):
        return {"optimizer": f"expected off, because {model} is not compiled; received on"}
    return {}


RECIPE = Recipe(
    name="save_weights",
    faq="7b",
    section="General",
    topic="Saving models",
    question="How can I save only the weights and load them into a model of the same architecture?",
    answer=(
        "model.save_weights('model.weights.h5'), and load_weights on a model that is built of the same "
        "layers in the same order. A compiled model's file has the optimizer's state, too; it is read only "
        "if the optimizer was built before, with optimizer.build(model.trainable_variables)."
    ),
    changed=(
        "Keras 3 takes only names that end in .weights.h5. In tf_keras .h5 is a format of its own, and a "
        "name without an ending writes a TensorFlow checkpoint."
    ),
    silent=(
        "Layers are matched by class and position, never by name: with skip_mismatch=True, a layer put in "
        "between gets its neighbour's weights if the shapes fit, and no word is said. Without building the "
        "optimizer first, its state stays behind (Keras 3 warns): training goes on, but with moments and "
        "step count at zero."
    ),
    keywords=(
        *("save_weights", "load_weights", "checkpoint", "weights.h5", "optimizer state", "restore"),
        *("ModelCheckpoint", "weights only", "checkpoint best weights"),
    ),
    links=(
        ("Saving weights", "https://keras.io/api/models/model_saving_apis/weights_saving_and_loading/"),
        ("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),
    ),
    parameters=(
        Choice(
            name="do",
            label="Do",
            help="Save and compare what can be read back, or load a file that is there.",
            options=(("save", "save"), ("load", "load a file")),
            default="save",
        ),
        Pick(
            name="model",
            label="Model",
            help="A functional or sequential model with an Input; without one the code makes a small one.",
            kind="graph model",
            default="",
        ),
        File(
            name="path",
            label="File",
            help="Where to save; a file that is there is replaced.",
            suffixes=(".weights.h5",),
            default="model.weights.h5",
            when=("do", ("save",)),
        ),
        File(
            name="source",
            label="File",
            help="A file of weights, saved from a model with the same layers.",
            suffixes=(".weights.h5",),
            default="model.weights.h5",
            when=("do", ("load",)),
        ),
        Switch(
            name="optimizer",
            label="Optimizer's state too",
            help="To train on where the saved model stopped; the model has to be compiled as it was.",
            default=True,
            when=("do", ("load",)),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
