"""Why the training loss that fit reports is higher than the validation loss, in numbers."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Number, Whole
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="loss_gap",
    faq="11",
    section="Training",
    topic="Training loss and testing loss",
    question="Why is my training loss higher than my testing loss?",
    answer=(
        "Three things part them: fit reports the mean over an epoch in which the weights got better; dropout "
        "and the like disturb the model in training only; and the samples are others. Evaluate the training "
        "data after the epoch: that loss and the validation loss are measured in the same way."
    ),
    changed="",
    silent=(
        "L1 and L2 penalties are often said to vanish at test time. They don't: on both lines evaluate and "
        "val_loss hold them, so they are no part of the gap. Only a loss that you compute from predictions "
        "yourself is without them."
    ),
    keywords=(
        *("gap", "dropout", "regularization", "L2", "penalty", "running mean", "lower validation loss"),
        *("validation accuracy higher than training accuracy", "val_loss lower than loss"),
        *("validation loss less than training loss", "val_acc better than acc"),
    ),
    links=(
        ("Model training", "https://keras.io/api/models/model_training_apis/"),
        ("Dropout", "https://keras.io/api/layers/regularization_layers/dropout/"),
    ),
    parameters=(
        *own.OWN_VALIDATED,
        Number(
            name="dropout",
            label="Dropout",
            help="The share of values that the example's model drops in training.",
            default=0.5,
            examples=(0.0,),
            maximum=0.95,
            when=("model", ("",)),
        ),
        Number(
            name="penalty",
            label="L2 penalty",
            help="The factor of the example's L2 penalty on its first layer.",
            default=0.001,
            examples=(0.0,),
            when=("model", ("",)),
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="Epochs to train before the last one is taken apart.",
            default=5,
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=own.validated,
)
