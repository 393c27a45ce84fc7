"""What to do with batch normalization when a trained model meets new data."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Number, Whole
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="batch_norm",
    faq="16b",
    section="Training",
    topic="training and trainable",
    question="What does trainable = False do to batch normalization, and when should it be frozen?",
    answer=(
        "It freezes scale and offset and, in this layer alone, also runs it in inference mode: it uses its "
        "moving statistics and leaves them as they are. Freeze it when fine-tuning with little data. To fit "
        "the statistics to new data without training, call the model in training mode."
    ),
    changed=(
        "Before TensorFlow 2, a frozen batch normalization went on moving its statistics. Keras 3 no longer "
        "heeds training=False given while a functional model is built: only trainable = False counts."
    ),
    silent=(
        "On Keras 3, base(inputs, training=False) does not keep the statistics of a base that is trainable: "
        "they move in fit. Thawing a whole base thaws the batch normalization in it, and a few small batches "
        "then spoil statistics of a long training."
    ),
    keywords=(
        *("BatchNormalization", "moving mean", "moving variance", "momentum", "fine-tuning"),
        *("inference mode", "batchnorm", "frozen batch normalization", "BN"),
    ),
    links=(
        ("BatchNormalization", "https://keras.io/api/layers/normalization_layers/batch_normalization/"),
        ("Transfer learning and fine-tuning", "https://keras.io/guides/transfer_learning/"),
    ),
    parameters=(
        *own.OWN,
        Choice(
            name="statistics",
            label="Moving statistics",
            help="Keep them while the other layers train, or renew them on this data and train nothing.",
            options=(("keep", "keep, and fine-tune"), ("renew", "renew, and train nothing")),
            default="keep",
            examples=("renew",),
        ),
        Number(
            name="learning_rate",
            label="Learning rate",
            help="Of the fine-tuning.",
            default=1e-4,
            exclusive=True,
            when=("statistics", ("keep",)),
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often to go through the data; at momentum 0.99, 100 batches move statistics by 63%.",
            default=5,
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=own.recompiled,
)
