"""Lets whoever wants to prove something of a cell's trainings look at each ``fit`` in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.proof.batches import SHUFFLED, pipeline_facts
from nbkeras.reproducibility.proof.trace import Fit
from nbkeras.reproducibility.proof.witness import witness_class
from nbkeras.runs import registry
from nbkeras.runtime.keras_lines import active_line, line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.reproducibility.proof.trace import Trace, Value
    from nbkeras.training.calls import Call

_watchers: list[Callable[[Call], Any]] = []


def witnesses(call: Call) -> list[Any]:
    """Return the callbacks of those who want to see a call; none where nobody watches."""
    return [watch(call) for watch in _watchers] if call.kind == "fit" else []


@contextmanager
def witnessed(trace: Trace, variables: Callable[[], dict[str, Value]]) -> Iterator[None]:
    """Write every monitored ``fit`` of a block into a trace.

    Args:
        trace: what takes them.
        variables: gives the notebook's variables at the time.
    """
    seen = {run.id for run in registry.live_runs()}

    def watch(call: Call) -> Any:
        line = line_of(call.model) or active_line()
        facts = pipeline_facts(call.get("x"), call.get("workers"))
        if not call.has_batches and call.get("shuffle", default=True):
            facts.append(SHUFFLED)
        trace.fits.append(Fit(model=str(call.model.name), line=line, pipeline=facts))
        return witness_class(line)(trace.fits[-1], variables)

    _watchers.append(watch)
    try:
        yield
    finally:
        _watchers.remove(watch)
        runs = [run for run in registry.live_runs() if run.id not in seen and run.kind == "fit"]
        for fit, run in zip(trace.fits, runs, strict=False):
            fit.stopped = run.status == "stopped"
