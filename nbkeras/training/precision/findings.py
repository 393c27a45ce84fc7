"""What is likely wrong with a ``fit`` that computes in 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.checks.half_precision import half_precision
from nbkeras.checks.layer_dtypes import counted
from nbkeras.devices.policy import SHORT, here

if TYPE_CHECKING:
    from nbkeras.training.calls import Call


def precision_notes(call: Call) -> list[str]:
    """Return one line for each thing that is likely wrong with a call; the call stays as it is.

    Args:
        call: any call, after nbkeras has set what the options ask for.
    """
    if call.kind != "fit":
        return []
    try:
        if not {*counted(call.model)} & {*SHORT}:
            return []
        # GPUs alone are best at float16 of all.
        has_cores = here().precision.good_at[0] == "float16"
        found = half_precision(call.model, batch_size=call.batch_size, tensor_cores=has_cores)
    except Exception:  # noqa: BLE001 - what only looks at a training must not end it
        return []
    return [str(finding) for finding in found]
