"""Engines on hosts that ssh reaches, started for one cluster."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.hosts.engines import ipyparallel
from nbkeras.cluster.hosts.facts import LINE, LOOPBACK, way_to
from nbkeras.cluster.hosts.launched import launched
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.cluster.hosts.engines import Engines
    from nbkeras.cluster.hosts.hosts_file import Host

# What ssh and scp are told: a question would wait for ever for an answer.
_SSH = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10")


def refuse_without_ssh(option: str) -> None:
    """Refuse a machine that lacks what starts engines on others.

    Args:
        option: the option that has asked for them, for refusals.

    Raises:
        Refusal: without ipyparallel or ssh.
    """
    ipyparallel(option)
    if shutil.which("ssh") is None or shutil.which("scp") is None:
        raise Refusal(
            f"{option}: expected ssh and scp, received a machine without: install an OpenSSH client"
        )


def engines_on(hosts: Sequence[Host], option: str) -> Engines:
    """Start an engine for each slot of hosts, and return them in their order.

    Args:
        hosts: which, and how many on each.
        option: the option that has asked for them, for refusals.

    Raises:
        Refusal: when they do not start.
    """
    ipp = ipyparallel(option)
    folder = Path(tempfile.mkdtemp(prefix="nbkeras-hosts-"))
    count = sum(host.slots for host in hosts)
    made = ipp.Cluster(
        profile_dir=str(folder),
        engines="ssh",
        n=count,
        controller_ip=_seen_from(hosts),
        send_engines_connection_env=False,
        config=_config(hosts, folder),
    )
    engines = launched(made, count, option, folder)
    try:
        engines.put_in_order([host.address for host in hosts])
    except BaseException:
        engines.close()
        raise
    return engines


def _config(hosts: Sequence[Host], folder: Path) -> Any:
    from traitlets.config import Config

    config = Config()
    config.SSHEngineSetLauncher.engines = {
        host.name: {
            "n": host.slots,
            "remote_python": host.python,
            "engine_cmd": [host.python, "-m", "ipyparallel.engine"],
            "environment": {LINE: str(index)},
        }
        for index, host in enumerate(hosts)
    }
    config.SSHLauncher.ssh_args = list(_SSH)
    config.SSHLauncher.scp_args = list(_SSH)
    # Of this cluster alone: a host may have engines of others.
    config.SSHLauncher.remote_profile_dir = f".ipython/{folder.name}"
    return config


def _seen_from(hosts: Sequence[Host]) -> str:
    """Return the address of this machine at which engines of all hosts find the controller."""
    names = [host.address or host.name.rpartition("@")[2].partition(":")[0] for host in hosts]
    # A name that ssh alone knows has no way: the controller then listens at all of its addresses.
    ways = [way_to(name) or "*" for name in names]
    return next((way for way in ways if way != LOOPBACK), LOOPBACK)
