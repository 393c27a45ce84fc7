"""Why a model is not pickled, and how a pickled one becomes a file that lasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _one_source(values: Mapping[str, Any], _: Notebook | None) -> dict[str, str]:
    if values["model"] and values["pickled"]:
        model = values["model"]
        return {"pickled": f"expected a model or a pickle, received both: leave one empty, {model} or this"}
    return {}


RECIPE = Recipe(
    name="pickling",
    faq="7f",
    section="General",
    topic="Saving models",
    question="Should I pickle a model, and what do I do with one that is pickled?",
    answer=(
        "Save it as a .keras file instead: that is data, which another version of Python and Keras can read. "
        "A pickle runs code when it is opened, and needs the same packages and classes. One that you have is "
        "opened once more, where it was made, and saved as .keras."
    ),
    changed=(
        "In Keras 3 and in today's tf_keras pickle and copy.deepcopy take models of built-in layers: they "
        "write a .keras file into the pickle. Older versions failed."
    ),
    silent=(
        "A model with a class of your own that is not registered is pickled without a word and cannot be "
        "opened again, not even by the same notebook. joblib.dump is pickle under another name."
    ),
    keywords=("pickle", "cPickle", "joblib", "dill", "deepcopy", "copy a model", "convert"),
    links=(("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),),
    parameters=(
        Pick(
            name="model",
            label="Model",
            help="A model of this notebook; without one the code makes a small one.",
            kind="model",
            default="",
        ),
        File(
            name="pickled",
            label="Pickle",
            help="A pickle of a model, which you trust: opening it runs its code.",
            suffixes=(".pkl", ".pickle"),
            exists=True,
            optional=True,
            default="",
        ),
        File(
            name="path",
            label="File",
            help="Where the model is saved.",
            suffixes=(".keras",),
            default="model.keras",
        ),
    ),
    check=_one_source,
    template=Path(__file__).with_suffix(".py.jinja"),
)
