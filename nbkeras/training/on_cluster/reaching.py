"""Which folders of the notebook the workers see, where they are on hosts of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.cluster.cluster import Cluster
    from nbkeras.training.on_cluster.options import CellOptions

# Who uses the files of an option: all workers, or rank 0.
_BY_ALL, _BY_FIRST = ("backup",), ("checkpoint", "tensorboard", "csv")


def look_at_folders(cluster: Cluster, options: CellOptions, say: Callable[[str], None]) -> None:
    """Note which workers do not see the notebook's folder, and say what that means for a cell.

    Args:
        cluster: the workers.
        options: of the cell.
        say: tells the user a line.

    Raises:
        Refusal: for files of an option that a worker would write where nobody looks for them.
    """
    if not cluster.apart:
        return
    here = Path.cwd()
    given = {name: options.given[name] for name in (*_BY_ALL, *_BY_FIRST) if options.given.get(name)}
    folders = {name: _existing(Path(value)) for name, value in given.items()}
    unseen = cluster.unseen({here, *folders.values()})
    for name, value in given.items():
        ranks = [rank for rank in unseen.get(folders[name], []) if rank == 0 or name in _BY_ALL]
        if ranks:
            raise Refusal(
                f"{name}: expected a folder that the workers' hosts share with the notebook's, received "
                f"{str(value)!r}, which rank {ranks[0]} on {cluster.hosts[ranks[0]]} does not see: give one "
                "of a common file system"
            )
    cluster.away = unseen.get(here, [])
    if cluster.away:
        hosts = ", ".join(dict.fromkeys(cluster.hosts[rank] for rank in cluster.away))
        say(
            f"nbkeras: {hosts} does not see {here}: relative paths of the cell are in a folder there that "
            "goes with the cluster"
        )


def _existing(path: Path) -> Path:
    """Return the innermost folder on the way to a path that is there."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.is_dir())
