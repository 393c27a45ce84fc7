"""How to write what fit does with one batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Number, Switch, Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

GRAPH_MODEL = replace(
    own.GRAPH,
    help=(
        "A compiled model of this notebook with one input and one output, no subclass; without one the code "
        "makes a small one."
    ),
)


def one_to_one(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is missing, or that the model has not one input and one output."""
    name = values["model"]
    if name and notebook is not None:
        model = notebook.value(name)
        for found in ("inputs", "outputs"):
            number = len(getattr(model, found))
            if number != 1:
                return {"model": f"expected one input and one output, received {name} with {number} {found}"}
    return own.recompiled(values, notebook)


RECIPE = Recipe(
    name="train_step",
    faq="20a",
    section="Training",
    topic="Customising fit",
    question="How can I change what fit does with each batch?",
    answer=(
        "Subclass keras.Model and write train_step: compute_loss for the loss, compute_metrics for what it "
        "returns. fit, callbacks and validation work as before."
    ),
    changed=(
        "compiled_loss and compiled_metrics belong to tf_keras. In Keras 3 the step itself updates the "
        "metric 'loss' and, for mixed precision, scales the loss with optimizer.scale_loss."
    ),
    silent=(
        "On Keras 3 a step with compiled_loss and compiled_metrics still trains, but the loss that it logs "
        "is the mean of the predictions, so that callbacks act on nonsense. Without scale_loss, "
        "mixed_float16 makes steps that are thousands of times too small."
    ),
    keywords=(
        *("custom training", "compiled_loss", "compute_loss", "GradientTape", "override", "customize"),
        *("gradient accumulation", "accumulate gradients", "clip gradients", "gradient clipping"),
        *("knowledge distillation", "teacher and student", "contrastive learning", "custom fit"),
        *("override fit", "train_step of a GAN"),
    ),
    links=(("Overriding the training step", "https://keras.io/guides/custom_train_step_in_tensorflow/"),),
    magic="%%train_step",
    parameters=(
        GRAPH_MODEL,
        own.X,
        own.Y,
        Number(
            name="noise",
            label="Noise on the inputs",
            help="The step's own part, to be replaced by yours; 0 leaves a step that does as Keras's does.",
            default=0.1,
            examples=(0.0,),
        ),
        Switch(
            name="eager",
            label="Run eagerly",
            help="Slower, but print and the debugger work within the step.",
            default=False,
            examples=(True,),
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often fit goes through the data.",
            default=5,
            examples=(2,),
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=one_to_one,
)
