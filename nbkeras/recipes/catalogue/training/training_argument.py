"""What training=True does and what trainable does, shown by dropout that stays on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.losses import MODEL
from nbkeras.recipes.parameter import Choice, Switch, Whole
from nbkeras.recipes.recipe import Recipe

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
    keywords=("Monte Carlo dropout", "MC dropout", "uncertainty", "inference mode", "Dropout", "freeze"),
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
    check=own.together,
)
