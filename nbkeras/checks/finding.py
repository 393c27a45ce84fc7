"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["warning", "hint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is likely wrong, with what it was seen by and what mends it.

    It changes nothing and stops nothing. ``docs/checks.md`` has the table of the codes.

    Example:
        >>> print(Finding("NBK999", "warning", "the data are sorted", "200 labels, 1 change", "x = x[order]"))
        NBK999: the data are sorted (200 labels, 1 change): type  x = x[order]

    Attributes:
        code: ``NBK1`` and two digits; it never changes its meaning.
        severity: "warning" for what trains otherwise than it seems, "hint" for what could be better.
        sentence: what is wrong, without a full stop.
        evidence: the numbers that it was seen by.
        fix: code to type.
    """

    code: str
    severity: Severity
    sentence: str
    evidence: str
    fix: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.code}: {self.sentence} ({self.evidence}): type  {self.fix}"
