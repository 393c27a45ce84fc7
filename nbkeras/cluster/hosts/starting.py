"""Makes the cluster that ``%cluster start`` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.hosts.cluster import HostsCluster
from nbkeras.cluster.hosts.hosts_file import read_hosts
from nbkeras.cluster.hosts.profile import engines_of_profile, refuse_other_profiles
from nbkeras.cluster.hosts.ssh import engines_on, refuse_without_ssh
from nbkeras.cluster.kernel import refuse_without_ipykernel
from nbkeras.cluster.memory import refuse_too_many
from nbkeras.cluster.served import ServedCluster
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Callable


def new_cluster(workers: int | None = None, **options: Any) -> Cluster:
    """Return a cluster that `Cluster.start` will start; see `cluster_maker` for the arguments."""
    return cluster_maker(workers, **options)()


def cluster_maker(
    workers: int | None = None,
    *,
    hosts: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    ps: int | None = None,
    max_memory: str | int | None = None,
    **options: Any,
) -> Callable[[], Cluster]:
    """Check what a cluster is asked to be, on this machine or on others; return what makes it.

    Whoever has another cluster keeps it when this refuses, and gives it up before the new one is made: that
    may take the same engines.

    Args:
        workers: how many. Default None: 2, or all slots of the hosts, or all engines of the profile.
        hosts: a file of hosts for workers that ssh starts; see `read_hosts`.
        profile: workers beside the engines of an ipyparallel profile.
        ps: parameter servers beside them, on this machine. Default None: none.
        max_memory: what the processes on this machine may take; see `refuse_too_many`. Default None.
        **options: of `Cluster`.

    Returns:
        A function that returns a cluster that `Cluster.start` will start; it refuses hosts and engines that
        do not answer.

    Raises:
        Refusal: for what cannot be had.
    """
    if hosts is not None and profile is not None:
        raise Refusal("--profile: expected --hosts or --profile, received both: leave one out")
    other = "--profile" if hosts is None else "--hosts"
    if ps is not None and (hosts is not None or profile is not None):
        raise Refusal(f"--ps: expected parameter servers on this machine, received {other}: leave one out")
    if max_memory is not None and (hosts is not None or profile is not None):
        raise Refusal(f"--max-memory: expected workers on this machine, received {other}: leave it out")
    if hosts is not None:
        return _on_hosts(workers, hosts, options)
    if profile is not None:
        refuse_other_profiles(profile)
        return lambda: HostsCluster(engines_of_profile(profile, workers), **options)
    refuse_without_ipykernel()
    refuse_too_many(workers or 2, 0 if ps is None else 1 + ps, max_memory)
    if ps is not None:
        return lambda: ServedCluster(workers or 2, ps, **options)
    return lambda: Cluster(workers or 2, **options)


def _on_hosts(
    workers: int | None, hosts: str | os.PathLike[str], options: dict[str, Any]
) -> Callable[[], Cluster]:
    there, option = read_hosts(hosts), f"--hosts {hosts}"
    slots = sum(host.slots for host in there)
    if workers is not None and workers != slots:
        text = f"--workers: expected {slots}, the slots in {hosts}, received {workers}"
        raise Refusal(f"{text}: leave it out, or give  slots=N  behind a host")
    refuse_without_ssh(option)
    return lambda: HostsCluster(engines_on(there, option), **options)
