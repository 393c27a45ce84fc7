"""What training=True does and what trainable does, shown by dropout that stays on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.losses import MODEL
from nbkeras.recipes.notebook import every_layer
from nbkeras.recipes.parameter import Choice, Switch, Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

_RANDOM = {"Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"}


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    missing, model = own.together(values, notebook), values["model"]
    if missing or notebook is None or not model or values["way"] == "call":
        return missing
    instead = "expected model(x, training=True), because"
    if model not in notebook.names("graph model"):
        return {"way": f"{instead} {model} is a subclass or has no Input; received a layer"}
    layers = every_layer(notebook.value(model))
    # Recurrent layers and attention drop by themselves, and no other layer could stand in.
    inside = [each.name for each in layers if _drops_inside(each)]
    if inside:
        return {"way": f"{instead} {inside[0]} has dropout within it; received a layer"}
    if not any(_RANDOM & {cls.__name__ for cls in type(each).__mro__} for each in layers):
        return {"way": f"{instead} {model} has no dropout layer; received a layer"}
    return own.with_names(model, notebook)


def _drops_inside(layer: Any) -> bool:
    rates = [getattr(layer, name, 0) for name in ("dropout", "recurrent_dropout")]
    return any(isinstance(rate, (int, float)) and rate > 0 for rate in rates)


RECIPE = Recipe(
    name="training_argument",
    faq="16a",
    section="Training",
    topic="training and trainable",
    question="What is the difference between the training argument and the trainable attribute?",
    answer=(
        "training says how a call behaves: with True, dropout drops. trainable says which weights fit may "
        "change. Neither touches the other, but in batch normalization. For dropout that stays on when "
        "predicting, use a layer whose call passes training=True, or call model(x, training=True)."
    ),
    changed=(
        "Keras 3 ignores training=True given while a functional model is built: the model's own mode takes "
        "its place. tf_keras keeps it."
    ),
    silent=(
        "On Keras 3, Dropout(0.5)(x, training=True) in a functional model drops nothing in predict, so that "
        "Monte Carlo predictions are all the same. model(x, training=True) also makes each batch "
        "normalization use the batch's statistics and move its own."
    ),
    keywords=(
        *("Monte Carlo dropout", "MC dropout", "uncertainty", "inference mode", "Dropout", "freeze"),
        *("dropout at inference", "dropout at test time", "training=True", "trainable vs training"),
    ),
    links=(
        ("Dropout", "https://keras.io/api/layers/regularization_layers/dropout/"),
        ("Transfer learning and fine-tuning", "https://keras.io/guides/transfer_learning/"),
    ),
    parameters=(
        MODEL,
        replace(
            own.X,
            kind="array",
            help="The array to predict for; without one the code makes small data.",
        ),
        Choice(
            name="way",
            label="Keep dropout on by",
            help="A layer also works in predict, batch by batch; a call is short, for what fits in memory.",
            options=(("layer", "a layer that always drops"), ("call", "model(x, training=True)")),
            default="layer",
            examples=("call",),
        ),
        Whole(
            name="samples",
            label="Predictions",
            help="How often to predict; their mean and spread are the answer.",
            default=20,
            minimum=2,
            maximum=100_000,
        ),
        Switch(
            name="trainable",
            label="Trainable",
            help="Without it all weights are frozen, and dropout drops as before.",
            default=True,
            examples=(False,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
