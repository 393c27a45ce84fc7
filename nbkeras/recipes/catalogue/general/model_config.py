"""How to save a model's architecture alone."""

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
    if values["do"] != "load":
        return own.with_names(values["model"], notebook)
    missing = "" if notebook is None else absent(values["source"])
    return {"source": missing} if missing else {}


RECIPE = Recipe(
    name="model_config",
    faq="7d",
    section="General",
    topic="Saving models",
    question="How can I keep only the configuration of a model, as JSON, and make a new model of it?",
    answer=(
        "model.to_json() gives a text that one can read and edit, and keras.models.model_from_json makes a "
        "new model of it; get_config and from_config do the same with a dict. What is made has new weights: "
        "copy them with set_weights if you want the old ones. Saving the whole model as .keras keeps "
        "everything."
    ),
    changed=(
        "to_yaml is gone. In Keras 3 the JSON also says how the model was compiled, and the new model is "
        "compiled; in tf_keras it is not."
    ),
    silent=(
        "The new model works at once, with random weights and an optimizer that starts at step 0, so that "
        "nothing tells it from a trained one but its results. clone_model drops the weights in the same "
        "way. A custom layer has to be registered, and its get_config has to hold all arguments."
    ),
    keywords=(
        *("to_json", "from_json", "model_from_json", "get_config", "from_config", "clone_model"),
        *("architecture", "architecture as json", "yaml", "without weights"),
    ),
    links=(
        (
            "Model config serialization",
            "https://keras.io/api/models/model_saving_apis/model_config_serialization/",
        ),
        ("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),
    ),
    parameters=(
        Choice(
            name="do",
            label="Do",
            help="A file to keep or to edit, a second model in this notebook, or a model from a file.",
            options=(
                ("save", "save as JSON"),
                ("copy", "make a second model"),
                ("load", "make a model from a file"),
            ),
            default="save",
            examples=("copy",),
        ),
        Pick(
            name="model",
            label="Model",
            help="A functional or sequential model with an Input; without one the code makes a small one.",
            kind="graph model",
            default="",
            when=("do", ("save", "copy")),
        ),
        File(
            name="path",
            label="File",
            help="Where to save; a file that is there is replaced.",
            suffixes=(".json",),
            default="model.json",
            when=("do", ("save",)),
        ),
        File(
            name="source",
            label="File",
            help="The text that to_json gave.",
            suffixes=(".json",),
            default="model.json",
            when=("do", ("load",)),
        ),
        Switch(
            name="weights",
            label="Copy the weights, too",
            help="Else the second model has new ones.",
            default=False,
            examples=(True,),
            when=("do", ("copy",)),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
