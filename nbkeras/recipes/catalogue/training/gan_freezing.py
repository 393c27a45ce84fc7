"""How to train the two parts of a GAN in turn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Number, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    x = values["x"]
    shape = notebook.shape(x) if notebook is not None and x else ()
    if len(shape) == 1:
        return {"x": f"expected one sample a row, of shape (number, size), received {x} with {shape}"}
    return {}


RECIPE = Recipe(
    name="gan_freezing",
    faq="15c",
    section="Training",
    topic="Freezing and fine-tuning",
    question="How can I train one part of a model while another is frozen, as in a GAN?",
    answer=(
        "Write one model class that holds both parts and has its own train_step, in which each optimizer "
        "gets the gradients and the weights of its own part only. Nothing has to be frozen, and fit works."
    ),
    changed=(
        "The old way compiles the discriminator, sets trainable = False and compiles the whole: it relies on "
        "each compile keeping what was trainable then. Keras 3 looks again when the first step is traced."
    ),
    silent=(
        "On Keras 3, a discriminator that was compiled but has not trained before it is frozen for the whole "
        "no longer learns, and nothing says so; the generator then has an easy game."
    ),
    keywords=(
        *("generator", "discriminator", "adversarial", "alternate", "two optimizers", "trainable"),
        *("Wasserstein", "freeze discriminator", "generative adversarial network"),
    ),
    links=(
        ("Overriding the training step", "https://keras.io/guides/custom_train_step_in_tensorflow/"),
        ("A GAN with a train_step", "https://keras.io/examples/generative/dcgan_overriding_train_step/"),
    ),
    parameters=(
        Pick(
            name="x",
            label="Real samples",
            help="An array of floats, one sample a row; without one the code makes points on a circle.",
            kind="array",
            default="",
        ),
        Whole(
            name="noise",
            label="Noise dimensions",
            help="How many random numbers the generator makes a sample from.",
            default=8,
            maximum=10_000,
        ),
        Number(
            name="smoothing",
            label="Label smoothing",
            help="Real samples count as 1 minus this, which keeps the discriminator from being too sure.",
            default=0.0,
            examples=(0.1,),
            maximum=0.5,
        ),
        Number(
            name="generator_rate",
            label="Generator's rate",
            help="The learning rate of the generator's optimizer.",
            default=1e-3,
            exclusive=True,
        ),
        Number(
            name="discriminator_rate",
            label="Discriminator's rate",
            help="The learning rate of the discriminator's optimizer.",
            default=1e-3,
            exclusive=True,
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Real samples per step; as many are made.",
            default=64,
            examples=(100,),
            maximum=100_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often fit goes through the real samples.",
            default=5,
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_check,
)
