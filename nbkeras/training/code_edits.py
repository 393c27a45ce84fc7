"""Changes to the text of a cell: places of the syntax tree, insertions, and lines that only IPython reads."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# No statement of Python begins so (%time, !ls, ?model), or assigns so (files = !ls), or ends so (model?).
_MAGIC = re.compile(r"(\s*)(?:[%!?,;/]|[\w.,\s]+=\s*[%!]|[%\w.*]+\?{1,2}\s*$)")


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that takes the place of what stands between two places, counted in bytes."""

    start: int
    end: int
    text: str


class Source:
    """The text of a cell, with the places of its syntax tree."""

    def __init__(self, text: str) -> None:
        """Take the text as it is."""
        self._bytes = text.encode()
        self.lines = _lines(text)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line.encode()))

    def place(self, line: int, column: int) -> int:
        """Turn a line, from 1, and a column in bytes, as syntax trees count, into a place."""
        return self._starts[line - 1] + column

    def start(self, node: ast.expr) -> int:
        """Return the place where an expression begins."""
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        """Return the place behind an expression."""
        return self.place(node.end_lineno or 1, node.end_col_offset or 0)

    def indent(self, node: ast.expr) -> str:
        """Return the white space before the line in which an expression begins."""
        line = self.lines[node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    def has_comma(self, members: Sequence[ast.expr], bracket: int) -> bool:
        """Tell whether the last of the members is followed by a comma before the closing bracket."""
        rest = self._bytes[max(map(self.end, members)) : bracket].decode()
        # Between them stand only parentheses, commas and comments.
        return any("," in line.partition("#")[0] for line in _lines(rest))

    def edited(self, edits: Sequence[Edit]) -> str:
        """Return the text with the edits made; of two at one place, the first stands first."""
        parts, at = [], 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            parts += [self._bytes[at : edit.start], edit.text.encode()]
            at = edit.end
        return b"".join([*parts, self._bytes[at:]]).decode()


def without_magics(cell: str) -> str:
    """Return a cell in which ``pass`` stands for the lines of IPython, all else at its place."""
    try:
        ast.parse(cell)
    except SyntaxError:
        pass
    else:
        return cell
    masked: list[str] = []
    goes_on = False
    for line in _lines(cell):
        ending = line[len(line.rstrip("\r\n")) :]
        match = _MAGIC.match(line.rstrip())
        if goes_on:
            masked.append(ending)
        elif match is not None and _begins_a_statement("".join(masked)):
            masked.append(f"{match[1]}pass{ending}")
        else:
            masked.append(line)
            continue
        goes_on = line.rstrip().endswith("\\")
    return "".join(masked)


def _begins_a_statement(before: str) -> bool:
    """Tell whether what follows these lines is a statement, not the rest of one or of a text."""
    if before.rstrip("\r\n").endswith("\\"):
        return False
    try:
        list(tokenize.generate_tokens(io.StringIO(before).readline))
    except tokenize.TokenError:
        # An open bracket or an open text of several lines.
        return False
    except SyntaxError:
        return True
    return True


def _lines(text: str) -> list[str]:
    # str.splitlines parts at form feeds and the like, which the syntax tree does not.
    return list(io.StringIO(text, newline=""))
