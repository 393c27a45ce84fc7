"""Logical CPU devices: one processor that TensorFlow takes for several, for trying out strategies."""

from __future__ import annotations

from typing import Any

from nbkeras.devices.tensorflow_build import has_begun, tensorflow
from nbkeras.runtime.refusal import Refusal

MOST = 64


def logical_cpus(count: int) -> tuple[str, ...]:
    """Make logical CPU devices, and return TensorFlow's names of them.

    They share the cores and the memory of the one processor: for trying a strategy, not for speed.

    Example:
        >>> logical_cpus(2)  # doctest: +SKIP
        ('CPU:0', 'CPU:1')

    Args:
        count: how many, from 1 to 64.

    Raises:
        Refusal: when TensorFlow has begun in this process, which fixes its devices.
    """
    checked_count(count)
    module = tensorflow()
    cpu = module.config.list_physical_devices("CPU")[0]
    made = module.config.get_logical_device_configuration(cpu)
    names = tuple(f"CPU:{number}" for number in range(count))
    if len(made or [None]) == count:
        return names
    if has_begun():
        text = (
            "--logical-cpus: expected a TensorFlow that has not begun yet, received one that works with "
            f"{_devices(module)}: restart the kernel, and put  %devices --logical-cpus {count}  into its "
            "first cell"
        )
        raise Refusal(text)
    devices = [module.config.LogicalDeviceConfiguration() for _ in range(count)]
    module.config.set_logical_device_configuration(cpu, devices)
    return names


def checked_count(value: str | int) -> int:
    """Return a number of logical CPUs.

    Raises:
        Refusal: when it is no number from 1 to 64.
    """
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise Refusal(
            f"--logical-cpus: expected a number from 1 to {MOST}, received {value!r}: type  --logical-cpus 2"
        )
    return int(text)


def plain_code(count: int) -> str:
    """Return the plain TensorFlow that does the same."""
    return (
        "import tensorflow as tf\n\n"
        'cpu = tf.config.list_physical_devices("CPU")[0]\n'
        f"logical = [tf.config.LogicalDeviceConfiguration() for _ in range({count})]\n"
        "tf.config.set_logical_device_configuration(cpu, logical)"
    )


def _devices(module: Any) -> str:
    count = len(module.config.list_logical_devices("CPU"))
    return f"{count} CPU device{'s' * (count != 1)}"
