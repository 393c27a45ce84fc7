"""A network that knows digits 0-4 learns 5-9 from a few pictures: by fine-tuning, and from scratch."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.benchmarks.places import ROOT
from tests.benchmarks.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.effort import Effort

LINES = {"Keras 3": "0", "tf_keras": "1"}
# The other one is told for fairness.
WITH_A_BAR = "batch normalization"


def rows(effort: Effort) -> Iterator[Row]:
    """Train both on each Keras line; fine-tuning is to read more pictures rightly after fewer updates."""
    for line, legacy in LINES.items():
        for network, seeds in _found(legacy, effort.seeds).items():
            yield _row(line, network, seeds)


def _found(legacy: str, count: int) -> dict[str, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.transferring", str(count)],
        cwd=ROOT,
        env={**os.environ, "TF_USE_LEGACY_KERAS": legacy},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _row(line: str, network: str, seeds: list[dict[str, Any]]) -> Row:
    tuned, scratch = ([each[key] for each in seeds] for key in ("tuned", "scratch"))
    better = sum(ours > theirs for ours, theirs in zip(tuned, scratch, strict=True))
    said = (
        f"{_told(tuned)} after {seeds[0]['tuned updates']} updates; from scratch {_told(scratch)} after "
        f"{seeds[0]['scratch updates']}; better in {better} of {len(seeds)} seeds"
    )
    what = f"digits 5-9 after 0-4, {network}, {seeds[0]['pictures']} pictures of each, {line}"
    if network != WITH_A_BAR:
        return Row(what, said)
    held = statistics.median(tuned) > statistics.median(scratch)
    return Row(what, said, "higher, with fewer updates", held)


def _told(values: list[float]) -> str:
    return f"{statistics.median(values):.1%} ({min(values):.1%} to {max(values):.1%})"
