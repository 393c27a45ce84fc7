"""When to use predict, and when to call the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Choice, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _both(values: Mapping[str, Any], _: Notebook | None) -> dict[str, str]:
    if values["model"] and not values["x"]:
        return {"x": f"expected the inputs for {values['model']}, received none: choose an array"}
    if values["x"] and not values["model"]:
        return {"model": f"expected a model for {values['x']}, received none: choose one, or no inputs"}
    return {}


RECIPE = Recipe(
    name="predict_or_call",
    faq="22",
    section="Training",
    topic="predict and calling the model",
    question="What is the difference between model.predict(x) and model(x)?",
    answer=(
        "Both compute the same outputs. predict goes through any amount of data in batches and returns NumPy "
        "arrays. model(x, training=False) takes all of x at once and returns a tensor, with gradients: for a "
        "few samples, inside a loss, and in loops of your own."
    ),
    changed=(
        "Called inside a tf.function, predict fails in Keras 3 with an AttributeError that does not say why; "
        "tf_keras names the reason."
    ),
    silent=(
        "predict in a loop over single samples is many times slower than calling the model: each call sets "
        "up a loop of its own. Under a GradientTape predict gives no gradient, because a NumPy array has no "
        "past. model(x) with all of the data needs the memory for all of it at once."
    ),
    keywords=(
        *("__call__", "inference", "predict_on_batch", "numpy", "tensor", "gradient", "slow predict"),
        *("training=False", "memory", "GradientTape", "saliency", "predict vs call", "vs"),
        *("difference between predict and call", "predict in a loop", "predict is slow", "memory leak"),
    ),
    links=(
        ("Model training", "https://keras.io/api/models/model_training_apis/"),
        ("The Model class", "https://keras.io/api/models/model/"),
    ),
    parameters=(
        Pick(
            name="model",
            label="Model",
            help="A model of this notebook; without one the code makes a small one.",
            kind="model",
            default="",
        ),
        Pick(
            name="x",
            label="Inputs",
            help="The array of inputs; without one the code makes small data.",
            kind="array",
            default="",
        ),
        Choice(
            name="need",
            label="What for",
            help="Outputs for many samples, for a few at a time, or how they change with the inputs.",
            options=(
                ("many", "outputs for many samples"),
                ("few", "outputs for a few samples, again and again"),
                ("gradient", "the gradient of the outputs"),
            ),
            default="many",
            examples=("few", "gradient"),
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples that predict computes at a time; the outputs don't depend on it.",
            default=256,
            examples=(100,),
            when=("need", ("many",)),
        ),
        Whole(
            name="samples",
            label="Samples",
            help="How many samples, from the first on, the model is called with.",
            default=1,
            examples=(5,),
            when=("need", ("few", "gradient")),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_both,
)
