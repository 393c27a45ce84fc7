"""How to keep a model's architecture alone, without its weights."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes.parameter import Identifier, Switch
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="model_config",
    faq="7d",
    section="General",
    topic="Saving models",
    question="How can I save a model's architecture alone, and build the model again from it?",
    answer=(
        "model.to_json() gives the architecture as text that one can read and compare; "
        "keras.models.model_from_json builds a model from it, with new random weights. get_config and "
        "from_config do the same with a dictionary, clone_model in one step."
    ),
    changed=(
        "to_yaml is gone, because YAML could run code. In Keras 3 the text holds what compile was given, and "
        "the model that is built from it is compiled; with tf_keras it is not."
    ),
    silent=(
        "The weights are not in it: a model from its JSON, and clone_model's, answer at random until they "
        "are trained or given weights. Neither is what the optimizer has gathered: it starts at its first step."
    ),
    keywords=("to_json", "from_json", "to_yaml", "get_config", "from_config", "clone_model", "architecture"),
    links=(
        (
            "Model config serialization",
            "https://keras.io/api/models/model_saving_apis/model_config_serialization/",
        ),
        ("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),
    ),
    parameters=(
        Pick(
            name="model",
            label="Model",
            help="A model of this notebook; without one the code makes a small one.",
            kind="model",
            default="",
        ),
        File(
            name="path",
            label="File",
            help="Where the architecture is written, as JSON.",
            suffixes=(".json",),
            default="model.json",
        ),
        Identifier(
            name="built",
            label="New model",
            help="The variable of the model that is built from the file.",
            default="again",
        ),
        Switch(
            name="weights",
            label="Copy the weights",
            help="Give the new model the weights of the first one; else they are new and random.",
            default=False,
            examples=(True,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
)
