"""nbkeras and its peers, each as its own documentation says."""

from __future__ import annotations

from typing import Any

import nbkeras
from tests.benchmarks.in_kernel import workload

NAMES = ("silent", "Keras verbose=1", "tqdm.keras", "livelossplot", "trainplot", "nbkeras")


def report(name: str, model: Any, seconds: float = 0) -> None:
    """Train a model under one reporter.

    Args:
        name: one of `NAMES`.
        model: the small model.
        seconds: how long the training shall take, 0 for as fast as it can.
    """
    if name == "nbkeras":
        with nbkeras.fitting():
            workload.fit(model, seconds=seconds)
    elif name == "Keras verbose=1":
        workload.fit(model, verbose=1, seconds=seconds)
    else:
        workload.fit(model, callbacks=_callbacks(name), seconds=seconds)


def _callbacks(name: str) -> list[Any] | None:
    if name == "tqdm.keras":
        from tqdm.keras import TqdmCallback

        return [TqdmCallback()]
    if name == "livelossplot":
        from livelossplot import PlotLossesKeras

        return [PlotLossesKeras()]
    if name == "trainplot":
        from trainplot import TrainPlotKerasCallback

        return [TrainPlotKerasCallback()]
    return None
