"""How to train one model on several GPUs of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Whole
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def shares(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is wrong with a batch that the devices can't share evenly."""
    devices, batch = values["devices"], values["batch_size"]
    if batch % devices:
        near = max(batch // devices, 1) * devices
        return {
            "batch_size": f"expected a multiple of the {devices} devices such as {near}, received {batch}"
        }
    return own.copied(values, notebook) or own.full_batch(values, notebook)


RECIPE = Recipe(
    name="data_parallel",
    faq="1a",
    section="General",
    topic="Several GPUs",
    question="How can I train a model on several GPUs of one machine, each with a part of every batch?",
    answer=(
        "Build and compile the model in the scope of a tf.distribute.MirroredStrategy, and give fit a "
        "tf.data.Dataset whose batches are for all devices together, with drop_remainder=True. Each device "
        "computes the gradients of its share and all apply the sum: the result is that of one device."
    ),
    changed=(
        "Keras 3 raises a RuntimeError when the model was compiled outside the scope; tf_keras took it. "
        "keras.distribution is no way on TensorFlow: Keras 3 accepts it there, and trains on one device."
    ),
    silent=(
        "A strategy takes names of GPUs that are not there without a word, and fit then hangs: give it only "
        "what tf.config.list_logical_devices shows. A batch that the devices can't share evenly, or a last "
        "one smaller than their number, fails in the middle of training; so does steps_per_execution above 1 "
        "on Keras 3. drop_remainder=True on a dataset of unknown length, as after unbatch, makes Keras 3.15 "
        "report losses and metrics that are too low: 8/9 of the truth for 8 batches."
    ),
    keywords=(
        *("multi-GPU", "MirroredStrategy", "tf.distribute", "replicas", "data parallelism", "multigpu"),
        *("two GPUs", "multiple GPUs", "all GPUs", "mirrored"),
    ),
    links=(
        (
            "Multi-GPU distributed training with TensorFlow",
            "https://keras.io/guides/distributed_training_with_tensorflow/",
        ),
        ("Distributed training with Keras", "https://www.tensorflow.org/tutorials/distribute/keras"),
    ),
    magic="%%fit --strategy",
    parameters=(
        *own.OWN_GRAPH,
        Whole(
            name="devices",
            label="Devices",
            help=(
                "How many GPUs at most; without a GPU, as many logical CPUs stand in to try it out. The "
                "magic takes all GPUs that there are."
            ),
            default=2,
            examples=(3,),
            minimum=2,
            maximum=64,
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples that all devices take together in one step: a multiple of their number.",
            default=48,
            minimum=2,
            maximum=1_000_000,
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
    check=shares,
)
