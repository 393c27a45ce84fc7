"""How to see and edit Keras's configuration file."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes.parameter import Choice, Number
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="config_file",
    faq="4",
    section="General",
    topic="Configuration file",
    question="Where is Keras's configuration file, and how do I change it?",
    answer=(
        "It is keras.json in the folder that the environment variable KERAS_HOME names, else in .keras in "
        "your home directory. Keras reads it once, when it is imported, so an edit counts from the next "
        "kernel on. For one notebook alone leave the file as it is and type "
        "keras.config.set_floatx('float64'), or with tf_keras keras.backend.set_floatx('float64')."
    ),
    changed=(
        "The field backend, once a relic, counts again: Keras 3 runs on TensorFlow, JAX or PyTorch, though "
        "tf.keras on TensorFlow only. Keras 3 knows a further field, nnx_enabled. When the home directory "
        "can't be written to, Keras 3 uses /tmp/.keras; tf_keras does not."
    ),
    silent=(
        "A file that is no JSON is ignored without a word, and so is a field with a misspelt name. A value "
        "that Keras refuses (epsilon 0 instead of 0.0, bfloat16 as floatx) makes "
        "`from tensorflow import keras` fail with an error that does not name the file; with nnx_enabled or "
        "another backend it reads 'Keras cannot be imported. Check that it is installed.'"
    ),
    keywords=(
        *("keras.json", "KERAS_HOME", "channels_first", "settings", "configuration", "home directory"),
        *("location of keras.json", "backend", "image_data_format", "channels first", "floatx"),
    ),
    links=(
        ("Keras config utilities", "https://keras.io/api/utils/config_utils/"),
        ("Getting started: backends", "https://keras.io/getting_started/"),
    ),
    parameters=(
        Choice(
            name="change",
            label="Change",
            help="The field to change in the file; nothing only shows the file and what is wrong with it.",
            options=(
                ("nothing", "nothing, show it"),
                ("floatx", "float type"),
                ("epsilon", "epsilon"),
                ("image_data_format", "image format"),
                ("backend", "backend"),
            ),
            default="nothing",
            examples=("floatx", "epsilon", "image_data_format", "backend"),
        ),
        Choice(
            name="floatx",
            label="Float type",
            help="The type of weights and tensors; to train in half precision take mixed precision instead.",
            options=(("float32", "float32"), ("float64", "float64"), ("float16", "float16")),
            default="float32",
            examples=("float64", "float16"),
            when=("change", ("floatx",)),
        ),
        Number(
            name="epsilon",
            label="Epsilon",
            help="The small number that keeps divisions from being by zero.",
            default=1e-7,
            maximum=1.0,
            exclusive=True,
            when=("change", ("epsilon",)),
        ),
        Choice(
            name="image_data_format",
            label="Image format",
            help="Where image layers expect the channels; on a CPU many work with channels last only.",
            options=(("channels_last", "channels last"), ("channels_first", "channels first")),
            default="channels_last",
            when=("change", ("image_data_format",)),
        ),
        Choice(
            name="backend",
            label="Backend",
            help="What Keras 3 computes with; with another one than TensorFlow tf.keras can't be imported.",
            options=(("tensorflow", "TensorFlow"), ("jax", "JAX"), ("torch", "PyTorch")),
            default="tensorflow",
            examples=("jax", "torch"),
            when=("change", ("backend",)),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
)
