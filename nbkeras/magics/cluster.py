"""``%cluster`` and ``%%cluster``: workers, and cells that run on all of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import line_cell_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.cluster_grammar import ACTIONS, CLUSTER, CLUSTER_CELL
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.cluster.cluster import Cluster
    from nbkeras.widgets.remote_outputs import RemoteOutputs


@magics_class
class ClusterMagics(NotebookMagics):
    """The magics ``%cluster`` and ``%%cluster``."""

    _outputs: RemoteOutputs | None = None

    @line_cell_magic
    def cluster(self, line: str, cell: str | None = None) -> None:
        """Replaced by the grammars' help below."""
        __tracebackhide__ = True
        if cell is not None:
            self._run(line, cell)
            return
        values = CLUSTER.parse(line)
        action, names = values["action"] or "status", values["names"]
        if action not in ACTIONS:
            text = f"%cluster: expected {', '.join(ACTIONS[:-1])} or logs, received {action!r}"
            raise UsageError(f"{text}: type  %cluster status")
        try:
            if action == "start":
                self._start(values["workers"] or 2, values["deadline"])
            elif action in {"push", "get"}:
                self._exchange(action, names)
            elif action == "logs":
                self._logs(names)
            else:
                self._tend(action)
        except Refusal as refusal:
            raise UsageError(f"%cluster: {refusal}") from None

    def _run(self, line: str, cell: str) -> None:
        __tracebackhide__ = True
        values = CLUSTER_CELL.parse(line)
        from nbkeras.training.on_cluster.running import run_on_cluster
        from nbkeras.widgets.live import install
        from nbkeras.widgets.remote_outputs import RemoteOutputs

        install()
        cluster = _cluster()
        quiet = bool(values.pop("quiet"))
        max_time = values.pop("max_time")
        options = {name: value for name, value in values.items() if value is not None}
        table = _Table(cluster)
        if not cluster.runs:
            said = (
                f"nbkeras: starts the workers anew, without variables: {cluster.broken or 'they had ended'}"
            )
            print(said)  # noqa: T201 - above the table
            cluster.start(table.show)
        self._outputs = outputs = RemoteOutputs()
        table.title = "the cell on its workers"
        try:
            # An empty first line stands for the magic line, so that line numbers are those of the cell.
            source = f"\n{cell}"
            run_on_cluster(
                cluster,
                source,
                max_time=max_time,
                quiet=quiet,
                listen=outputs.take,
                look=table.look,
                **options,
            )
        finally:
            table.show()

    def _start(self, workers: int, deadline: float | None) -> None:
        from nbkeras.cluster.cluster import Cluster
        from nbkeras.cluster.current import current, set_current

        running = current()
        if running is not None and running.runs:
            text = f"expected no cluster, received one of {running.workers} workers"
            raise Refusal(f"{text}: type  %cluster restart  or  %cluster stop")
        cluster = Cluster(workers, **({} if deadline is None else {"deadline": deadline}))
        set_current(cluster)
        cluster.start(_Table(cluster).show)

    def _tend(self, action: str) -> None:
        from nbkeras.cluster.current import current, set_current

        cluster = current()
        if cluster is None:
            print("no cluster: type  %cluster start --workers 2")  # noqa: T201 - the answer
        elif action == "stop":
            set_current(None)
            print(f"{cluster.workers} workers ended")  # noqa: T201 - the answer
        elif action == "restart":
            cluster.start(_Table(cluster).show)
        else:
            _Table(cluster).show()

    def _exchange(self, action: str, names: list[str]) -> None:
        if not names:
            raise Refusal(f"expected names of variables, received none: type  %cluster {action} x y")
        from nbkeras.training.on_cluster.exchanging import get, push

        cluster = _cluster(running=True)
        variables = self.shell.user_ns
        if action == "push":
            push(cluster, {name: _variable(variables, name) for name in names})
            print(f"{', '.join(names)} sent to {cluster.workers} workers")  # noqa: T201 - the answer
        else:
            found = {name: get(cluster, name, variables) for name in names}
            self.shell.push(found)
            kinds = ", ".join(f"{name} ({type(value).__name__})" for name, value in found.items())
            print(f"from rank 0: {kinds}")  # noqa: T201 - the answer

    def _logs(self, names: list[str]) -> None:
        cluster = _cluster()
        rank = int(names[0]) if names and names[0].isdigit() else 0 if not names else -1
        if not 0 <= rank < cluster.workers or len(names) > 1:
            text = f"expected a rank from 0 to {cluster.workers - 1}, received {' '.join(names)!r}"
            raise Refusal(f"{text}: type  %cluster logs 0")
        if self._outputs is None or not self._outputs.count(rank):
            print(f"rank {rank} has put out nothing in its last cell")  # noqa: T201 - the answer
        else:
            self._outputs.show(rank)
        log = cluster.log_of(rank) if cluster.runs else Path()
        said = log.read_text(errors="replace").strip() if log.is_file() else ""
        if said:
            print(f"its process: {said[-4000:]}")  # noqa: T201 - the answer


class _Table:
    """The table of a cluster's workers, in one place of the notebook."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._handle: Any = None
        self._shown: dict[str, str] = {}
        self._due = 0.0
        self.title = f"{cluster.workers} workers on this machine"

    def show(self) -> None:
        from IPython.display import display

        from nbkeras.widgets.workers import workers_bundle

        cluster = self._cluster
        after = "" if cluster.broken is None else f"ended: {cluster.broken}"
        bundle = workers_bundle(self.title, cluster.healths, cluster.pids, after)
        if bundle == self._shown:
            return
        self._shown = bundle
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def look(self) -> None:
        """Show it again, once a second."""
        if time.monotonic() > self._due:
            self._due = time.monotonic() + 1
            self.show()


def _cluster(*, running: bool = False) -> Cluster:
    from nbkeras.cluster.current import current

    cluster = current()
    if cluster is None:
        raise UsageError("%cluster: expected a cluster, received none: type  %cluster start --workers 2")
    if running and not cluster.runs:
        raise UsageError(
            f"%cluster: expected workers, received ended ones ({cluster.broken}): type  %cluster restart"
        )
    return cluster


def _variable(variables: dict[str, Any], name: str) -> Any:
    if name not in variables:
        raise Refusal(f"expected a variable of the notebook, received {name!r}: give it a value first")
    return variables[name]


ClusterMagics.cluster.__doc__ = f"{CLUSTER.help()}\n\n{CLUSTER_CELL.help()}"
