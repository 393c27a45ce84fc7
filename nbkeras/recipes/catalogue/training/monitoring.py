"""How to follow the metrics while fit runs, and to have them afterwards."""

from __future__ import annotations

from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Switch, Text, Whole
from nbkeras.recipes.places import Folder
from nbkeras.recipes.recipe import Recipe

RECIPE = Recipe(
    name="monitoring",
    faq="19",
    section="Training",
    topic="Monitoring",
    question="How do I follow my metrics while fit runs?",
    answer=(
        "Write them to a directory that is new for each run: the TensorBoard callback for curves in the "
        "browser, CSVLogger for a table that any program reads. In a notebook, %%fit above the cell draws "
        "the curves live and keeps each run."
    ),
    changed="TensorFlow 2.21 does not install TensorBoard any more: type %pip install tensorboard.",
    silent=(
        "TensorBoard draws all runs that share a directory as one zigzag curve. Without the package the "
        "callback fails only when the first epoch has ended. CSVLogger overwrites the file of the last run."
    ),
    keywords=(
        *("TensorBoard", "curves", "plot", "live", "log", "logging", "CSVLogger", "history"),
        *("progress bar", "visualize", "chart", "watch", "training curves", "loss curve", "learning curve"),
        *("plot history", "plot loss and accuracy", "progress"),
    ),
    links=(
        ("TensorBoard", "https://keras.io/api/callbacks/tensorboard/"),
        ("CSVLogger", "https://keras.io/api/callbacks/csv_logger/"),
        ("TensorBoard in notebooks", "https://www.tensorflow.org/tensorboard/tensorboard_in_notebooks"),
    ),
    magic="%%fit --tensorboard",
    parameters=(
        *own.OWN_VALIDATED,
        Choice(
            name="log",
            label="Write",
            help="Curves for TensorBoard, or a table with a line for each epoch.",
            options=(("tensorboard", "TensorBoard's logs"), ("csv", "a CSV file")),
            default="tensorboard",
            examples=("csv",),
        ),
        Folder(
            name="folder",
            label="Folder",
            help="The folder of all runs; each has a folder of its own in it.",
            default="logs",
        ),
        Text(
            name="run",
            label="Run",
            help="The name of this run's folder; empty for the time at which it begins.",
            default="",
            examples=("small steps",),
            pattern=r"(?!\.)[^/\\:*?\"<>|]*[^/\\:*?\"<>|\s.]",
            expected="a name that a folder can have",
            optional=True,
        ),
        Switch(
            name="histograms",
            label="Histograms of weights",
            help="Also write how the weights of each layer are spread, after each epoch.",
            default=False,
            examples=(True,),
            when=("log", ("tensorboard",)),
        ),
        Whole(name="epochs", label="Epochs", help="Passes over the data.", default=5, maximum=100_000),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=own.validated,
)
