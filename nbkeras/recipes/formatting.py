"""Formats generated code as ruff does, with ruff."""

from __future__ import annotations

import functools
import re
import subprocess

from ruff.__main__ import find_ruff_bin

LINE_LENGTH = 88
# Blocks of a template that were left out leave their blank lines behind. A file that the code writes keeps
# its own.
_TEXTS_AND_GAPS = re.compile(r'(?P<text>""".*?""")|\n{3,}', re.DOTALL)


@functools.lru_cache(maxsize=256)
def formatted(code: str) -> str:
    """Return code in ruff's format; magic lines at its top stay as they are.

    Raises:
        SyntaxError: when the code is no Python.
    """
    lines = code.strip("\n").splitlines(keepends=True)
    magics = next((i for i, line in enumerate(lines) if not line.startswith("%")), len(lines))
    body = _TEXTS_AND_GAPS.sub(lambda found: found["text"] or "\n\n", "".join(lines[magics:]))
    # --isolated: a ruff.toml beside the notebook has no say, so that the same values give the same code.
    command = [find_ruff_bin(), "format", "--isolated", "--quiet", f"--line-length={LINE_LENGTH}", "-"]
    done = subprocess.run(command, input=body, capture_output=True, text=True, check=False, encoding="utf-8")  # noqa: S603
    if done.returncode:
        raise SyntaxError(done.stderr.strip())
    return "".join(lines[:magics]) + done.stdout.lstrip("\n")
