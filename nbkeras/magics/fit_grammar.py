"""What ``%%fit`` takes."""

from __future__ import annotations

from functools import partial

from nbkeras.devices.policy import WORDS, checked_word
from nbkeras.devices.strategies import CLUSTER, KINDS, checked_kind_of_cell
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.reproducibility.seeding import checked_seed
from nbkeras.runtime.durations import parse_duration
from nbkeras.training.options import positive_int

FIT = Grammar(
    magic="%%fit",
    summary="Run a cell and monitor every fit, evaluate and predict in it.",
    details="""
        The cell does what it would do without the magic line. A monitor shows each training live, with its
        bars, metrics and curves; Stop, Pause and the learning rate act within one batch. The first
        interrupt (the notebook's ■) ends the training and lets fit return with what it has, so that the
        rest of the cell runs; a second one raises KeyboardInterrupt. Each run is kept in the run log:
        %runs lists them, %monitor shows one again. A second fit of the cell writes files of its own:
        best-2.keras for --checkpoint best.keras. In Python: with nbkeras.fitting(epochs=5, …):
        """,
    examples="""
        %%fit
        history = model.fit(x, y, validation_split=0.2)

        %%fit --epochs 20 --early-stopping val_accuracy:3 --checkpoint best.keras
        history = model.fit(train, validation_data=validation)

        %%fit --max-time 10m --code
        model.fit(train, epochs=1000)
        """,
    options=(
        Option("--name", "Name of the runs; by default the model's name.", "NAME"),
        Option(
            "--epochs", "Epochs, where the call does not say.", "N", partial(positive_int, option="--epochs")
        ),
        Option(
            "--batch-size",
            "Samples in a batch, where the call does not say and the data are arrays.",
            "N",
            partial(positive_int, option="--batch-size"),
        ),
        Option(
            "--early-stopping",
            "Stop after so many epochs without an improvement and take the best weights back.",
            "[METRIC:]PATIENCE",
            complete="metric",
            config="early_stopping",
        ),
        Option("--no-restore-best", "Keep the last weights after early stopping."),
        Option(
            "--checkpoint",
            "Save the best model so far to this .keras file.",
            "PATH",
            complete="path",
            config="checkpoint",
        ),
        Option(
            "--tensorboard",
            "Write TensorBoard's logs, a directory for each run in this one.",
            "DIR",
            complete="directory",
            config="tensorboard",
        ),
        Option(
            "--csv", "Write the metrics of each epoch to this file.", "PATH", complete="path", config="csv"
        ),
        Option(
            "--max-time",
            "Stop after this time of training: 90s, 10m, 1h30m.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
            config="max_time",
        ),
        Option(
            "--seed",
            "Seed everything as the cell begins, deterministic operations: run again, it gives the same.",
            "N",
            lambda text: checked_seed(text, option="--seed"),
        ),
        Option(
            "--backup",
            "Back up to this directory; run the cell again, after whatever ended it, and it goes on exactly.",
            "DIR",
            complete="directory",
        ),
        Option("--every", "When to back up: epoch, a number of steps, or a time; 30s by default.", "WHEN"),
        Option("--restart", "Delete the backups and begin anew."),
        Option("--reuse", "Take a finished training as it ended, in place of the refusal; train nothing."),
        Option(
            "--strategy",
            "Make the cell's models under one device, mirrored ones, the connected tpu, or none; or run the "
            "cell on the workers of the cluster.",
            "WHAT",
            checked_kind_of_cell,
            complete=(*KINDS, CLUSTER),
        ),
        Option(
            "--mixed-precision",
            "Make the cell's models in 16 bits: on for the hardware's format, float16, bfloat16, off, or "
            "auto, which measures what is faster.",
            "WHAT",
            checked_word,
            complete=WORDS,
        ),
        Option(
            "--pad",
            "Give an uneven last batch whole to each replica of a strategy, and count it once, so that the "
            "training is that of one device.",
        ),
        Option("--quiet", "Record the runs and show nothing.", config="quiet"),
        Option("--code", "Print the plain Keras code that does the same, and train nothing."),
    ),
)
