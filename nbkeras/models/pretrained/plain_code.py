"""The plain Keras code that builds what nbkeras builds."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from nbkeras.models.pretrained.wishes import IMAGENET, PresetWish

if TYPE_CHECKING:
    from nbkeras.models.pretrained.wishes import Wish


def plain_code(wish: Wish | PresetWish) -> str:
    """Return code that builds a model without nbkeras.

    Args:
        wish: what is to be built. A file of weights is loaded as Keras does it: into the base or the whole
            model that it was saved from.
    """
    if isinstance(wish, PresetWish):
        return _preset_code(wish)
    known, whole = wish.known, wish.classes is None
    images = ", ".join(map(str, wish.input_shape))
    turn = known.scaling is not None and known.scaling.turned and known.line == "tf_keras"
    lines = (
        ["import tensorflow as tf", "from tensorflow import keras"]
        if turn
        else ["from tensorflow import keras"]
    )
    lines += [""]
    if known.module == "efficientnet" and wish.weights not in {None, IMAGENET}:
        lines += ['# For a file Keras leaves out the second scaling that it makes with weights="imagenet".']
    lines += [f"base = keras.applications.{known.name}("]
    if not whole:
        lines += ["    include_top=False,  # without the head for ImageNet's classes"]
    lines += [f"    weights={_weights(wish)},", f"    input_shape=({images}),"]
    if not whole:
        lines += ['    pooling="avg",']
    lines += [")"]
    if wish.frozen:
        lines += ["base.trainable = False"]
    lines += ["", f"images = keras.Input(({images}))  # colours from 0 to 255"]
    lines += _scaling(wish)
    call = "base(x, training=False)" if wish.frozen else "base(x)"
    if whole:
        return "\n".join([*lines, f"model = keras.Model(images, {call})", ""])
    lines += [f"x = {call}"]
    if wish.dropout:
        lines += [f"x = keras.layers.Dropout({wish.dropout})(x)"]
    lines += [
        f'outputs = keras.layers.Dense({wish.classes}, activation="softmax", dtype="float32")(x)',
        "model = keras.Model(images, outputs)",
    ]
    if wish.frozen:
        lines += [
            "",
            "# To fine-tune later, let the base learn but for its batch normalization, and compile anew:",
            "# base.trainable = True",
            "# for layer in base.layers:",
            "#     if isinstance(layer, keras.layers.BatchNormalization):",
            "#         layer.trainable = False",
        ]
    return "\n".join([*lines, ""])


def _preset_code(wish: PresetWish) -> str:
    lines = ["import keras_hub", "", "model = keras_hub.models.ImageClassifier.from_preset("]
    lines += [f'    "{wish.preset.name}",']
    if wish.weights is None:
        lines += ["    load_weights=False,"]
    if wish.classes is not None:
        lines += [f"    num_classes={wish.classes},", '    activation="softmax",']
        lines += [f"    dropout={wish.dropout},", '    head_dtype="float32",']
    lines += [")"]
    if wish.frozen:
        lines += ["model.backbone.trainable = False"]
    return "\n".join([*lines, ""])


def _weights(wish: Wish) -> str:
    return "None" if wish.weights is None else json.dumps(wish.weights, ensure_ascii=False)


def _scaling(wish: Wish) -> list[str]:
    known = wish.known
    scaling = known.scaling
    module = f"keras.applications.{known.module}.preprocess_input"
    if scaling is None:
        return ["x = images  # the model scales them itself"]
    lines = [f"# What {module} does, as layers, which are saved with the model."]
    before = "images"
    if scaling.turned:
        lines += [
            "x = tf.reverse(images, axis=[-1])"
            if known.line == "tf_keras"
            else "x = keras.ops.flip(images, axis=-1)"
        ]
        before = "x"
    values = [f"{_written(scaling.scale)},", f"offset={_written(scaling.offset)},", 'dtype="float32",']
    return [*lines, "x = keras.layers.Rescaling(", *(f"    {value}" for value in values), f")({before})"]


def _written(value: float | list[float]) -> str:
    """Write a number so that a reader knows it again: 1 / 127.5, not 0.0078431372549."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if 0 < value < 1:
        inverse = float(f"{1 / value:.6g}")
        if math.isclose(1 / inverse, value, rel_tol=1e-9):
            return f"1 / {inverse:g}"
    return repr(value)
