"""nbkeras and its peers, each as its own documentation says."""

from __future__ import annotations

from typing import Any

import nbkeras
from tests.benchmarks.in_kernel import workload


def report(name: str, model: Any, steps: int, seconds: float = 0) -> None:
    """Train a model under one reporter.

    Args:
        name: "nbkeras", "silent" or a peer.
        model: the small model.
        steps: of each of 5 epochs.
        seconds: how long the training shall take, 0 for as fast as it can.
    """
    if name == "nbkeras":
        with nbkeras.fitting():
            workload.fit(model, steps, seconds)
    elif name == "Keras verbose=1":
        workload.fit(model, steps, seconds, verbose=1)
    else:
        workload.fit(model, steps, seconds, callbacks=_callbacks(name))


def _callbacks(name: str) -> list[Any] | None:
    if name == "tqdm.keras":
        from tqdm.keras import TqdmCallback

        return [TqdmCallback()]
    if name == "livelossplot":
        from livelossplot import PlotLossesKeras

        return [PlotLossesKeras()]
    if name in {"trainplot", "trainplot by batch"}:
        from trainplot import TrainPlotKerasCallback

        return [TrainPlotKerasCallback(frequency="batch" if "batch" in name else "epoch")]
    return None
