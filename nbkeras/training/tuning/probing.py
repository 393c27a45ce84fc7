"""What is tuned, and how far it gets before its ``fit``."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.arming import arm, disarm
from nbkeras.training.tuning.fits import FitReached, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.training.arming import Interceptor
    from nbkeras.training.calls import Call


class Trainer(Protocol):
    """What is tuned: a cell or a function."""

    source: str

    def run(self, hp: Any) -> None:
        """Build, compile and fit a model with a trial's values."""

    def keep(self) -> None:
        """Note that what has just run is the best so far."""

    def undo(self) -> None:
        """Take back what has run so far."""


def probe(trainer: Trainer, hp: Any) -> Call:
    """Run up to the ``fit``: afterwards ``hp`` holds what was asked for.

    Returns:
        The call that was not made.

    Raises:
        Refusal: when there is no ``fit``.
    """
    __tracebackhide__ = True
    session = Probe()
    with armed(session), suppress(FitReached):
        trainer.run(hp)
    if session.reached is None:
        text = (
            "expected code that builds, compiles and fits a model, received code that calls no fit: "
            "put the fit with the code that builds the model"
        )
        raise Refusal(text)
    return session.reached


@contextmanager
def armed(interceptor: Interceptor) -> Iterator[None]:
    """Send the calls of every model through one who takes them over."""
    arm(interceptor)
    try:
        yield
    finally:
        disarm(interceptor)
