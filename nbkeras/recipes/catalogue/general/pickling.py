"""Why not to pickle a model, what to do instead, and how to get a model out of a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, Folder, absent
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    if values["do"] == "instead":
        return own.with_names(values["model"], notebook)
    missing = "" if notebook is None else absent(values["source"])
    return {"source": missing} if missing else {}


RECIPE = Recipe(
    name="pickling",
    faq="7f",
    section="General",
    topic="Saving models",
    question="Can I save a model with pickle or joblib?",
    answer=(
        "Better not: save the model as .keras and what goes with it (history, names of classes, settings) "
        "as JSON in the same folder. A pickle is tied to the versions that wrote it, and opening one runs "
        "whatever code it holds. A model that is in a pickle already: open it once where it was made, and "
        "save it as .keras."
    ),
    changed=(
        "Models can be pickled and deep-copied today, with their weights and the optimizer's state, which "
        "older versions refused. It is the .keras format inside a pickle, with all of its conditions and "
        "none of its safety."
    ),
    silent=(
        "A pickle of a model with a custom layer is written without complaint even if the layer is not "
        "registered, and can't be opened then, not even in the same kernel: the model is lost with the "
        "kernel."
    ),
    keywords=("pickle", "joblib", "cPickle", "dill", "deepcopy", "serialize", "convert"),
    links=(("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),),
    parameters=(
        Choice(
            name="do",
            label="Do",
            help="Save without pickle, or save the models that a pickle holds.",
            options=(("instead", "save without pickle"), ("convert", "convert a pickle")),
            default="instead",
        ),
        Pick(
            name="model",
            label="Model",
            help="A functional or sequential model; without one the code makes and trains a small one.",
            kind="graph model",
            default="",
            when=("do", ("instead",)),
        ),
        File(
            name="source",
            label="Pickle",
            help="A model, or a dict with models. Take only a file that you trust: it can run any code.",
            suffixes=(".pkl", ".pickle", ".joblib"),
            default="model.pkl",
            when=("do", ("convert",)),
        ),
        Folder(
            name="folder",
            label="Folder",
            help="Where the models and what goes with them are saved.",
            default="saved",
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
