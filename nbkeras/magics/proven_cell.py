"""A cell that ``%%reproducible`` runs several times, each run written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbkeras.magics.cells import prepared
from nbkeras.reproducibility.proof.comparing import LAST
from nbkeras.reproducibility.proof.keeping import Kept
from nbkeras.reproducibility.proof.names import reached
from nbkeras.reproducibility.proof.source import Source
from nbkeras.reproducibility.proof.trace import Trace
from nbkeras.reproducibility.proof.values import random_states, unseen, values_of
from nbkeras.training.fitting import fitting
from nbkeras.training.witnessing import witnessed

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbkeras.reproducibility.proof.trace import Value


_SEEDING = re.compile(r"%%fit\b.*\s--seed\b")


class ProvenCell:
    """A cell, prepared to run as often as it is asked to."""

    def __init__(self, shell: InteractiveShell, line: str, cell: str) -> None:
        """Prepare a cell; nothing of it runs yet.

        Raises:
            UsageError: when the cell awaits at its top level.
        """
        self._names = shell.user_ns
        self._run = prepared(shell, "%%reproducible", line, cell)
        # Line 1 is the magic's own.
        self._text = shell.transform_cell(plain(cell))
        self._seeds = any(_SEEDING.match(each) for each in cell.splitlines())
        self.source = self._parsed()
        self._before = dict(self._names)
        self._kept: Kept | None = None

    @property
    def held(self) -> frozenset[str]:
        """The datasets of earlier cells that the cell reads."""
        return frozenset(n for n in self.source.free if hasattr(self._before.get(n), "element_spec"))

    def first(self, label: str, *, quiet: bool = False) -> tuple[Trace, Any]:
        """Run the cell as it would run without the magic; return what it showed and its last value."""
        __tracebackhide__ = True
        trace = self._begin(label)
        value = self._traced(trace, quiet=quiet)
        # What a name stands for is known for sure once the cell has imported it.
        self.source = self._parsed()
        self.source.read_functions(self._read_names())
        return trace, value

    def again(self, label: str) -> Trace:
        """Run the cell once more, as it stands in the notebook now; an error is noted, not raised."""
        if self._kept is None:
            self._kept = Kept(self._names, self._read_names())
        trace = self._begin(label)
        try:
            self._traced(trace, quiet=True)
        except Exception as error:  # noqa: BLE001 - that it fails is what the proof is to say
            trace.error = f"{type(error).__name__}: {error}"
        return trace

    def put_back(self) -> None:
        """Leave the notebook as it was after the first run."""
        if self._kept is not None:
            self._kept.put_back([*self._names, *self._before])
            self._kept = None

    def _traced(self, trace: Trace, *, quiet: bool) -> Any:
        __tracebackhide__ = True
        with fitting(quiet=quiet), witnessed(trace, self._variables):
            value = self._run()
        trace.end = self._variables()
        trace.unseen = unseen(sorted(self._made()), self._names)
        if value is not None:
            trace.end |= values_of([LAST], {LAST: value})
            trace.unseen += unseen([LAST], {LAST: value})
        return value

    def _begin(self, label: str) -> Trace:
        start = values_of(self._read_names(), self._names)
        return Trace(label, start=start, random=random_states(), hash_probe=str(hash("nbkeras")))

    def _read_names(self) -> set[str]:
        """The names of earlier cells that the cell reads, and those that its functions read."""
        return {name for name in reached(self.source.free, self._names) if not name.startswith("_")}

    def _made(self) -> set[str]:
        return {name for name in self.source.makes if not name.startswith("_")}

    def _variables(self) -> dict[str, Value]:
        return values_of(sorted(self._made() | self._read_names()), self._names)

    def _parsed(self) -> Source:
        source = Source(self._text, self._names, first_line=2)
        source.seeded_above = self._seeds
        return source


def plain(cell: str) -> str:
    """Return a cell with an empty line in place of each cell magic above its Python."""
    lines = cell.splitlines()
    for at, line in enumerate(lines):
        if line.strip() and not line.startswith("%%"):
            break
        lines[at] = ""
    return "\n".join(lines)
