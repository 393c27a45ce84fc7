"""The worker's side of ``%cluster push`` and ``%cluster get``."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from nbkeras.cluster import worker
from nbkeras.cluster.parcels import pack, unpack
from nbkeras.cluster.wire import tell
from nbkeras.runtime.keras_lines import is_model, line_of
from nbkeras.runtime.refusal import Refusal

_DEFINE = "define it in a  %%cluster  cell, too"


def receive(names: dict[str, str], variables: dict[str, Any]) -> None:
    """Put variables from files of the cluster's folder among those of this worker.

    A model is made in the strategy's scope. When one can't be read, the notebook is told, and none is put.
    """
    here = worker.here()
    found = {}
    try:
        with here.strategy.scope():
            for name, path in names.items():
                found[name] = unpack(here.folder / path, variables, define=_DEFINE)
    except Refusal as refusal:
        tell(refused=str(refusal))
    else:
        variables.update(found)
    finally:
        if here.apart:
            # The notebook has them, for workers that take the place of others.
            for path in names.values():
                (here.folder / path).unlink(missing_ok=True)


def hand_over(name: str, variables: dict[str, Any]) -> None:
    """Write a variable for the notebook, and tell it where.

    On tf_keras all workers save a model, because saving is an operation of all, and so they do what may hold
    one, such as a ``History``; on Keras 3, rank 0 alone.
    """
    here = worker.here()
    if name not in variables:
        text = f"{name}: expected a variable of the workers, received none of this name"
        tell(refused=f"{text}: make it in a  %%cluster  cell")
        return
    value = variables[name]
    holds = line_of(value) if is_model(value) else None if isinstance(value, np.ndarray) else "tf_keras"
    together = holds == "tf_keras" and "tf_keras" in sys.modules
    if here.rank and not together:
        return
    try:
        path = pack(name, value, here.folder / f"from-{here.rank}")
        tell(parcel=str(path.relative_to(here.folder)))
    except Refusal as refusal:
        tell(refused=str(refusal))
