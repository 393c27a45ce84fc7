"""Whether a model trains faster in 16 bits here: two short runs of copies of it."""

from __future__ import annotations

import gc
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.devices.policy import FLOAT32
from nbkeras.reproducibility.names import name_counters, put_back
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.custom_step.state import kept_randomness
from nbkeras.training.precision import timing
from nbkeras.training.precision.samples import batch_of
from nbkeras.training.precision.timing import LEAST, Times
from nbkeras.training.precision.twins import twin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds that the two runs may take together, tracing included.
WITHIN = 10.0
# What is nearer than that is no gain.
_TIE = 1.05


@dataclass(frozen=True, slots=True)
class Measured:
    """What two short runs came to.

    Attributes:
        short: the mixed policy that was measured against float32.
        times: of both.
    """

    short: str
    times: Times

    @property
    def speedup(self) -> float:
        """How many steps the mixed policy trains in the time of one of float32."""
        return self.times.of(FLOAT32) / self.times.of(self.short)

    @property
    def policy(self) -> str:
        """The faster policy; float32 in a tie, and where there was no time for runs enough."""
        return self.short if self.times.rounds >= LEAST and self.speedup >= _TIE else FLOAT32

    def __str__(self) -> str:
        """Say it in one line."""
        rounds, steps = self.times.rounds, self.times.steps
        took = (
            f"{self.short} takes {1000 * self.times.of(self.short):.3g} ms a step here, float32 "
            f"{1000 * self.times.of(FLOAT32):.3g} ms ({rounds} run{'s' * (rounds != 1)} of {steps} "
            f"step{'s' * (steps != 1)} each, in turn)"
        )
        if self.times.rounds < LEAST:
            return f"{took}: too few runs to tell, float32 stays"
        if self.policy == FLOAT32:
            return f"{took}: {self.speedup:.2f} times as fast, float32 stays"
        return f"{took}: {self.speedup:.2f} times as fast"


def measure(
    model: Any, data: tuple[Any, Any, Any], short: str, *, size: int | None = None, within: float = WITHIN
) -> Measured:
    """Train copies of a model for a few steps under float32 and under a mixed policy, in turn.

    The copies are made of the model's configuration, and end with the measuring. The model, its optimizer and
    metrics, the data, all random numbers and the names that Keras gives stay as they are.

    Args:
        model: a compiled model.
        data: inputs, targets and weights, as ``fit`` is given them.
        short: the name of the mixed policy.
        size: samples in a batch, if the data do not say.
        within: seconds after which no further run begins; one step of each is made in any case.

    Raises:
        Refusal: for a model that can't be copied, data that would have to be drawn, and a step that fails.
    """
    end = timing.clock() + within
    batch = batch_of(data, size, line_of(model) or active_line())
    counters = name_counters()
    try:
        with kept_randomness(model), quiet():
            twins = {policy: twin_of(model, policy) for policy in (FLOAT32, short)}
            return Measured(short, timing.in_turn(twins, batch, end))
    except Refusal:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:120]
        raise Refusal(
            f"mixed_precision: expected a model that trains beside auto, received {type(error).__name__} in "
            f"a step ({first}): give  on  or  off"
        ) from error
    finally:
        put_back(counters)
        # Graphs and weights of the copies hold each other: on a GPU the training needs their memory.
        twins = {}
        gc.collect()


@contextmanager
def quiet() -> Iterator[None]:
    """Let TensorFlow and tf_keras not warn of what is no training of the user's."""
    logger = logging.getLogger("tensorflow")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
