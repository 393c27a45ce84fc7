"""What several runs of a cell prove: the same, or the first difference with its most probable cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbkeras.reproducibility.fingerprint import joined
from nbkeras.reproducibility.proof.case import Case, Cause
from nbkeras.reproducibility.proof.causes import most_probable
from nbkeras.reproducibility.proof.comparing import LAST, RETURNED, Check, Comparison, Results, compare

if TYPE_CHECKING:
    from nbkeras.reproducibility.proof.comparing import Difference
    from nbkeras.reproducibility.proof.source import Source
    from nbkeras.reproducibility.proof.trace import Trace


_SHOWN = 5
_MENDS = {
    "the cell": "Give a name to what is to be compared, or let it be the value of the last line.",
    "the function": "Return what is to be compared.",
}


@dataclass(slots=True)
class Proof:
    """Some runs of one cell, each compared with the first.

    Attributes:
        traces: the runs, the first one first.
        comparisons: what came of the others.
        cause: of the first difference; None where there is none.
        remarks: what else should be known.
    """

    traces: list[Trace]
    comparisons: list[Comparison]
    cause: Cause | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def differs(self) -> Trace | None:
        """The first run that differs from the first one, None where all are the same."""
        both = zip(self.traces[1:], self.comparisons, strict=True)
        return next((trace for trace, each in both if each.difference is not None), None)

    @property
    def difference(self) -> Difference | None:
        """The first difference."""
        return next((each.difference for each in self.comparisons if each.difference is not None), None)

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        other = self.differs
        if other is not None:
            return f"Not the same: {other.label} differs from {self.traces[0].label}"
        kernel = sum(not trace.fresh for trace in self.traces)
        parts = [f"{kernel} runs in this kernel"] if kernel > 1 else ["the run in this kernel"]
        parts += ["one in a new process"] * (kernel < len(self.traces))
        runs = " and ".join(parts)
        if not self.compared:
            return f"Nothing to compare: {runs} trained nothing with fit and left no variable with a value"
        cut = any(fit.stopped for trace in self.traces for fit in trace.fits)
        return f"The same{' until Stop' * cut}: {runs} gave the same bits in {self.compared}"

    @property
    def compared(self) -> str:
        """What was compared, in words: trainings, variables; "" for nothing."""
        fits = len(self.traces[0].fits)
        noun = "value" if RETURNED in self.traces[0].end else "variable"
        counts = {"training": fits, noun: max((each.compared for each in self.comparisons), default=0)}
        return " and ".join(f"{count} {noun}{'s' * (count > 1)}" for noun, count in counts.items() if count)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of all weights and optimizers that the cell ended with, "" without a training."""
        fits = self.traces[0].fits
        return joined(digest for fit in fits for _, digest in fit.final) if fits else ""

    def rows(self) -> list[tuple[str, ...]]:
        """What was compared, in order: its name, and for each other run whether it was the same."""
        names = list(dict.fromkeys(check.what for each in self.comparisons for check in each.checks))
        found = [{check.what: check for check in each.checks} for each in self.comparisons]
        return [(name, *(_said(checks.get(name)) for checks in found)) for name in names]


def prove(
    traces: list[Trace], source: Source, held: frozenset[str], remarks: list[str], *, what: str = "the cell"
) -> Proof:
    """Compare the runs of a cell with the first one and name what makes them differ.

    Args:
        traces: two or more runs.
        source: the cell.
        held: the datasets of earlier cells that it trains on.
        remarks: what else should be known.
        what: what ran, in words.
    """
    first = traces[0]
    made = frozenset(source.makes - source.free.keys()) | {LAST, RETURNED}
    results = Results(made, source.timed, source.timed_texts)
    comparisons = [compare(first, other, results) for other in traces[1:]]
    proof = Proof(traces, comparisons, remarks=[*remarks, _not_compared(first, what)])
    if proof.difference is None and not proof.compared:
        proof.remarks.insert(0, _MENDS[what])
    other, difference = proof.differs, proof.difference
    if other is not None and difference is not None:
        proof.cause = most_probable(Case(first, other, difference, source, held))
    return proof


def _not_compared(trace: Trace, what: str) -> str:
    shown = ", ".join(trace.unseen[:_SHOWN])
    more = f" and {len(trace.unseen) - _SHOWN} more variables" if len(trace.unseen) > _SHOWN else ""
    return f"Not compared: what {what} prints, draws and writes{f'; {shown}{more}' * bool(shown)}."


def _said(check: Check | None) -> str:
    if check is None:
        return "not compared"
    begin = {True: "the same", False: "differs", None: "not seen"}[check.same]
    return f"{begin}: {check.words}" if check.words else begin
