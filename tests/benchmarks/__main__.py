"""``python -m tests.benchmarks``: measures all and prints the tables; exits with 1 when a bar is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import machine
from tests.benchmarks.effort import FULL, QUICK
from tests.benchmarks.measurement import PARTS, Measurement


def main() -> int:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures say little")
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]!r}: there are {', '.join(PARTS)}")
    _show("\n".join(machine.facts()))
    effort = QUICK if arguments.quick else FULL
    with (
        tempfile.TemporaryDirectory(prefix="nbkeras-benchmarks-") as folder,
        Measurement(effort, Path(folder), _show) as measurement,
    ):
        found = list(measurement.rows(arguments.parts or list(PARTS)))
    missed = [row.what for row in found if row.held is False]
    _show(f"{len(missed)} bars missed: {'; '.join(missed)}" if missed else "All bars held.")
    return bool(missed)


def _show(text: str) -> None:
    print(text, end="\n\n", flush=True)  # noqa: T201 - the tables are what this program is for


if __name__ == "__main__":
    sys.exit(main())
