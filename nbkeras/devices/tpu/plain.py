"""The plain TensorFlow that ``%tpu_connect`` stands for."""

from __future__ import annotations

import json
import os
from pathlib import Path

from nbkeras.devices.tpu.targets import LOCAL, from_environment, from_old_variables, named
from nbkeras.devices.tpu_hardware import tpu_hardware

_CONNECT = [
    "tf.config.experimental_connect_to_cluster(resolver)",
    "tf.tpu.experimental.initialize_tpu_system(resolver)",
    "strategy = tf.distribute.TPUStrategy(resolver)",
]
_DEFAULT = "tf.distribute.experimental_set_strategy(strategy)"
_OR_ELSE = {
    "mirrored": "strategy = tf.distribute.MirroredStrategy()",
    "cpu": 'strategy = tf.distribute.OneDeviceStrategy("CPU:0")',
}


def plain_code(
    name: str | None = None,
    or_else: str | None = None,
    zone: str | None = None,
    project: str | None = None,
    *,
    root: Path = Path("/"),
) -> str:
    """Return code that connects to a TPU without nbkeras: with no looks before, and no deadlines.

    Example:
        >>> print(plain_code("local"))
        import tensorflow as tf
        <BLANKLINE>
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver("local")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        strategy = tf.distribute.TPUStrategy(resolver)
        tf.distribute.experimental_set_strategy(strategy)

    Args:
        name: the TPU; by default the first that the environment names for TensorFlow, or else that of this
            machine, or the address that an older Colab runtime gives where the machine has none.
        or_else: what takes its place, where the code is to go on without one.
        zone: its zone.
        project: its project.
        root: where the system's files are.
    """
    found = from_environment(os.environ, zone, project) if name is None else []
    if name is None and not tpu_hardware(root).is_likely:
        found += from_old_variables(os.environ)
    target = found[0] if found else named(name or LOCAL, zone, project)
    arguments = [json.dumps(target.name)]
    place = (("zone", target.zone), ("project", target.project))
    arguments += [f"{key}={value!r}" for key, value in place if value]
    made = f"resolver = tf.distribute.cluster_resolver.TPUClusterResolver({', '.join(arguments)})"
    lines = [made, *_CONNECT]
    if or_else is not None:
        lines = [
            "try:",
            *(f"    {line}" for line in lines),
            "except (OSError, ValueError, IndexError, tf.errors.OpError):",
            f"    {_OR_ELSE[or_else]}",
        ]
    return "\n".join(["import tensorflow as tf", "", *lines, _DEFAULT])
