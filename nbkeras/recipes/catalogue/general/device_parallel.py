"""How to compute parts of one model on several devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes import own
from nbkeras.recipes.found_by_name import functions
from nbkeras.recipes.parameter import Choice, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.recipes.notebook import Notebook


def two_devices(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, str]:
    """Return what is wrong with devices that are not two."""
    first, second = values["first"], values["second"]
    if bool(first) != bool(second):
        return {"second" if first else "first": f"expected a device beside {first or second}, received none"}
    if first and first == second:
        return {"second": f"expected another device than the first, received {second}"}
    return own.copied(values, notebook)


RECIPE = Recipe(
    name="device_parallel",
    faq="1b",
    section="General",
    topic="Several GPUs",
    question="How can I spread one model over several devices, each with some of its layers?",
    answer=(
        "Wrap layers in a small layer that enters tf.device where it makes weights, where it computes and "
        "where its gradients are computed. Parts that don't wait for each other then run at the same time. "
        "It is for a model too large for one device; to train faster, give each device a part of the data."
    ),
    changed=(
        "tf.device_scope is gone: it is tf.device. keras.distribution.ModelParallel is no way on TensorFlow: "
        "Keras 3 accepts it there, and does nothing with it."
    ),
    silent=(
        "tf.device around the lines that connect layers places weights only: the layers compute on the first "
        "device. In a layer's call it places the forward pass, and the gradients still go to the first "
        "device. A device that is not there is replaced without a word. XLA, by which Keras 3 compiles a "
        "model on a machine with a GPU unless a layer says no, computes all on one device. In the wrapper "
        "below, a layer's activity_regularizer counts in the loss but has no gradient; nbkeras.on_device "
        "gives it one."
    ),
    keywords=(
        *("model parallelism", "tf.device", "placement", "device_scope", "ModelParallel", "two GPUs"),
        *("model too big for one GPU",),
    ),
    links=(
        ("Use a GPU: manual device placement", "https://www.tensorflow.org/guide/gpu"),
        (
            "Making new layers and models",
            "https://keras.io/guides/making_new_layers_and_models_via_subclassing/",
        ),
    ),
    magic="nbkeras.on_device",
    parameters=(
        *own.OWN_GRAPH,
        Choice(
            name="layout",
            label="Parts",
            help="Branches compute at the same time; one half after the other saves memory only.",
            options=(
                ("branches", "two branches side by side"),
                ("halves", "two halves, one after the other"),
            ),
            default="branches",
            examples=("halves",),
            when=("model", ("",)),
        ),
        Pick(
            name="split",
            label="Second part from",
            help="The first layer on the second device, with all after it; by default half of the layers.",
            kind="layer",
            of="model",
            default="",
        ),
        Pick(
            name="first",
            label="First device",
            help="By default the first GPU; without a GPU, a logical CPU stands in to try it out.",
            kind="device",
            default="",
        ),
        Pick(
            name="second",
            label="Second device",
            help="By default the second GPU, or a second logical CPU.",
            kind="device",
            default="",
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
    check=two_devices,
)
