"""What an engine tells of its host, and where workers there listen."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path
from typing import Any

from nbkeras.devices.tensorflow_build import distributions, package_version

# What all workers and the notebook must have in one version.
SAME = ("nbkeras", "tensorflow", "keras", "tf_keras")
LOOPBACK = "127.0.0.1"
# Tells an engine that was started for a cluster of which line of its file of hosts it is.
LINE = "NBKERAS_HOST"
# An address that is nobody's (RFC 5737): the way to it begins at the address that others can reach.
_NOBODY = "192.0.2.1"


def versions() -> dict[str, str]:
    """Return the versions of what must be the same everywhere, "" for what is not there."""
    found = {name: package_version(name) for name in SAME}
    # The folder of TensorFlow is in packages of several names.
    found["tensorflow"] = next((each.partition(" ")[2] for each in distributions()), "")
    return found


def facts(controller: str) -> dict[str, Any]:
    """Return what the notebook must know of this host.

    Args:
        controller: the address of the engines' controller.
    """
    return {
        "host": platform.node(),
        "machine": machine(),
        "address": reachable_address(controller),
        "versions": versions(),
        "line": os.environ.get(LINE, ""),
    }


def machine() -> str:
    """Return what two processes have in common when 127.0.0.1 is the same for both."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    # Containers and namespaces of one machine have networks of their own.
    network = Path("/proc/self/ns/net")
    told = boot.read_text().strip() if boot.exists() else platform.node()
    return f"{told} {network.readlink() if network.exists() else ''}"


def reachable_address(controller: str) -> str:
    """Return the address at which other hosts reach this one, "" where it is not known.

    Args:
        controller: an address of another host that all of them reach, or of this one.
    """
    # ssh: by which the notebook's host has come here.
    connection = os.environ.get("SSH_CONNECTION", "").split()
    if len(connection) == 4 and not connection[2].startswith(("127.", "::1")):  # noqa: PLR2004 - its four words
        return connection[2]
    ways = (way_to(each) for each in (controller, _NOBODY))
    return next((way for way in ways if way and not way.startswith("127.")), "")


def way_to(host: str) -> str:
    """Return the address of this host from which its packets go to another one, "" without a way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: only the way is looked for. The port may be any.
            probe.connect((host, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def free_port(address: str) -> int:
    """Return a port of an address of this host on which nobody listens now.

    Raises:
        OSError: when the address is not this host's.
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as found:
        found.bind((address, 0))
        return int(found.getsockname()[1])
