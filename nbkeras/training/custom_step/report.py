"""What a trial found out, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: what was looked at: returns, gradients, sample_weight, losses, scale, training, built_in.
        verdict: ``ok``; ``note`` for what may well be meant; ``wrong`` for what hardly is.
        text: one sentence, with what to type instead where something is wrong.
    """

    check: str
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step that a model was given, or tried.

    Args:
        cls: the class with the step.
        head: one sentence: what happened.
        findings: what the trial found out; none when there was no trial.
    """

    cls: type
    head: str
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        lines = [self.head, *(f"  {finding.verdict:<6}{finding.text}" for finding in self.findings)]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython calls it so
        printer.text(repr(self))

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that hardly can be meant."""
        return tuple(finding for finding in self.findings if finding.verdict == "wrong")
