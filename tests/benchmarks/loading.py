"""What ``%load_ext nbkeras`` costs a shell that has just started."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.benchmarks.places import ROOT
from tests.benchmarks.rows import Row, at_most

if TYPE_CHECKING:
    from tests.benchmarks.effort import Effort

LIMIT_MS = 50
HEAVY = ["keras", "matplotlib", "tensorflow", "tf_keras"]
SHELL = f"""
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "nbkeras")
seconds = time.perf_counter() - began
print(json.dumps([seconds, [name for name in {HEAVY} if name in sys.modules]]))
"""


def rows(effort: Effort) -> list[Row]:
    """Load nbkeras in processes of its own; the first one is left out, it fills the disk's cache."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    answers = []
    for _ in range(effort.loads + 1):
        done = subprocess.run([sys.executable, "-c", SHELL], env=env, check=True, capture_output=True)
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    times = [1000 * seconds for seconds, _ in answers[1:]]
    imported = sorted({name for _, names in answers for name in names})
    more = f" (median of {len(times)}, slowest {max(times):.0f})"
    return [
        at_most("`%load_ext nbkeras` in a new process", statistics.median(times), LIMIT_MS, "ms", more=more),
        Row(
            "TensorFlow, Keras or matplotlib imported by it",
            ", ".join(imported) or "none",
            "none",
            not imported,
        ),
    ]
