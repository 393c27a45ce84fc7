"""How to compute in 16 bits and keep the weights in 32."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Switch, Whole
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="mixed_precision",
    faq="21",
    section="Training",
    topic="Mixed precision",
    question="How can I train with 16-bit floating point numbers, to be faster and need less memory?",
    answer=(
        "Call keras.mixed_precision.set_global_policy before the layers are made: they compute in 16 bits "
        "and keep their weights in 32. Give the output layer dtype='float32'. With mixed_float16, fit scales "
        "the loss so that small gradients survive; a loop of your own has to do it."
    ),
    changed=(
        "The policy left keras.mixed_precision.experimental, which is gone. In a loop of one's own, Keras 3 "
        "has optimizer.scale_loss and unscales by itself; tf_keras has get_scaled_loss and "
        "get_unscaled_gradients. keras.backend.clear_session sets the policy back to float32 on Keras 3; in "
        "tf_keras it stays."
    ),
    silent=(
        "A policy that is set after a layer was made does nothing for that layer. On Keras 3, compile wraps "
        "the optimizer in a LossScaleOptimizer, which divides gradients by 32768 at first: a train_step, or "
        "a loop with such an optimizer, that forgets scale_loss hardly learns with SGD. A loop with a plain "
        "optimizer loses gradients below 6e-8, which are 0 in float16. On Keras 3, a sigmoid or softmax in "
        "float16 reports a loss of 16.1 for a mistake whose loss is 40."
    ),
    keywords=(
        *("float16", "bfloat16", "half", "fp16", "amp", "LossScaleOptimizer", "dtype policy"),
        *("tensor cores", "half precision", "mixed_float16", "faster training on GPU"),
        *("use less GPU memory",),
    ),
    links=(
        ("Mixed precision policy API", "https://keras.io/api/mixed_precision/"),
        ("Mixed precision", "https://www.tensorflow.org/guide/mixed_precision"),
    ),
    magic="%%fit --mixed-precision",
    parameters=(
        *own.OWN_GRAPH,
        Choice(
            name="policy",
            label="Numbers",
            help="float16 for GPUs of compute capability 7.0 and up; bfloat16 for TPUs, newer GPUs and CPUs.",
            options=(("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")),
            default="mixed_float16",
            examples=("mixed_bfloat16",),
        ),
        Choice(
            name="training",
            label="Training by",
            help="fit, or a loop of your own, which has to scale the loss.",
            options=(("fit", "fit"), ("loop", "a loop of my own")),
            default="fit",
            examples=("loop",),
            when=("model", ("",)),
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often training goes through the data.",
            default=3,
            maximum=100_000,
        ),
        Switch(
            name="reset",
            label="float32 afterwards",
            help="Layers that the notebook makes after this code are float32 again.",
            default=True,
            examples=(False,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=own.made_again,
)
