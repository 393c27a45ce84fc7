"""How to write what evaluate does with one batch."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.catalogue.training.train_step import GRAPH_MODEL, one_to_one
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Number, Whole
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="test_step",
    faq="20c",
    section="Training",
    topic="Customising fit",
    question="How can I change what evaluate does with each batch?",
    answer=(
        "Subclass keras.Model and write test_step, with compute_loss and compute_metrics as in train_step "
        "and without a gradient. evaluate uses it, and so does the validation in fit."
    ),
    changed=(
        "compiled_loss and compiled_metrics belong to tf_keras. In Keras 3 the step itself updates the "
        "metric 'loss' with what compute_loss returns."
    ),
    silent=(
        "On Keras 3, a test_step with compiled_loss and compiled_metrics makes evaluate return the mean of "
        "the predictions as the loss. A call with training=True would move the statistics of batch "
        "normalization: evaluation would change the model."
    ),
    keywords=(
        *("evaluate", "validation", "compiled_metrics", "test-time augmentation", "override", "customize"),
        *("custom evaluation", "override evaluate"),
    ),
    links=(("Overriding the training step", "https://keras.io/guides/custom_train_step_in_tensorflow/"),),
    magic="%%test_step",
    parameters=(
        GRAPH_MODEL,
        own.X,
        own.Y,
        Whole(
            name="copies",
            label="Copies of each sample",
            help="The step's own part, to be replaced by yours: the mean over copies; 1 does as Keras does.",
            default=8,
            examples=(1,),
            maximum=1000,
        ),
        Number(
            name="noise",
            label="Noise on the copies",
            help="The standard deviation of what is added to each copy.",
            default=0.05,
            examples=(0.5,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=one_to_one,
)
