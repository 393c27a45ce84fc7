"""A cell that ``%%reproducible`` runs several times, each run written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbkeras.magics.cells import prepared
from nbkeras.reproducibility.proof.names import reached
from nbkeras.reproducibility.proof.source import Source
from nbkeras.training.proving import ProvenCode

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_SEEDING = re.compile(r"%%fit\b.*\s--seed\b")


class ProvenCell(ProvenCode):
    """A cell, prepared to run as often as it is asked to."""

    def __init__(self, shell: InteractiveShell, line: str, cell: str) -> None:
        """Prepare a cell; nothing of it runs yet.

        Raises:
            UsageError: when the cell awaits at its top level.
        """
        super().__init__(prepared(shell, "%%reproducible", line, cell), shell.user_ns)
        # Line 1 is the magic's own.
        self._text = shell.transform_cell(plain(cell))
        self._seeds = any(_SEEDING.match(each) for each in cell.splitlines())
        self.source = self._parsed()
        self._before = dict(self._names)

    @property
    def held(self) -> frozenset[str]:
        """The datasets of earlier cells that the cell reads."""
        return frozenset(n for n in self.source.free if hasattr(self._before.get(n), "element_spec"))

    def learn(self) -> None:
        """Read the cell again: what a name stands for is known for sure once the cell has imported it."""
        self.source = self._parsed()
        self.source.read_functions(self.read_names())

    def touched(self) -> list[str]:
        """Return all names of the notebook."""
        return [*self._names, *self._before]

    def read_names(self) -> set[str]:
        """Return the names of earlier cells that the cell reads, and those that its functions read."""
        return {name for name in reached(self.source.free, self._names) if not name.startswith("_")}

    def made_names(self) -> set[str]:
        """Return the names that the cell binds."""
        return {name for name in self.source.makes if not name.startswith("_")}

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
