"""Variables between the notebook and its workers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.parcels import pack, unpack
from nbkeras.cluster.prepared import Given
from nbkeras.cluster.wire import told
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.cluster.cluster import Cluster

_IMPORT = "from nbkeras.cluster import exchange as _nbkeras_exchange\n"


def push(cluster: Cluster, variables: Mapping[str, Any]) -> None:
    """Send variables to all workers: models, arrays, and what pickle takes.

    Their files stay with the cluster, for workers that take the place of others.

    Raises:
        Refusal: for what cannot leave this process, and for what was made of a class that the workers don't
            know; they have none of the variables then.
    """
    prepared = cluster.prepared
    folder = Path(tempfile.mkdtemp(dir=cluster.folder))
    paths = {name: str(pack(name, value, folder)) for name, value in variables.items()}
    try:
        give(cluster, paths)
    except Refusal:
        shutil.rmtree(folder)
        raise
    if prepared and not prepared[-1].cell and prepared[-1].variables.keys() <= paths.keys():
        # Sent again, and nothing has read the ones before.
        for path in prepared.pop().variables.values():
            Path(path).unlink(missing_ok=True)
    prepared.append(Given(variables=paths))


def give(cluster: Cluster, paths: Mapping[str, str]) -> None:
    """Let all workers read variables from files that `push` has made.

    Raises:
        Refusal: when they can't.
    """
    refused: list[str] = []

    def hear(_: int, message: dict[str, Any]) -> None:
        said = told(message["header"]["msg_type"], message["content"]) or {}
        if "refused" in said:
            refused.append(said["refused"])

    names = {name: Path(path).relative_to(cluster.folder).as_posix() for name, path in paths.items()}
    cluster.deliver(names.values())
    cluster.request(f"{_IMPORT}_nbkeras_exchange.receive({names!r}, globals())", hear, watched=False)
    if refused:
        raise Refusal(refused[0])


def get(cluster: Cluster, name: str, known: Mapping[str, Any]) -> Any:
    """Return a variable of rank 0.

    Args:
        cluster: the workers.
        name: the variable's name.
        known: names of the notebook, among which the classes of a model of one's own are looked for.

    Raises:
        Refusal: when there is none of this name, it cannot leave the worker, or it was made of a class that
            the notebook doesn't know.
    """
    parcels: list[str] = []
    missing: list[str] = []

    def hear(rank: int, message: dict[str, Any]) -> None:
        said = told(message["header"]["msg_type"], message["content"]) or {}
        if rank == 0 and "parcel" in said:
            parcels.append(said["parcel"])
        if rank == 0 and "refused" in said:
            missing.append(said["refused"])

    cluster.request(f"{_IMPORT}_nbkeras_exchange.hand_over({name!r}, globals())", hear, watched=False)
    if missing:
        raise Refusal(missing[0])
    return unpack(cluster.fetch(0, parcels[0]), known)
