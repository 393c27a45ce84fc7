"""How to train on several machines whose workers don't wait for each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.catalogue.general.multi_worker import HOST
from nbkeras.recipes.parameter import Choice, Text, Whole
from nbkeras.recipes.places import Folder
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook

HIGHEST_PORT = 65_535


def cluster(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is wrong with the addresses together, or what of the notebook can't be sent."""
    if values["launcher"] == "ssh":
        names = values["hosts"].replace(" ", "").split(",")
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            return {"hosts": f"expected each host once, received {twice} more than once"}
        needed = values["servers"] + 2
        if len(names) < needed:
            return {"hosts": f"expected {needed} or more: chief, servers, workers; received {len(names)}"}
    last = values["port"] + values["servers"] + values["workers"]
    if values["launcher"] == "local" and last > HIGHEST_PORT:
        return {
            "port": f"expected ports up to {HIGHEST_PORT:,} for all tasks, received {last:,} for the last"
        }
    if values["launcher"] == "slurm" and values["port"] == HIGHEST_PORT:
        return {"port": f"expected less than {HIGHEST_PORT:,}, because the chief takes the next; received it"}
    return own.sent(values, notebook) or _whole_precision(values, notebook)


def _whole_precision(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return that parameter servers can't scale a loss: TensorFlow 2.21 says so, Keras 3.15 does not."""
    model = notebook.value(values["model"]) if notebook is not None and values["model"] else None
    if not hasattr(getattr(model, "optimizer", None), "inner_optimizer"):
        return {}
    return {"model": f"expected a model without mixed precision, received {values['model']} in mixed_float16"}


RECIPE = Recipe(
    name="parameter_servers",
    magic="%cluster start --ps",
    faq="2a",
    section="General",
    topic="Several machines",
    question="How can I train on several machines with parameter servers, where no worker waits for another?",
    answer=(
        "Parameter servers keep the weights, workers compute gradients each at its own pace, and a chief "
        "gives them steps. All run one script, each with a TF_CONFIG of its own. With tf_keras the chief "
        "calls fit in the scope of a ParameterServerStrategy; on Keras 3 it hands out steps by a "
        "ClusterCoordinator. This writes the script, TF_CONFIG and what starts the tasks."
    ),
    changed=(
        "The strategy left tf.distribute.experimental. On Keras 3 fit raises a ValueError with it, so the "
        "loop is written out there."
    ),
    silent=(
        "Weights change while a worker computes its gradients: results differ from run to run, and a rate "
        "that is fine on one machine may be too high. Keras 3's optimizer.iterations loses counts when "
        "workers step at the same time, so a learning rate schedule lags. In a notebook the strategy "
        "connects, and the models that exist there break: the chief needs a process of its own."
    ),
    keywords=(
        *("ParameterServerStrategy", "ClusterCoordinator", "asynchronous", "ps", "TF_CONFIG", "cluster"),
        *("async", "distributed training"),
    ),
    links=(
        (
            "Parameter server training",
            "https://www.tensorflow.org/tutorials/distribute/parameter_server_training",
        ),
    ),
    parameters=(
        *own.OWN_GRAPH,
        Choice(
            name="launcher",
            label="Started by",
            help="Where the tasks run, and what starts them.",
            options=(
                ("local", "processes of this machine"),
                ("ssh", "several hosts, by ssh"),
                ("slurm", "Slurm, by sbatch"),
            ),
            default="local",
            examples=("ssh", "slurm"),
        ),
        Whole(
            name="servers",
            label="Parameter servers",
            help="How many tasks keep the weights; on Slurm one a node.",
            default=1,
            examples=(2,),
            maximum=1_000,
        ),
        Whole(
            name="workers",
            label="Workers",
            help="How many tasks compute; on Slurm one a node.",
            default=2,
            examples=(3,),
            maximum=1_000,
            when=("launcher", ("local", "slurm")),
        ),
        Text(
            name="hosts",
            label="Hosts",
            help="With commas between them: the chief, then the parameter servers, then the workers.",
            pattern=rf"{HOST}(\s*,\s*{HOST})+",
            expected="hosts such as node1, node2, node3",
            default="node1, node2, node3, node4",
            when=("launcher", ("ssh",)),
        ),
        Whole(
            name="port",
            label="Port",
            help="Where a task listens; on one machine the next ones are taken, too.",
            default=12_345,
            examples=(40_000,),
            minimum=1_024,
            maximum=HIGHEST_PORT,
        ),
        Whole(
            name="gpus",
            label="GPUs a node",
            help="What the job asks of each node; 0 for none.",
            default=0,
            examples=(1,),
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
            help="How long the chief waits for the others before it gives up.",
            default=300,
            examples=(200,),
            maximum=86_400,
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples that a worker takes in a step.",
            default=32,
            examples=(8,),
            maximum=1_000_000,
        ),
        Whole(
            name="steps",
            label="Steps an epoch",
            help="Steps of all workers together, after which the loss is reported.",
            default=20,
            examples=(5,),
            maximum=10_000_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How many such reports until training ends.",
            default=3,
            examples=(2,),
            maximum=100_000,
        ),
        Folder(
            name="folder",
            label="Folder",
            help="Where the scripts are written; hosts and nodes need it at the same path.",
            default="parameter_servers",
            examples=("tasks",),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=cluster,
)
