"""The loss of a hand-written loop, which asks for it by itself: it is not compiled."""

from __future__ import annotations

from dataclasses import replace

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice

# A hand-written loop has no use for what compile sets.
MODEL = replace(
    own.MODEL,
    kind="model",
    help="A model of this notebook, compiled or not; without one the code makes a small one.",
)
LOSS = Choice(
    name="loss",
    label="Loss",
    help="What the loop minimises; it has to fit the model's last layer and the targets.",
    options=(
        ("BinaryCrossentropy", "two classes; the model gives a probability"),
        ("SparseCategoricalCrossentropy", "classes by number; the model gives probabilities"),
        ("CategoricalCrossentropy", "classes one-hot; the model gives probabilities"),
        ("MeanSquaredError", "numbers"),
    ),
    default="BinaryCrossentropy",
    examples=("MeanSquaredError",),
)
