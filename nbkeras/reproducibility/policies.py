"""Keras's dtype policy, which a cell may set for all that follow: as it was, and back to that."""

from __future__ import annotations

import sys
from typing import Any

from nbkeras.runtime.keras_lines import LINES, Line, keras_module

Policies = dict[Line, str]


def now() -> Policies:
    """Return the name of the dtype policy of each loaded Keras line."""
    loaded = [line for line in LINES if hasattr(sys.modules.get(line), "mixed_precision")]
    return {line: str(_module(line).global_policy().name) for line in loaded}


def take_back(start: Policies, end: Policies) -> list[str]:
    """Set the policies with which a cell began where it has changed them itself; return what is said.

    Args:
        start: as the cell began.
        end: as the cell ended. Where the policy is another one since, that one stays.
    """
    said = []
    for line, policy in now().items():
        if line in start and policy == end.get(line) != start[line]:
            _module(line).set_global_policy(start[line])
            said.append(f"dtype policy {start[line]} again, with which this cell first began")
    return said


def _module(line: Line) -> Any:
    return keras_module(line).mixed_precision
