"""All parts, one after the other, so that nothing competes with what is measured."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.benchmarks import (
    backup,
    cached_features,
    callback_calls,
    clusters,
    loading,
    long_run,
    opening,
    peers,
    step_rates,
    transfer,
    whole_fits,
)
from tests.benchmarks.notebook import Notebook
from tests.benchmarks.rows import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.benchmarks.effort import Effort
    from tests.benchmarks.rows import Row

PARTS = {
    "loading": lambda each: loading.rows(each.effort),
    "calls": lambda each: callback_calls.rows(each.kernel("calls"), each.effort),
    "fits": lambda each: whole_fits.rows(each.kernel("fits"), each.effort),
    "backup": lambda each: backup.rows(each.kernel("backup"), each.effort),
    "cached_features": lambda each: cached_features.rows(each.kernel("cached_features"), each.effort),
    "cluster": lambda each: list(clusters.rows(each.kernel("cluster"), each.effort)),
    "transfer": lambda each: list(transfer.rows(each.effort)),
    "rates": lambda each: step_rates.rows(each.kernel("rates"), each.effort),
    "peers": lambda each: peers.rows(each.kernel("peers"), each.effort, 0, each.show),
    "slow-peers": lambda each: peers.rows(
        each.kernel("slow-peers"), each.effort, each.effort.peer_seconds, each.show
    ),
    "long": lambda each: long_run.rows(each.effort, each.place("long")),
    "opening": lambda each: opening.rows(each.effort, each.place("long")),
}


class Measurement:
    """Measures one part after the other; a context manager that ends the kernels.

    Args:
        effort: how much.
        folder: an empty folder, for what kernels and servers leave behind.
        show: takes each part's text as soon as it is there.
    """

    def __init__(self, effort: Effort, folder: Path, show: Callable[[str], None]) -> None:
        self.effort = effort
        self.show = show
        self._folder = folder
        self._kernels = ExitStack()
        self._notebook: Notebook | None = None

    def __enter__(self):
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the kernels."""
        self._kernels.close()

    def rows(self, parts: Sequence[str]) -> Iterator[Row]:
        """Measure some parts, in their order."""
        for name, measure in PARTS.items():
            if name in parts:
                found = measure(self)
                self.show(table(found))
                yield from found

    def kernel(self, name: str) -> Notebook:
        """Start a kernel, unless one may serve for all parts."""
        if self._notebook is None or self.effort.kernels:
            self._kernels.close()
            self._notebook = self._kernels.enter_context(Notebook(self.place(name)))
        return self._notebook

    def place(self, name: str) -> Path:
        """Return a part's folder."""
        place = self._folder / name
        place.mkdir(exist_ok=True)
        return place
