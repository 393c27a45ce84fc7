"""Makes the cluster that ``%cluster start`` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.hosts.cluster import HostsCluster
from nbkeras.cluster.hosts.hosts_file import read_hosts
from nbkeras.cluster.hosts.profile import engines_of_profile
from nbkeras.cluster.hosts.ssh import engines_on
from nbkeras.cluster.served import ServedCluster
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os


def new_cluster(
    workers: int | None = None,
    *,
    hosts: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    ps: int | None = None,
    **options: Any,
) -> Cluster:
    """Return a cluster that `Cluster.start` will start, on this machine or on others.

    Args:
        workers: how many. Default None: 2, or all slots of the hosts, or all engines of the profile.
        hosts: a file of hosts for workers that ssh starts; see `read_hosts`.
        profile: workers beside the engines of an ipyparallel profile.
        ps: parameter servers beside them, on this machine. Default None: none.
        **options: of `Cluster`.

    Raises:
        Refusal: for hosts or engines that cannot be had.
    """
    if hosts is not None and profile is not None:
        raise Refusal("--profile: expected --hosts or --profile, received both: leave one out")
    if ps is not None and (hosts is not None or profile is not None):
        other = "--profile" if hosts is None else "--hosts"
        raise Refusal(f"--ps: expected parameter servers on this machine, received {other}: leave one out")
    if hosts is not None:
        there = read_hosts(hosts)
        slots = sum(host.slots for host in there)
        if workers is not None and workers != slots:
            text = f"--workers: expected {slots}, the slots in {hosts}, received {workers}"
            raise Refusal(f"{text}: leave it out, or give  slots=N  behind a host")
        return HostsCluster(engines_on(there, f"--hosts {hosts}"), **options)
    if profile is not None:
        return HostsCluster(engines_of_profile(profile, workers), **options)
    if ps is not None:
        return ServedCluster(workers or 2, ps, **options)
    return Cluster(workers or 2, **options)
