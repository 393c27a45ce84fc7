"""`Stage`: one stage of a fine-tuning."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import parse_early_stopping, positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD_EPOCHS = 3
ALL_EPOCHS = 5
# The rate of the default's second stage, and of its first layers within it.
SMALLER = 0.1


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of `nbkeras.fine_tune`: what trains, how long, and how fast.

    The head trains in every stage. What of the base trains with it is counted from the top, because the
    layers near the output know most of what is particular to the old task.

    Example:
        >>> import nbkeras
        >>> stages = [nbkeras.Stage("head", epochs=2), nbkeras.Stage("all", epochs=5, learning_rate=1e-4)]
        >>> stages[1].unfreeze
        'all'

    Args:
        unfreeze: what of the base trains: ``"head"`` is none of it, ``"all"`` all; a number counts layers
            with weights from the top, ``"2 blocks"`` blocks; a name of a block or layer, in which ``*``
            stands for any text, means from there up.
        epochs: epochs of the stage. Default 1.
        learning_rate: a number or a schedule of Keras's. Default None: the one that the model is compiled
            with.
        depth_factor: what the rate of the lowest trained block is multiplied by; the blocks between it and
            the head lie evenly on a logarithmic scale. Default 1: one rate for all.
        early_stopping: epochs without an improvement after which the stage ends: ``3``, or
            ``"val_accuracy:3"``; the best weights of the stage are given back. Default None: it ends with
            its epochs.
        batch_norm: whether batch normalization in what is thawed trains and updates its statistics. Default
            False.

    Raises:
        Refusal: for a value that cannot be meant.
    """

    unfreeze: str | int
    epochs: int = 1
    learning_rate: Any = None
    depth_factor: float = 1.0
    early_stopping: int | str | tuple[str, int] | None = None
    batch_norm: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if (
            isinstance(self.unfreeze, bool)
            or not isinstance(self.unfreeze, (str, Integral))
            or not self.unfreeze
        ):
            raise Refusal(
                f"unfreeze: expected head, all, a number of layers or a name, received {self.unfreeze!r}: "
                "give  'all'"
            )
        positive_int(self.epochs, option="epochs")
        rate = self.learning_rate
        if rate is not None and not callable(rate) and not _is_positive(rate):
            raise Refusal(
                f"learning_rate: expected a number above 0 or a schedule, received {rate!r}: give  1e-4"
            )
        if not _is_positive(self.depth_factor) or self.depth_factor > 1:
            raise Refusal(
                f"depth_factor: expected a number above 0 and up to 1, received {self.depth_factor!r}: "
                "give  0.1"
            )
        if self.early_stopping is not None:
            parse_early_stopping(self.early_stopping)


def default_stages(first_rate: float) -> tuple[Stage, ...]:
    """Return what is done without stages: the head alone, then all at a smaller rate spread over depth."""
    return (
        Stage("head", HEAD_EPOCHS),
        Stage("all", ALL_EPOCHS, learning_rate=first_rate * SMALLER, depth_factor=SMALLER),
    )


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Read ``head:3,block5:5,all:10``: what is thawed, and the epochs.

    Raises:
        Refusal: for a part that is not of this form.
    """
    stages = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(.+?):(\d+)\s*", part)
        if found is None:
            raise Refusal(
                f"--stages: expected UNFREEZE:EPOCHS with commas, received {part!r}: type  "
                "--stages head:3,all:5"
            )
        what = found[1]
        stages.append(Stage(int(what) if what.isdigit() else what, int(found[2])))
    return tuple(stages)


def checked_stages(stages: Sequence[Any]) -> tuple[Stage, ...]:
    """Return stages as they are.

    Raises:
        Refusal: where there is none, or something else among them.
    """
    wrong = next((each for each in stages if not isinstance(each, Stage)), None)
    if wrong is not None or not stages:
        received = "none" if wrong is None else repr(wrong)
        raise Refusal(
            f"stages: expected a list of nbkeras.Stage, received {received}: give  "
            "[nbkeras.Stage('head', epochs=3)]"
        )
    return tuple(stages)


def _is_positive(value: Any) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value > 0
