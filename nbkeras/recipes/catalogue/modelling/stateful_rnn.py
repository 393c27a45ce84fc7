"""How to train a recurrent layer whose states go on from batch to batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Choice, Switch, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

# Of the sine wave that the code makes.
_SAMPLES = 1001


def _long_enough(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Refuse a series that fills not one batch, on which fit would train nothing without a word."""
    x, streams, steps = values["x"], values["batch_size"], values["steps"]
    rows = _SAMPLES if not x else notebook.rows(x) if notebook is not None else None
    if rows is None or rows > streams * steps:
        return {}
    text = f"expected more than {streams * steps:,} values, for {streams:,} streams of {steps:,} steps"
    return {"x" if x else "steps": f"{text}, received {rows:,}"}


RECIPE = Recipe(
    name="stateful_rnn",
    faq="25",
    section="Modelling",
    topic="Stateful RNNs",
    question="How can I use stateful RNNs, whose states go on from batch to batch?",
    answer=(
        "Set stateful=True in the layer, fix the batch size with Input(batch_shape=…), order the samples so "
        "that row i of a batch goes on in row i of the next, fit with shuffle=False, and reset the states at "
        "the beginning of each epoch by a callback."
    ),
    changed=(
        "Keras 3 takes no batch_size in the layer (ValueError), and model.reset_states is gone: each "
        "recurrent layer has its own reset_states."
    ),
    silent=(
        "fit shuffles by default, and says nothing of a stateful layer. States are not reset between epochs. "
        "Validation, evaluate and predict move them, too. A .keras file does not hold them."
    ),
    keywords=(
        *("LSTM", "GRU", "recurrent", "time series", "reset_states", "sequence", "batch_shape", "windows"),
        *("reset states", "hidden state", "statefulness"),
    ),
    links=(
        ("Working with RNNs", "https://keras.io/guides/working_with_rnns/"),
        ("LSTM", "https://keras.io/api/layers/recurrent_layers/lstm/"),
    ),
    parameters=(
        Pick(
            name="x",
            label="Series",
            help="An array over time, of numbers or of rows of them; without one the code makes a sine wave.",
            kind="array",
            default="",
        ),
        Choice(
            name="cell",
            label="Layer",
            help="Which recurrent layer.",
            options=(("LSTM", "LSTM"), ("GRU", "GRU"), ("SimpleRNN", "simple RNN")),
            default="LSTM",
            examples=("GRU", "SimpleRNN"),
        ),
        Whole(
            name="units",
            label="Units",
            help="How many numbers the layer keeps as its state.",
            default=16,
            maximum=100_000,
        ),
        Whole(
            name="batch_size",
            label="Streams",
            help="Into how many streams, side by side, the series is cut; it is the batch size.",
            default=4,
            maximum=100_000,
        ),
        Whole(
            name="steps",
            label="Steps",
            help="How many steps of time a batch has; gradients go back so far, states further.",
            default=10,
            maximum=100_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often to go through the series.",
            default=5,
            maximum=100_000,
        ),
        Switch(
            name="predictor",
            label="Copy for predictions",
            help="Also make a model with these weights that takes any number of series of any length.",
            default=False,
            examples=(True,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_long_enough,
)
