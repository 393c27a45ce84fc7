"""How to stop training when the validation loss no longer falls."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Number, Switch, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="early_stopping",
    faq="14",
    section="Training",
    topic="Early stopping",
    question="How can I stop training when the validation loss no longer gets better?",
    answer=(
        "Give fit the EarlyStopping callback: it ends training after `patience` epochs without a better "
        "value. Set restore_best_weights=True, or the model keeps its last weights, not its best. Say with "
        "mode whether lower or higher is better."
    ),
    changed=(
        "Keras 3 asks the metric object whether higher is better, and raises after the first epoch when "
        "mode='auto' can't tell; older versions took every name that they did not know for one to minimise."
    ),
    silent=(
        "restore_best_weights is False by default: after a run that diverged, the weights are those of its "
        "last epoch. In tf_keras, mode='auto' minimises val_f1 or val_r2. A metric object without a name is "
        "renamed when its cell runs again (auc, then auc_1): EarlyStopping then only warns, and never stops."
    ),
    keywords=("overfitting", "patience", "EarlyStopping", "interrupt", "plateau", "best weights", "val_loss"),
    links=(("EarlyStopping", "https://keras.io/api/callbacks/early_stopping/"),),
    magic="%%fit --early-stopping",
    parameters=(
        *own.OWN_VALIDATED,
        Pick(
            name="metric",
            label="Metric",
            help="What has to get better; val_… is measured on the validation data after each epoch.",
            kind="metric",
            of="model",
            example=("val_loss", "val_accuracy", "loss", "accuracy"),
            default="val_loss",
            examples=("val_accuracy",),
        ),
        Choice(
            name="mode",
            label="Better is",
            help="Whether a lower or a higher value is better.",
            options=(("min", "lower"), ("max", "higher")),
            default="min",
            examples=("max",),
        ),
        Whole(
            name="patience",
            label="Patience",
            help="Epochs without a better value before training ends.",
            default=3,
            examples=(1,),
            minimum=0,
            maximum=10_000,
        ),
        Number(
            name="min_delta",
            label="Least change",
            help="A smaller change than this is none.",
            default=0.0,
            examples=(0.01,),
        ),
        Switch(
            name="restore_best",
            label="Restore best weights",
            help="Give the model the weights of its best epoch at the end.",
            default=True,
            examples=(False,),
        ),
        Whole(
            name="epochs",
            label="Epochs at most",
            help="Where training ends if the metric keeps getting better.",
            default=50,
            examples=(4,),
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=own.validated,
)
