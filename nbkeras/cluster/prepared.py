"""What workers have been given before a training: those that take their place need it, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Given:
    """One thing that all workers have been given.

    Attributes:
        cell: the source of a cell that trained nothing: imports, data, functions; "" for variables.
        variables: name -> file of variables of the notebook.
        options: options of the cell, of `nbkeras.fitting`.
    """

    cell: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
