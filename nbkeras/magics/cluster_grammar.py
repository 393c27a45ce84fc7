"""What ``%cluster`` and ``%%cluster`` take."""

from __future__ import annotations

from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.durations import parse_duration

ACTIONS = ("start", "status", "stop", "restart", "push", "get", "logs")


def _whole(option: str, text: str) -> int:
    from nbkeras.training.options import positive_int

    return positive_int(text, option=option)


CLUSTER = Grammar(
    magic="%cluster",
    summary="Start workers on this machine, which train one model together, and see how they are.",
    details="""
        Each worker is a process of its own. A cell under %%cluster runs on all of them, under TensorFlow's
        MultiWorkerMirroredStrategy. push sends variables of the notebook to the workers, get brings variables
        of rank 0 back, a trained model, say. logs shows what a rank has put out in its last cell. Workers
        end with %cluster stop, and with the notebook's kernel, however that ends.
        """,
    examples="""
        %cluster start --workers 2
        %cluster push x y
        %cluster get model history
        %cluster logs 1
        %cluster stop
        """,
    options=(
        Option(
            "ACTION",
            "What to do: start, status (the default), stop, restart, push, get, logs.",
            complete=ACTIONS,
        ),
        Option("NAMES", "Variables to push or get, or the rank of the logs.", complete="variable", many=True),
        Option(
            "--workers", "How many workers to start; 2 by default.", "N", lambda t: _whole("--workers", t)
        ),
        Option(
            "--deadline",
            "How long the workers may take to join; 2m by default.",
            "TIME",
            lambda text: parse_duration(text, option="--deadline"),
        ),
    ),
)

CLUSTER_CELL = Grammar(
    magic="%%cluster",
    summary="Run a cell on every worker of the cluster; its models train on all of them together.",
    details="""
        The cell is ordinary Keras code, the same on each worker. What it makes is in the workers' memory:
        %cluster push and %cluster get exchange variables with the notebook. A batch size is that of all
        workers together. The monitor shows rank 0's metrics, and a table how each worker is. The first
        interrupt (■) stops the training on all workers after the same step, and the rest of the cell
        runs. When a worker fails, the others are freed and the next cell starts them anew.
        """,
    examples="""
        %%cluster --epochs 5
        model = keras.Sequential([keras.layers.Dense(10)])
        model.compile("adam", "mse")
        history = model.fit(x, y, batch_size=64)
        """,
    options=(
        Option("--name", "Name of the runs; by default the model's name.", "NAME"),
        Option("--epochs", "Epochs, where the call does not say.", "N", lambda t: _whole("--epochs", t)),
        Option(
            "--batch-size",
            "Samples in a batch of all workers together, where the call does not say.",
            "N",
            lambda t: _whole("--batch-size", t),
        ),
        Option(
            "--early-stopping",
            "Stop after so many epochs without an improvement and take the best weights back.",
            "[METRIC:]PATIENCE",
            complete="metric",
        ),
        Option(
            "--max-time",
            "Stop after this time of training: 90s, 10m, 1h30m.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
        ),
        Option("--quiet", "Record the runs and show nothing."),
    ),
)
