"""How to freeze layers and fine-tune a model with a training loop of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import logits, own
from nbkeras.recipes.catalogue.training import freeze_layers
from nbkeras.recipes.losses import LOSS, MODEL, fits
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    return own.complete(values, notebook) or fits(values, notebook)


# What to freeze, and for how long, is asked as it is for fit.
_STAGES = tuple(
    each for each in freeze_layers.RECIPE.parameters if each.name not in {"model", "x", "y", "validation"}
)

RECIPE = Recipe(
    name="freeze_loop",
    faq="15b",
    section="Training",
    topic="Freezing and fine-tuning",
    question="How can I freeze layers and fine-tune a model with my own training loop?",
    answer=(
        "Set layer.trainable = False, take the gradients for model.trainable_weights only, and give those to "
        "the optimizer. After thawing layers make a new optimizer, and trace the step anew."
    ),
    changed=(
        "An optimizer that has trained takes on no further weights (Keras 3, and tf_keras since TensorFlow "
        "2.11); optimizer.build(model.weights) before its first step, or a new optimizer, helps."
    ),
    silent=(
        "The tape has gradients for frozen weights, too: with model.weights in place of "
        "model.trainable_weights the frozen layers train. A step under tf.function that was traced before "
        "goes on training what was trainable then. Without training=True, dropout is off in a loop."
    ),
    keywords=(
        *("GradientTape", "transfer learning", "trainable_weights", "custom loop", "unfreeze", "thaw"),
        *(
            "freeze in a custom training loop",
            "fine-tune",
            "fine-tuning",
            "own training loop",
        ),
    ),
    links=(
        (
            "Writing a training loop from scratch",
            "https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/",
        ),
        ("Transfer learning and fine-tuning", "https://keras.io/guides/transfer_learning/"),
    ),
    magic="nbkeras.track",
    parameters=(MODEL, own.X, own.Y, LOSS, logits.OUTPUTS, *_STAGES),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_check,
    follow=logits.followed,
)
