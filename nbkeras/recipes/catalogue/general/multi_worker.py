"""How to train one model on several machines, all in step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.parameter import Choice, Text, Whole
from nbkeras.recipes.places import Folder
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"


def cluster(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is wrong with the addresses together, or what of the notebook can't be sent."""
    if values["launcher"] == "ssh":
        names = values["hosts"].replace(" ", "").split(",")
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            return {"hosts": f"expected each host once, received {twice} more than once"}
    last = values["port"] + values["workers"] - 1
    if values["launcher"] == "local" and last > 65_535:  # noqa: PLR2004 - the highest port there is
        return {"port": f"expected a port for each worker up to 65,535, received {last:,} for the last"}
    return own.sent(values, notebook) or own.full_batch(values, notebook)


RECIPE = Recipe(
    name="multi_worker",
    faq="2b",
    section="General",
    topic="Several machines",
    question="How can I train one model on several machines that compute every step together?",
    answer=(
        "Run one script on each machine, with a TF_CONFIG that names all workers and its own place among "
        "them; there, build the model in the scope of a MultiWorkerMirroredStrategy. A notebook can't be a "
        "worker, because the strategy has to come before all else of TensorFlow: so this writes the script, "
        "TF_CONFIG and what starts the workers."
    ),
    changed=(
        "The strategy left tf.distribute.experimental. On Keras 3.15 fit fails with it as it comes (keras "
        "issue 20585): the script has a subclass that mends one method. tf_keras takes it as it comes."
    ),
    silent=(
        "A worker that never starts lets all others wait for ever, and SIGTERM and Ctrl-C do nothing there: "
        "the script sets itself a deadline. Two workers that save to one path spoil each other's files. "
        "BatchNormalization's moving statistics differ from worker to worker unless synchronized=True."
    ),
    keywords=(
        *("cluster", "MultiWorkerMirroredStrategy", "TF_CONFIG", "Slurm", "sbatch", "ssh", "nodes"),
        *("multiple machines", "multi node", "distributed training", "Horovod", "multiple computers"),
    ),
    links=(
        (
            "Multi-worker training with Keras",
            "https://www.tensorflow.org/tutorials/distribute/multi_worker_with_keras",
        ),
        (
            "Multi-GPU distributed training with TensorFlow",
            "https://keras.io/guides/distributed_training_with_tensorflow/",
        ),
    ),
    parameters=(
        *own.OWN_GRAPH,
        Choice(
            name="launcher",
            label="Started by",
            help="Where the workers run, and what starts them.",
            options=(
                ("local", "processes of this machine"),
                ("ssh", "several hosts, by ssh"),
                ("slurm", "Slurm, by sbatch"),
            ),
            default="local",
            examples=("ssh", "slurm"),
        ),
        Whole(
            name="workers",
            label="Workers",
            help="How many processes train together, on Slurm one a node.",
            default=2,
            examples=(3,),
            minimum=2,
            maximum=1_000,
            when=("launcher", ("local", "slurm")),
        ),
        Text(
            name="hosts",
            label="Hosts",
            help="Names or addresses, with commas between them; each must reach the port of the others.",
            pattern=rf"{HOST}(\s*,\s*{HOST})+",
            expected="two hosts or more such as node1, node2",
            default="node1, node2",
            when=("launcher", ("ssh",)),
        ),
        Whole(
            name="port",
            label="Port",
            help="Where a worker listens; on one machine the next ones are taken, too.",
            default=12_345,
            minimum=1_024,
            maximum=65_535,
        ),
        Whole(
            name="gpus",
            label="GPUs a node",
            help="What the job asks of each node; 0 for none.",
            default=1,
            examples=(0,),
            minimum=0,
            maximum=64,
            when=("launcher", ("slurm",)),
        ),
        Whole(
            name="minutes",
            label="Minutes",
            help="After how long Slurm ends the job.",
            default=60,
            examples=(90,),
            maximum=100_000,
            when=("launcher", ("slurm",)),
        ),
        Whole(
            name="wait",
            label="Seconds to join",
            help="How long a worker waits for the others before it gives up.",
            default=300,
            examples=(200,),
            maximum=86_400,
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples that one worker takes in a step; the batch of all is that times their number.",
            default=32,
            examples=(8,),
            maximum=1_000_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often training goes through the data.",
            default=3,
            examples=(2,),
            maximum=100_000,
        ),
        Folder(
            name="folder",
            label="Folder",
            help="Where the scripts are written; hosts and nodes need it at the same path.",
            default="multi_worker",
            examples=("tasks",),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=cluster,
)
