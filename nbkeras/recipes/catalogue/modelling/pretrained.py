"""How to build on a pretrained model of keras.applications."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Number, Whole, shown
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

# Of each side of an image, for all of these models.
_SMALLEST = 32


def _complete(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    x, y, path = values["x"], values["y"], values["weights_file"]
    if x and not y:
        return {"y": f"expected the array of labels for {x}, received none"}
    if y and not x:
        return {"x": f"expected the images that go with {y}, received none"}
    # Asked where the code will run, and not where it is only written.
    if notebook is not None and values["weights"] == "file" and not Path(path).expanduser().is_file():
        return {"weights_file": f"expected a file that exists, received {path!r}"}
    return _fitting(values, notebook) if notebook is not None and x else {}


def _fitting(values: Mapping[str, Any], notebook: Notebook) -> dict[str, str]:
    """Return what of the notebook's arrays the model can't be built for or trained on."""
    x, y = values["x"], values["y"]
    shape, classes = notebook.shape(x), values["classes"]
    if shape[3:] != (3,) or any(size is None or size < _SMALLEST for size in shape[1:3]):
        return {"x": f"expected images of shape (number, 32, 32, 3) or larger, received {shape}"}
    unequal = own.as_many(x, y, notebook)
    if unequal:
        return {"y": unequal}
    labels = np.asarray(notebook.value(y))
    whole = labels.dtype.kind in "iubf" and not np.any(np.mod(labels, 1))
    if not whole or labels[:1].size != 1 or labels.min() < 0:
        return {"y": f"expected class numbers that begin at 0, received {shown(y)}, which holds others"}
    if labels.max() >= classes:
        return {"classes": f"expected {labels.max() + 1:,} or more, as {y} has them; received {classes:,}"}
    return {}


RECIPE = Recipe(
    name="pretrained",
    faq="24",
    section="Modelling",
    topic="Pretrained models",
    question="How can I use a pretrained model of keras.applications?",
    answer=(
        "Take it without its head (include_top=False), pass the images through the preprocess_input of its "
        "own module and then through it, once, and train a small head on the features. Put together, with "
        "the preprocessing as layers, they are one model, which can be fine-tuned. Offline, give weights= "
        "the path of a weights file."
    ),
    changed=(
        "keras.applications is still there; more and newer models, for text too, are in KerasHub. Some "
        "families (EfficientNet, MobileNetV3) scale their inputs themselves: their preprocess_input does "
        "nothing."
    ),
    silent=(
        "Another module's preprocess_input, or none, or images already divided by 255, still train, only "
        "badly: each model knows one scale. preprocess_input writes into an array of floats, so that a "
        "second call scales it twice. With weights=None the base is random, and a frozen one never learns."
    ),
    keywords=(
        *("transfer learning", "keras.applications", "ImageNet", "ResNet50", "MobileNet", "EfficientNet"),
        *("backbone", "preprocess_input", "offline", "pre-trained", "VGG16", "Inception"),
        *("trained on ImageNet",),
    ),
    links=(
        ("Keras Applications", "https://keras.io/api/applications/"),
        ("Transfer learning and fine-tuning", "https://keras.io/guides/transfer_learning/"),
        ("KerasHub", "https://keras.io/keras_hub/"),
    ),
    parameters=(
        Choice(
            name="architecture",
            label="Model",
            help="Small ones first; each comes with the preprocessing it was trained with.",
            options=(
                ("MobileNetV2", "MobileNetV2, 2 million weights"),
                ("MobileNetV3Small", "MobileNetV3Small, 1 million weights"),
                ("EfficientNetV2B0", "EfficientNetV2B0, 6 million weights"),
                ("DenseNet121", "DenseNet121, 7 million weights"),
                ("ResNet50", "ResNet50, 24 million weights"),
            ),
            default="MobileNetV2",
            examples=("MobileNetV3Small", "EfficientNetV2B0", "DenseNet121", "ResNet50"),
        ),
        Choice(
            name="weights",
            label="Weights",
            help="ImageNet's are downloaded at the first use; without a network use a file, or none.",
            options=(
                ("none", "none: random, to try the code"),
                ("imagenet", "of ImageNet, by download"),
                ("file", "from a file"),
            ),
            default="none",
            examples=("imagenet",),
        ),
        File(
            name="weights_file",
            label="Weights file",
            help="Saved by save_weights from the same model with include_top=False, or downloaded.",
            default="base.weights.h5",
            suffixes=(".h5",),
            when=("weights", ("file",)),
        ),
        Pick(
            name="x",
            label="Images",
            help="An array of images with three colours from 0 to 255; without one the code makes some.",
            kind="array",
            default="",
        ),
        Pick(
            name="y",
            label="Labels",
            help="An array of class numbers that begin at 0.",
            kind="array",
            default="",
        ),
        Whole(
            name="classes",
            label="Classes",
            help="How many classes the new head tells apart.",
            default=2,
            minimum=2,
            maximum=100_000,
        ),
        Number(
            name="learning_rate",
            label="Learning rate",
            help="Of the optimizer, Adam.",
            default=1e-3,
            exclusive=True,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often the head goes through the features.",
            default=20,
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_complete,
)
