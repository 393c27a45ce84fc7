"""How to write a training loop by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import logits, own
from nbkeras.recipes.losses import LOSS, MODEL, fits
from nbkeras.recipes.parameter import Number, Switch, Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

# One to train on, and one to validate on.
_FEWEST = 2


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    missing = own.validated(values, notebook)
    x, y, validation = values["x"], values["y"], values["validation"]
    rows = notebook.rows(x) if notebook is not None and y and not validation and not missing else None
    if rows is not None and rows < _FEWEST:
        return {"x": f"expected {_FEWEST} rows or more, of which one is held out, received {rows}"}
    return missing or fits(values, notebook)


RECIPE = Recipe(
    name="custom_loop",
    faq="20d",
    section="Training",
    topic="Customising fit",
    question="How can I write the whole training loop by hand?",
    answer=(
        "Loop over epochs and batches; in a step under tf.function take the loss under a GradientTape, its "
        "gradients for model.trainable_weights, and give them to the optimizer. Call the model with "
        "training=True, add model.losses, and reset the metrics at each epoch."
    ),
    changed=(
        "Losses that are functions have gone from Keras 3 under their long names (kl_divergence, "
        "mean_squared_error): use the classes, such as keras.losses.KLDivergence()."
    ),
    silent=(
        "A loss function, other than a loss object, gives one loss per sample, and the tape then sums their "
        "gradients: the learning rate grows with the batch. Without training=True, dropout is off and batch "
        "normalization learns no statistics. Without model.losses, regularization does nothing. A loss "
        "without from_logits=True takes the logits of a model that ends without softmax for probabilities."
    ),
    keywords=(
        *("GradientTape", "from scratch", "tf.function", "apply_gradients", "low-level", "track"),
        *("custom training loop", "train_on_batch", "own training loop"),
    ),
    links=(
        (
            "Writing a training loop from scratch",
            "https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/",
        ),
    ),
    magic="nbkeras.track",
    parameters=(
        MODEL,
        own.X,
        own.Y,
        own.VALIDATION,
        LOSS,
        logits.OUTPUTS,
        Number(
            name="learning_rate",
            label="Learning rate",
            help="Of the optimizer, Adam.",
            default=1e-3,
            exclusive=True,
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples per step; a dataset has its own.",
            default=32,
            examples=(100,),
            maximum=1_000_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often to go through the data.",
            default=5,
            examples=(2,),
            maximum=100_000,
        ),
        Switch(
            name="graph",
            label="Trace with tf.function",
            help="Much faster; without it one can print and step through the code.",
            default=True,
            examples=(False,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_check,
    follow=logits.followed,
)
