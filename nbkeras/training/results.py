"""What a run's record says about what its ``fit`` came to: fingerprints of data, weights and history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.fingerprint import data_fingerprint, fit_fingerprint
from nbkeras.reproducibility.stamped_runs import note_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.run import Run
    from nbkeras.training.calls import Call

_DATA = ("x", "y", "sample_weight", "validation_data")


def results_of(call: Call) -> Callable[[Any, Run], None] | None:
    """Look at the data of a ``fit`` as they were given; return what notes its results when it has ended."""
    if call.kind != "fit":
        return None
    data = data_fingerprint(**{name: call.get(name) for name in _DATA})

    def note(model: Any, run: Run) -> None:
        try:
            found = fit_fingerprint(model, run.history, data)
        except Exception as error:  # noqa: BLE001 - a record must not end the training
            run.add_note(f"this run has no fingerprint: {type(error).__name__}: {error}")
        else:
            note_on(run, "fingerprint", found)

    return note
