"""How to freeze layers and fine-tune a model with fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Number, Switch, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    return own.validated(values, notebook) or own.with_names(values["model"], notebook, whole=False)


RECIPE = Recipe(
    name="freeze_layers",
    faq="15a",
    section="Training",
    topic="Freezing and fine-tuning",
    question="How can I freeze layers and fine-tune a model with fit?",
    answer=(
        "Set layer.trainable = False, then compile, then fit. To fine-tune, set it back to True and compile "
        "again with a new optimizer and a much smaller learning rate. Leave batch normalization frozen."
    ),
    changed=(
        "In Keras 3 an optimizer that has trained refuses weights that are new to it ('Unknown variable'); "
        "tf_keras raises a KeyError. So each stage needs an optimizer of its own."
    ),
    silent=(
        "Without a new compile, thawed layers stay frozen, and nothing says so. In Keras 3 a change after "
        "compile still counts before the first fit, and fails when a batch of another shape comes along."
    ),
    keywords=(
        *("transfer learning", "trainable", "unfreeze", "thaw", "finetuning", "fine-tune", "recompile"),
        *("freeze base model", "train only last layers", "trainable = False"),
        *("transfer learning fine-tune", "fine-tuning", "lock layers"),
    ),
    links=(("Transfer learning and fine-tuning", "https://keras.io/guides/transfer_learning/"),),
    parameters=(
        *own.OWN_VALIDATED,
        Pick(
            name="frozen",
            label="Layers to freeze",
            help="They keep their weights in the first stage; a nested model is frozen with all in it.",
            kind="layer",
            of="model",
            many=True,
            example=("base", "base/dense", "base/norm", "head"),
            default=("base",),
            examples=(("base/dense",),),
        ),
        Number(
            name="learning_rate",
            label="Learning rate",
            help="For the first stage, in which the other layers train.",
            default=1e-3,
            exclusive=True,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How long the first stage goes on.",
            default=5,
            maximum=100_000,
        ),
        Switch(
            name="fine_tune",
            label="Fine-tune afterwards",
            help="Train the frozen layers, too, in a second stage.",
            default=True,
            examples=(False,),
        ),
        Number(
            name="fine_rate",
            label="Fine-tuning rate",
            help="The learning rate of the second stage: small, or what was learned is lost.",
            default=1e-5,
            exclusive=True,
            when=("fine_tune", (True,)),
        ),
        Whole(
            name="fine_epochs",
            label="Fine-tuning epochs",
            help="How long the second stage goes on.",
            default=5,
            maximum=100_000,
            when=("fine_tune", (True,)),
        ),
        Switch(
            name="batch_norm",
            label="Keep batch norm frozen",
            help="Frozen batch normalization keeps its statistics, which small data would spoil.",
            default=True,
            examples=(False,),
            when=("fine_tune", (True,)),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
