"""How to train on a TPU, and what to see first when there seems to be none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Text, Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def _check(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    return own.copied(values, notebook) or own.full_batch(values, notebook)


RECIPE = Recipe(
    name="tpu",
    faq="3",
    section="General",
    topic="TPU",
    question="How can I train a Keras model on a TPU?",
    answer=(
        "Connect first, in a fresh kernel: TPUClusterResolver, initialize_tpu_system, then build and compile "
        "the model in the scope of a tf.distribute.TPUStrategy. 'local' is the TPU of this machine, as on "
        "Colab, Kaggle and Cloud TPU VMs. Batches need a fixed size: drop_remainder=True."
    ),
    changed=(
        "TPUStrategy and steps_per_execution lost their experimental names. COLAB_TPU_ADDR is gone: Colab's "
        "TPU is 'local', and so is Kaggle's. The machine needs TensorFlow from the package tensorflow-tpu."
    ),
    silent=(
        "Connecting to an address where nobody listens waits for ever. TPUClusterResolver('local') succeeds "
        "on a machine without a TPU, and an obscure error comes later. With steps_per_execution above 1, "
        "callbacks hear of the last batch of each such group only."
    ),
    keywords=(
        *("TPUStrategy", "TPUClusterResolver", "Colab", "Kaggle", "accelerator", "TPU_NAME", "v5e"),
        *("tpu on Colab",),
    ),
    links=(
        ("Use TPUs", "https://www.tensorflow.org/guide/tpu"),
        ("TPUStrategy", "https://www.tensorflow.org/api_docs/python/tf/distribute/TPUStrategy"),
    ),
    magic="%tpu_connect",
    parameters=(
        *own.OWN_GRAPH,
        Text(
            name="tpu",
            label="TPU",
            help="local for the TPU of this machine, else grpc://host:port or its name in the cloud.",
            pattern=r"local|grpc://[A-Za-z0-9.-]+:[0-9]{1,5}|[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
            expected="local, an address such as grpc://10.0.0.2:8470, or a TPU's name",
            default="local",
            examples=("grpc://127.0.0.1:9",),
        ),
        Choice(
            name="without",
            label="Without a TPU",
            help="What to do when there is none: try the code on this machine, or end with an error.",
            options=(("go on", "train on this machine"), ("stop", "stop with an error")),
            default="go on",
        ),
        Whole(
            name="batch_size",
            label="Batch size of a core",
            help="Samples that one core takes in a step; the batch is that times their number.",
            default=32,
            maximum=100_000,
        ),
        Whole(
            name="steps",
            label="Steps at once",
            help="Steps between two returns to Python. More is faster; Keras 3.15 takes 1 on several cores.",
            default=1,
            examples=(4,),
            maximum=10_000,
        ),
        Whole(
            name="epochs",
            label="Epochs",
            help="How often training goes through the data.",
            default=3,
            maximum=100_000,
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    follow=functions,
    check=_check,
)
