"""What is tuned, and how far it gets before its ``fit``."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.arming import arm, disarm
from nbkeras.training.tuning.fits import FitReached, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.training.arming import Interceptor
    from nbkeras.training.calls import Call


_DRAWS = 6
"""How often other values are drawn before a failure counts as the code's own."""


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


def first_probe(trainer: Trainer, make: Callable[[], Any]) -> tuple[Any, Call, Exception | None]:
    """Probe with the first values, and with others where these fail: their trials may do.

    Args:
        trainer: what is tuned.
        make: makes KerasTuner's HyperParameters.

    Returns:
        The HyperParameters, which hold what was asked for; the call; and with what the first values failed.

    Raises:
        Refusal: as `probe`.
        Exception: what the code raised with the first values, when it fails with all.
    """
    __tracebackhide__ = True
    space = make()
    try:
        return space, probe(trainer, space), None
    except (Refusal, NameError, ImportError, SyntaxError):
        # No other values would mend these.
        raise
    except Exception as error:  # noqa: BLE001 - whatever the code raises
        failed = error
    tried = [dict(space.values)]
    for seed in range(_DRAWS):
        other = make()
        other.values = {each.name: each.random_sample(seed) for each in space.space}
        if other.values in tried:
            continue
        tried.append(dict(other.values))
        with suppress(Exception):
            call = probe(trainer, other)
            # The search begins where it would have begun without this.
            other.values = {each.name: each.default for each in other.space if each.name in other.values}
            return other, call, failed
    raise failed


@contextmanager
def armed(interceptor: Interceptor) -> Iterator[None]:
    """Send the calls of every model through one who takes them over."""
    arm(interceptor)
    try:
        yield
    finally:
        disarm(interceptor)
