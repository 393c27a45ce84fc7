"""How a training goes on where it was when something ended it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Switch, Text, Whole
from nbkeras.recipes.places import Folder
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _complete(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    if values["interrupt"] and values["epochs"] == 1:
        return {"epochs": "expected 2 or more to be interrupted between them, received 1"}
    missing, model = own.complete(values, notebook), values["model"]
    if missing or notebook is None or not model or model in notebook.names("built model"):
        return missing
    return {"model": f"expected a model that is built, received {model}: begin it with keras.Input"}


RECIPE = Recipe(
    name="recover",
    faq="13",
    section="Training",
    topic="Recovery",
    question="How can my training go on where it was after a crash or an interruption?",
    answer=(
        "Give fit the BackupAndRestore callback, first in the list, with a directory of this run's own. It "
        "saves weights, optimizer and epoch after each epoch. After a crash run the same code again: it goes "
        "on with the next epoch. A finished run deletes its backup."
    ),
    changed=(
        "It left keras.callbacks.experimental. Keras 3 needs a built model: begin it with keras.Input. With "
        "save_freq=N Keras 3 repeats an interrupted epoch from its first batch; tf_keras goes on within it."
    ),
    silent=(
        "A left-over directory counts: another training that finds it goes on from those weights, that epoch "
        "and the old learning rate, and with no more epochs than were saved it trains none, returns an empty "
        "history and deletes the backup. A callback that raises before BackupAndRestore costs an epoch. "
        "Where an interrupt lets fit end gracefully, as in a monitored cell and in Run here, Keras takes the "
        "run for finished and deletes its backup: a crash is what it recovers from. %%fit --backup keeps its "
        "own then, and goes on within the epoch."
    ),
    keywords=(
        *("resume", "restart", "crash", "backup", "BackupAndRestore", "checkpoint", "fault", "preempted"),
        *("continue training", "resume training", "kernel died", "continue where it stopped"),
        *("initial_epoch", "power cut"),
    ),
    links=(("BackupAndRestore", "https://keras.io/api/callbacks/backup_and_restore/"),),
    magic="%%fit --backup",
    parameters=(
        *own.OWN,
        Folder(
            name="folder",
            label="Folder",
            help="The folder that holds the backups of all runs; it is made if need be.",
            default="backups",
        ),
        Text(
            name="run",
            label="Run",
            help="The run's name, a new one for a new training; its backup lies in a folder of this name.",
            default="run-1",
            examples=("second try",),
            pattern=r"(?!\.)[^/\\:*?\"<>|]*[^/\\:*?\"<>|\s.]",
            expected="a name that a folder can have",
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="Epochs in all, those before an interruption included.",
            default=6,
            examples=(3,),
            maximum=100_000,
        ),
        Switch(
            name="interrupt",
            label="Try it",
            help="Interrupt the training on purpose after half of its epochs, then go on.",
            default=False,
            examples=(True,),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=_complete,
)
