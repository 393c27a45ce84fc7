"""TensorFlow's names of devices, as a user types them and as TensorFlow reports them."""

from __future__ import annotations

import re

from nbkeras.devices.tensorflow_build import tensorflow
from nbkeras.runtime.refusal import Refusal


def short(name: str) -> str:
    """Return the short name of a device.

    Example:
        >>> short("/job:localhost/replica:0/task:0/device:GPU:1"), short("gpu:1")
        ('GPU:1', 'GPU:1')
    """
    return name.strip().upper().removeprefix("/").rpartition("DEVICE:")[2]


def there() -> tuple[str, ...]:
    """Name the CPUs and GPUs that TensorFlow has; it begins by it, and its devices are fixed from then on."""
    found = tensorflow().config.list_logical_devices()
    return tuple(short(each.name) for each in found if each.device_type in {"CPU", "GPU"})


def checked(text: object, what: str = "device") -> str:
    """Return the short name of a device, whether it is there or not.

    Raises:
        Refusal: when it is no name of a CPU or a GPU.
    """
    name = short(text) if isinstance(text, str) else ""
    if name.startswith("TPU"):
        raise Refusal(
            f"{what}: expected a CPU or GPU, received {text!r}: a TPU computes whole training steps, so "
            "type  %strategy tpu"
        )
    if not re.fullmatch(r"(?:CPU|GPU):\d+", name):
        raise Refusal(f"{what}: expected a name such as GPU:1, received {text!r}: %devices shows them")
    return name


def usable(device: object, or_else: object = None) -> tuple[str, str]:
    """Return the name of a device, and the device that is computed on: ``or_else`` where it is not there.

    Raises:
        Refusal: when there is neither. TensorFlow itself computes elsewhere without a word.
    """
    name = checked(device)
    other = None if or_else is None else checked(or_else, "or_else")
    found = there()
    for each in (name, other):
        if each in found:
            return name, each
    wrong = name if other is None else f"{name} or else {other}"
    mend = f"or_else={found[0]!r}  computes there on machines without {name}"
    if name.startswith("CPU"):
        count = int(name.partition(":")[2]) + 1
        mend = f"restart the kernel and put  %devices --logical-cpus {count}  into its first cell"
    raise Refusal(f"device: expected one that is there ({', '.join(found)}), received {wrong}: {mend}")
