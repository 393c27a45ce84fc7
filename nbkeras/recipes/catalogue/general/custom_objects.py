"""How to save and load a model with layers, functions or losses of one's own."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes.parameter import Choice, Identifier, Text
from nbkeras.recipes.places import File
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="custom_objects",
    faq="7e",
    section="General",
    topic="Saving models",
    question="How can I save and load a model with custom layers, functions or losses?",
    answer=(
        "Put @keras.utils.register_keras_serializable(package='…') above each class and function, and give "
        "classes a get_config with all arguments of __init__. Then load_model finds them by name, in every "
        "program that has run their definition before. Pass custom_objects={name: class} for code that you "
        "can't change."
    ),
    changed=(
        "Registering replaces most uses of custom_objects. Keras's pages call it "
        "keras.saving.register_keras_serializable; with `from tensorflow import keras` and Keras 3 there is "
        "no keras.saving (seen in TensorFlow 2.21), and keras.utils has the same function. Keras 3 does not "
        "load a Lambda layer with a Python lambda unless you say safe_mode=False, because it is code that "
        "comes with the file: write a layer instead."
    ),
    silent=(
        "Saving never complains: that a class is unknown, or that its get_config lacks an argument, shows "
        "when the file is loaded, perhaps weeks later. So load once right after saving. An argument that is "
        "missing in get_config and has a default is quietly set to the default. After a cell ran again, the "
        "newest class of a name counts."
    ),
    keywords=(
        *("custom layer", "register_keras_serializable", "custom_object_scope", "get_config", "subclass"),
        *("Lambda", "unknown layer", "could not locate class", "custom loss", "custom metric"),
        *("custom activation", "load_model error"),
    ),
    links=(
        ("Save, serialize, and export models", "https://keras.io/guides/serialization_and_saving/"),
        ("Serialization utilities", "https://keras.io/api/models/model_saving_apis/serialization_utils/"),
    ),
    parameters=(
        Choice(
            name="kind",
            label="Of your own",
            help="What Keras does not know by itself.",
            options=(
                ("layer", "a layer"),
                ("activation", "a function, as an activation"),
                ("loss", "a loss"),
                ("model", "a model class"),
            ),
            default="layer",
            examples=("activation", "loss", "model"),
        ),
        Choice(
            name="how",
            label="Known by",
            help="Registering is for good; passing it is for classes that you can't change.",
            options=(("register", "registering it"), ("pass", "passing it to load_model")),
            default="register",
            examples=("pass",),
        ),
        Identifier(
            name="custom",
            label="Name",
            help="The name of the class or function.",
            default="Custom",
            examples=("Mine",),
        ),
        Text(
            name="package",
            label="Package",
            help="Goes before the name in the file, so that yours is not mistaken for another's.",
            default="my_package",
            examples=("mine.own",),
            pattern=r"[A-Za-z_][\w.]*",
            expected="letters, digits and _",
            when=("how", ("register",)),
        ),
        File(
            name="path",
            label="File",
            help="Where to save; a file that is there is replaced.",
            suffixes=(".keras",),
            default="custom.keras",
            examples=("kept.keras",),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
)
