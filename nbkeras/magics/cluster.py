"""``%cluster`` and ``%%cluster``: workers, and cells that run on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import line_cell_magic, magics_class

from nbkeras.cluster.current import needed
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.cluster_grammar import ACTIONS, CLUSTER, CLUSTER_CELL, STARTING
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
            self.run_cell("%%cluster", CLUSTER_CELL.parse(line, self.defaults.fit_defaults()), cell)
            return
        values = CLUSTER.parse(line)
        action = values["action"] or "status"
        # Commas are typed by habit.
        names = [name for word in values["names"] for name in word.split(",") if name]
        if action not in ACTIONS:
            text = f"%cluster: expected {', '.join(ACTIONS[:-1])} or logs, received {action!r}"
            raise UsageError(f"{text}: type  %cluster status")
        try:
            _refuse_what_goes_elsewhere(action, values)
            if action == "start":
                self._start(
                    {name: values[name] for name in ("workers", *STARTING) if values[name] is not None}
                )
            elif action in {"push", "get"}:
                self._exchange(action, names)
            elif action == "logs":
                self._logs(names)
            else:
                self._tend(action)
        except Refusal as refusal:
            raise UsageError(f"%cluster: {refusal}") from None

    def run_cell(self, magic: str, values: dict[str, Any], cell: str) -> None:
        """Run a cell on the workers, or print the plain script.

        Args:
            magic: the magic of the cell, for refusals.
            values: of its line, as the grammar has read them.
            cell: the cell without its line.

        Raises:
            UsageError: for what cannot be meant, before anything has begun.
            WorkerFailure: when a worker fails, and those that took their places, too.
        """
        __tracebackhide__ = True
        from nbkeras.training.on_cluster.options import cell_options
        from nbkeras.training.on_cluster.retrying import run_with_retries
        from nbkeras.widgets.live import install
        from nbkeras.widgets.remote_outputs import RemoteOutputs
        from nbkeras.widgets.workers import WorkersTable

        values["restore_best"] = not values.pop("no_restore_best")
        asked = {name: bool(values.pop(name, None)) for name in ("code", "slurm")}
        try:
            options = cell_options(**values)
            if any(asked.values()):
                print(self._script(cell, options, slurm=asked["slurm"]))  # noqa: T201 - the script is the output
                return
            cluster = needed()
            install()
            self._outputs = outputs = RemoteOutputs()
            table = WorkersTable(cluster, "the cell on its workers")
            try:
                # An empty first line stands for the magic line, so that line numbers are those of the cell.
                run_with_retries(
                    cluster, f"\n{cell}", options, listen=outputs.take, look=table.look, say=_say
                )
            finally:
                table.show()
        except Refusal as refusal:
            raise UsageError(f"{magic}: {CLUSTER_CELL.with_flags(str(refusal))}") from None

    def _script(self, cell: str, options: Any, *, slurm: bool) -> str:
        from nbkeras.cluster.current import current
        from nbkeras.cluster.served import ServedCluster
        from nbkeras.training.on_cluster.plain import plain_script, slurm_script
        from nbkeras.training.on_cluster.served_script import served_script, served_slurm_script

        cluster = current()
        workers = 2 if cluster is None else cluster.workers
        before = [] if cluster is None else cluster.prepared
        try:
            if isinstance(cluster, ServedCluster):
                write_served = served_slurm_script if slurm else served_script
                return write_served(cell, options, workers, cluster.servers, before)
            write = slurm_script if slurm else plain_script
            return write(cell, options, workers, before)
        except SyntaxError as error:
            text = f"--code: expected plain Python, received {error.msg} in line {error.lineno}: take it out"
            raise Refusal(text) from None

    def _start(self, options: dict[str, Any]) -> None:
        from nbkeras.cluster.current import current, set_current
        from nbkeras.cluster.hosts.starting import cluster_maker
        from nbkeras.widgets.workers import WorkersTable

        running = current()
        if running is not None and running.runs:
            text = f"expected no cluster, received one of {running.described}"
            raise Refusal(f"{text}: type  %cluster restart  or  %cluster stop")
        make = cluster_maker(**options)
        # Its engines would be taken, and end with it.
        set_current(None)
        cluster = make()
        set_current(cluster)
        cluster.start(WorkersTable(cluster).show)
        _tell_news(cluster)

    def _tend(self, action: str) -> None:
        from nbkeras.cluster.current import current, set_current
        from nbkeras.widgets.workers import WorkersTable

        cluster = current()
        if cluster is None:
            _say("no cluster: type  %cluster start --workers 2")
        elif action == "stop":
            set_current(None)
            _say(f"{cluster.described} ended")
        elif action == "restart":
            cluster.prepared.clear()
            cluster.start(WorkersTable(cluster).show)
            _tell_news(cluster)
        else:
            cluster.look()
            WorkersTable(cluster).show()

    def _exchange(self, action: str, names: list[str]) -> None:
        if not names:
            raise Refusal(f"expected names of variables, received none: type  %cluster {action} x y")
        from nbkeras.training.on_cluster.exchanging import get, push

        cluster = needed(running=True)
        variables = self.shell.user_ns
        if action == "push":
            push(cluster, {name: _variable(variables, name) for name in names})
            _say(f"{', '.join(names)} sent to {cluster.described if len(cluster.takers) > 1 else 'rank 0'}")
        else:
            found = {name: get(cluster, name, variables) for name in names}
            self.shell.push(found)
            kinds = ", ".join(f"{name} ({type(value).__name__})" for name, value in found.items())
            _say(f"from rank 0: {kinds}")

    def _logs(self, names: list[str]) -> None:
        cluster = needed()
        rank = int(names[0]) if names and names[0].isdigit() else 0 if not names else -1
        if not 0 <= rank < cluster.size or len(names) > 1:
            text = f"expected a rank from 0 to {cluster.size - 1}, received {' '.join(names)!r}"
            raise Refusal(f"{text}: type  %cluster logs 0")
        if self._outputs is None or not self._outputs.count(rank):
            _say(f"rank {rank} has put out nothing in its last cell")
        else:
            self._outputs.show(rank)
        said = cluster.log_of(rank)
        if said:
            _say(f"its process: {said[-4000:]}")


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the magic's answer


def _tell_news(cluster: Cluster) -> None:
    while cluster.news:
        _say(f"nbkeras: {cluster.news.pop(0)}")


def _refuse_what_goes_elsewhere(action: str, values: dict[str, Any]) -> None:
    for option in ("workers", *STARTING):
        if values[option] is not None and action != "start":
            name = option.replace("_", "-")
            raise Refusal(f"--{name}: expected start before it, received {action}: type  %cluster start")
    if values["names"] and action not in {"push", "get", "logs"}:
        text = f"expected no names behind {action}, received {' '.join(values['names'])!r}"
        raise Refusal(f"{text}: type  %cluster {action}")


def _variable(variables: dict[str, Any], name: str) -> Any:
    if name not in variables:
        raise Refusal(f"expected a variable of the notebook, received {name!r}: give it a value first")
    return variables[name]


ClusterMagics.cluster.__doc__ = f"{CLUSTER.help()}\n\n{CLUSTER_CELL.help()}"
