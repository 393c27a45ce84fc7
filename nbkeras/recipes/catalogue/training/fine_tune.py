"""How to fine-tune a model in stages, as one run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbkeras.recipes import own
from nbkeras.recipes.fine_tuning import check, follow
from nbkeras.recipes.parameter import Choice, Switch, Whole
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import Folder
from nbkeras.recipes.recipe import Recipe
from nbkeras.recipes.stages import Stages

RECIPE = Recipe(
    name="fine_tune",
    faq="15d",
    section="Training",
    topic="Freezing and fine-tuning",
    question="How can I fine-tune a pretrained model in stages, first its head and then more of its base?",
    answer=(
        "Train the new head with the base frozen, then thaw the base from the top, with a smaller rate and a "
        "new optimizer for each stage. nbkeras.fine_tune, or %finetune in one line, finds base and head, "
        "does this as one run with one monitor, and can be undone. Plain Keras that does it is a choice away."
    ),
    changed=(
        "Keras 3 has MultiOptimizer, which gives the layers of one fit rates of their own; tf_keras has no "
        "such class. Its optimizers, like those of Keras 3, know only the weights that they were made with."
    ),
    silent=(
        "A base with batch normalization that trains on few samples loses its statistics, and with them what "
        "it knew. model.trainable = True does nothing where it is True already (Keras 3.15): layers inside "
        "that were frozen one by one stay frozen."
    ),
    keywords=(
        *("fine-tuning", "finetuning", "fine tune", "transfer learning", "gradual unfreezing", "unfreeze"),
        *("discriminative learning rates", "layer-wise learning rate", "pretrained", "freeze", "thaw"),
        *("fine-tune in stages", "undo fine-tuning", "layer tree"),
    ),
    links=(("Transfer learning and fine-tuning", "https://keras.io/guides/transfer_learning/"),),
    magic="%finetune",
    by_switch=False,
    module=("sklearn", "lab"),
    parameters=(
        Choice(
            name="way",
            label="Train with",
            help="nbkeras: one monitor over all stages, exact resume, undo. Or the same in plain Keras.",
            options=(
                ("nbkeras", "nbkeras.fine_tune"),
                ("fit", "plain Keras, with fit"),
                ("loop", "plain Keras, a loop of my own"),
            ),
            default="nbkeras",
            examples=("fit", "loop"),
        ),
        replace(
            own.MODEL,
            help="A compiled model of this notebook: a base that has learned, and a new head; without one "
            "the code makes a small one that has learned digits.",
        ),
        own.X,
        own.Y,
        own.VALIDATION,
        Pick(
            name="base",
            label="The base ends at",
            help="A layer of the model: a nested model, or the last one of the base; the rest is the head.",
            kind="outer layer",
            of="model",
            example=("base",),
            default="",
            nothing="(found by itself)",
        ),
        Stages(
            name="stages",
            label="Stages",
            help="What of the base trains with the head, from the top: head (none of it), all, 2 blocks, a "
            "number of layers, or the name of a block or layer from which on. The rate, if empty, is the "
            "compiled one; the depth factor multiplies it at the lowest block that trains; patience ends a "
            "stage after so many epochs without an improvement.",
            default="head:3:0.001, all:5:0.0001",
            examples=("head:2:0.01, block2:1, all:1:0.0001",),
        ),
        Whole(
            name="batch_size",
            label="Batch size",
            help="Samples in a batch, for arrays; a dataset has its own.",
            default=32,
            examples=(64,),
            maximum=100_000,
        ),
        Switch(
            name="batch_norm",
            label="Keep batch norm frozen",
            help="Batch normalization of the base keeps its statistics and uses them, in every stage.",
            default=True,
            examples=(False,),
        ),
        Switch(
            name="cache",
            label="Compute the base once",
            help="While the head trains alone, the outputs of the base are computed once, where that is "
            "exact; with an augmentation it is not. The plan above the monitor tells.",
            default=True,
            examples=(False,),
            when=("way", ("nbkeras",)),
        ),
        Choice(
            name="augmentation",
            label="Augmentation",
            help="Changes the inputs at random while they are trained on; validation data stay as they are.",
            options=(
                ("none", "none"),
                ("shift", "images: shift by a tenth"),
                ("rotate", "images: turn by up to 18 degrees"),
                ("flip", "images: left and right"),
                ("noise", "noise"),
            ),
            default="none",
            examples=("shift", "rotate", "flip", "noise"),
        ),
        Folder(
            name="backup",
            label="Backups in",
            help="A folder from which an interrupted run goes on bit for bit; empty for none.",
            default="",
            examples=("backups",),
            optional=True,
            when=("way", ("nbkeras",)),
        ),
    ),
    template=Path(__file__).with_suffix(".py.jinja"),
    check=check,
    follow=follow,
)
