"""The model that the code of the recipe `fine_tune` makes when it is given none, on paper."""

from __future__ import annotations

import math

from nbkeras.models.base_and_head import Parts
from nbkeras.models.blocks import Block
from nbkeras.models.paper import PaperBatchNormalization, PaperLayer, PaperModel
from nbkeras.training.fine_tuning.sketch import PaperCompiled

RATE = 1e-3
"""The learning rate that it is compiled with."""
_PICTURES = 896
_HELD_OUT = 0.2


def digits_on_paper() -> PaperModel:
    """Return the model for the digits 5 to 9, whose base has learned 0 to 4.

    So its layers can be shown before anything has run; a test holds it against the real one.
    """
    first, second = (
        (
            PaperLayer(f"block{number}_conv", "Conv2D", [(3, 3, inputs, units), (units,)], shape=shape),
            PaperBatchNormalization(
                f"block{number}_norm", "BatchNormalization", [(units,)] * 2, fixed=2 * units, shape=shape
            ),
        )
        for number, inputs, units, shape in ((1, 1, 16, "8 x 8 x 16"), (2, 16, 32, "4 x 4 x 32"))
    )
    pool = PaperLayer("block1_pool", "MaxPooling2D", shape="4 x 4 x 16")
    end = PaperLayer("block2_end", "GlobalMaxPooling2D", shape="32")
    inside = (*first, pool, *second, end)
    base = PaperLayer("base", "Sequential", layers=inside, shape="32", shown=inside)
    head = PaperLayer("head", "Dense", [(32, 5), (5,)], shape="5")
    model = PaperLayer("digits", "Sequential", layers=(base, head), shape="5", shown=(base, head))
    blocks = (Block("block1", first), Block("block2", second))
    return PaperModel(model, Parts("base", (*first, *second), (head,), blocks), frozenset({id(base)}))


def compiled() -> PaperCompiled:
    """Return how it is compiled."""
    return PaperCompiled("Adam", RATE)


def steps(batch_size: int, *, held_out: bool) -> int:
    """Return the updates of an epoch.

    Args:
        batch_size: samples in a batch.
        held_out: whether a fifth of the pictures is kept apart.
    """
    pictures = math.floor(_PICTURES * (1 - _HELD_OUT)) if held_out else _PICTURES
    return math.ceil(pictures / batch_size)
