"""What ``%cluster`` and ``%%cluster`` take."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from nbkeras.magics.fit_grammar import FIT
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.memory import parse_bytes
from nbkeras.training.options import positive_int

ACTIONS = ("start", "status", "stop", "restart", "push", "get", "logs")
# Options of start beside --workers.
STARTING = ("deadline", "patience", "ps", "hosts", "profile", "max_memory")


CLUSTER = Grammar(
    magic="%cluster",
    summary="Start workers on this machine or others, which train one model together, and see how they are.",
    details="""
        Each worker is a process of its own. A cell under %%cluster runs on all of them, under TensorFlow's
        MultiWorkerMirroredStrategy. With --ps it runs on a coordinator, which gives steps to the workers
        under a ParameterServerStrategy; a worker that dies is survived. push sends variables of the notebook
        to the workers, get brings variables of rank 0 back, a trained model, say. logs shows what a rank
        has put out in its last cell. Workers end with %cluster stop, and with the notebook's kernel, however
        that ends.
        """,
    examples="""
        %cluster start --workers 2
        %cluster start --workers 2 --ps 1
        %cluster start --hosts hosts.txt
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
            "--workers",
            "How many workers to start; 2 by default, or all that hosts and profile have.",
            "N",
            partial(positive_int, option="--workers"),
        ),
        Option(
            "--ps",
            "How many parameter servers keep the weights, so that no worker waits for another.",
            "N",
            partial(positive_int, option="--ps"),
        ),
        Option(
            "--hosts",
            "A file of hosts where ssh starts workers, one a line: host [slots=N] [python=…] [address=…].",
            "FILE",
            complete="path",
        ),
        Option(
            "--max-memory",
            "Main memory that processes on this machine may take, such as 16GB; by default what is free.",
            "SIZE",
            lambda text: parse_bytes(text, option="--max-memory"),
        ),
        Option("--profile", "Workers beside the engines of this profile of ipyparallel.", "NAME"),
        Option(
            "--deadline",
            "How long the workers may take to join; 2m by default.",
            "TIME",
            lambda text: parse_duration(text, option="--deadline"),
        ),
        Option(
            "--patience",
            "How long a worker may stand at one place while the others wait for it; 12s by default.",
            "TIME",
            lambda text: parse_duration(text, option="--patience"),
        ),
    ),
)

# What means another thing here, or nothing.
_OWN = {"--batch-size", "--every", "--strategy", "--code"}
_SHARED = tuple(option for option in FIT.options if option.name not in _OWN)

# Of cells on the cluster alone.
_RETRIES = Option(
    "--retries",
    "How often the workers may start anew by themselves when one has failed; 2 by default.",
    "N",
    partial(positive_int, option="--retries", least=0),
)
_SLURM = Option("--slurm", "Print it as a batch script for Slurm, one task for each worker.")

# What %%fit takes where its cell goes to the cluster.
FIT_ON_CLUSTER = replace(FIT, options=(*FIT.options, _RETRIES, _SLURM))

CLUSTER_CELL = Grammar(
    magic="%%cluster",
    summary="Run a cell on every worker of the cluster; its models train on all of them together.",
    details="""
        The cell is ordinary Keras code, the same on each worker. What it makes is in the workers' memory:
        %cluster push and %cluster get exchange variables with the notebook. A batch size is that of all
        workers together. The monitor shows rank 0's metrics, and a table how each worker is. The first
        interrupt (■) stops the training on all workers after the same step, and the rest of the cell
        runs. When a worker fails, the others are freed, and the next cell starts them anew; with --backup
        they start by themselves, and the cell goes on from the last backup. With parameter servers the cell
        runs on the coordinator, and a batch size is that of one worker. %%fit --strategy cluster does the
        same.
        """,
    examples="""
        %%cluster --epochs 5 --backup backups
        model = keras.Sequential([keras.layers.Dense(10)])
        model.compile("adam", "mse")
        history = model.fit(x, y, batch_size=64)
        """,
    options=(
        *_SHARED,
        Option(
            "--batch-size",
            "Samples in a batch of all workers together, with --ps of one, where the call does not say.",
            "N",
            partial(positive_int, option="--batch-size"),
        ),
        Option("--every", "When to back up: epoch (the default) or a number of steps.", "WHEN"),
        _RETRIES,
        Option("--code", "Print the plain script that does the same outside a notebook, and train nothing."),
        _SLURM,
    ),
)
