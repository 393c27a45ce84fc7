"""Where a TPU may be: what the user names, what the environment says, this machine; in that order."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL = "local"
# TensorFlow's own client (tensorflow/python/tpu/client/client.py, 2.21) reads these three, in this order.
VARIABLES = ("KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS", "TPU_NAME", "TPU_CONFIG")
# What Colab set until its TPUs became local; TensorFlow never read them.
OLD_VARIABLES = ("COLAB_TPU_ADDR", "XRT_TPU_CONFIG")
# What may take a TPU's place.
OR_ELSE = ("mirrored", "cpu")
_PORT = 8470
_LAST_PORT = 65535
# An address of IPv6 stands in brackets.
_ADDRESS = re.compile(r"grpc://(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s/:\[\]]+))(?::(\d{1,9}))?")
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Target:
    """One place to look for a TPU at.

    Attributes:
        name: what ``TPUClusterResolver`` takes: ``local``, ``grpc://host:port``, or a name in the cloud.
        origin: who says so: ``named``, a variable of the environment, or ``this machine``.
        zone: the zone of a TPU in the cloud, where it is known.
        project: its project.
    """

    name: str
    origin: str
    zone: str | None = None
    project: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is the TPU of this machine."""
        return self.name == LOCAL

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None for the TPU of this machine and for one in the cloud."""
        found = _ADDRESS.fullmatch(self.name.split(",")[0])
        return (found[1] or found[2], int(found[3] or _PORT)) if found else None

    @property
    def is_good(self) -> bool:
        """Whether there may be such a place: an address has a host, and a port below 65536."""
        if self.name.startswith("grpc://"):
            return self.address is not None and 0 < self.address[1] <= _LAST_PORT
        return bool(self.name)

    def words(self) -> str:
        """Return it with who says so."""
        return self.name if self.origin == "named" else f"{self.name} ({self.origin})"


def named(name: str, zone: str | None = None, project: str | None = None) -> Target:
    """Return the place that a user names.

    Raises:
        Refusal: when it is none.
    """
    text = name.strip()
    target = Target(text, "named", zone, project)
    is_text = re.fullmatch(r"grpc://\S*", text) or _NAME.fullmatch(text)
    if not (is_text and target.is_good):
        mend = f"grpc://{text}" if re.fullmatch(r"[\w.-]+:\d+", text) else "grpc://10.0.0.2:8470"
        raise Refusal(
            "expected local, an address such as grpc://10.0.0.2:8470 or the name of a TPU in the cloud, "
            f"received {name!r}: type  %tpu_connect {mend}"
        )
    return target


def checked_or_else(text: str) -> str:
    """Return what is to take a TPU's place.

    Raises:
        Refusal: when it is nothing that can.
    """
    if text not in OR_ELSE:
        raise Refusal(f"--or-else: expected mirrored or cpu, received {text!r}: type  --or-else mirrored")
    return text


def from_environment(
    environment: Mapping[str, str], zone: str | None = None, project: str | None = None
) -> list[Target]:
    """Return the places that the environment names for TensorFlow, in TensorFlow's order.

    Example:
        >>> [each.words() for each in from_environment({"TPU_NAME": "local"})]
        ['local (TPU_NAME)']

    Raises:
        Refusal: for an address that there can't be.
    """
    found = [
        Target(environment[name].strip(), name, zone, project)
        for name in VARIABLES[:2]
        if environment.get(name, "").strip()
    ]
    config = environment.get("TPU_CONFIG", "").strip()
    with suppress(ValueError, KeyError, TypeError):
        node = json.loads(config)
        name = str(node["tpu_node_name"])
        at = (zone or node.get("zone"), project or node.get("project"))
        found.append(Target(name, "TPU_CONFIG", *at))
    for target in found:
        if not target.is_good:
            text = f"expected an address such as grpc://10.0.0.2:8470, received {target.name!r}"
            mend = "set it anew, or name the TPU:  %tpu_connect grpc://10.0.0.2:8470"
            raise Refusal(f"{target.origin}: {text}: {mend}")
    return found


def from_old_variables(environment: Mapping[str, str]) -> list[Target]:
    """Return the addresses that older Colab runtimes gave.

    Example:
        >>> old = {"COLAB_TPU_ADDR": "10.0.0.2:8470", "XRT_TPU_CONFIG": "tpu_worker;0;10.0.0.3:8470"}
        >>> [each.name for each in from_old_variables(old)]
        ['grpc://10.0.0.2:8470', 'grpc://10.0.0.3:8470']
    """
    found = []
    for name in OLD_VARIABLES:
        address = environment.get(name, "").strip().rpartition(";")[2]
        if address:
            found.append(Target(f"grpc://{address.removeprefix('grpc://')}", name))
    return found
