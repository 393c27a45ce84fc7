"""Which GPUs CUDA_VISIBLE_DEVICES leaves to this process, and which of them TensorFlow's names mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.devices.nvidia import Gpu


def visible_gpus(value: str | None, gpus: Sequence[Gpu]) -> list[int]:
    """Return the places of the GPUs that CUDA shows, in its order.

    As CUDA reads it (CUDA programming guide, "CUDA Environment Variables"): numbers or beginnings of UUIDs;
    the first that means no GPU ends the list.

    Example:
        >>> from nbkeras.devices.nvidia import Gpu
        >>> two = [Gpu("A", uuid="GPU-1a"), Gpu("B", uuid="GPU-2b")]
        >>> visible_gpus(None, two), visible_gpus("1,0", two), visible_gpus("GPU-2", two)
        ([0, 1], [1, 0], [1])
        >>> visible_gpus("-1", two), visible_gpus("0,7,1", two)
        ([], [0])

    Args:
        value: what the variable holds, None where it is not set.
        gpus: the GPUs of the machine in the order of the bus.
    """
    if value is None:
        return list(range(len(gpus)))
    places: list[int] = []
    for word in (each.strip() for each in value.split(",")):
        if word.isdigit():
            found = [int(word)] if int(word) < len(gpus) else []
        else:
            found = [at for at, gpu in enumerate(gpus) if word and gpu.uuid.startswith(word)]
        if len(found) != 1 or found[0] in places:
            break
        places += found
    return places


def paired(names: Sequence[str], gpus: Sequence[Gpu], visible: Sequence[int]) -> dict[int, int]:
    """Return TensorFlow's number of each GPU that it knows of, by the GPU's place.

    CUDA counts the fastest GPU first, the driver by the bus. Equal GPUs keep the order of the bus, so the
    names of the models tell them apart.

    Example:
        >>> from nbkeras.devices.nvidia import Gpu
        >>> paired(["Fast", "Slow"], [Gpu("Slow"), Gpu("Fast")], [0, 1])
        {1: 0, 0: 1}
        >>> paired(["Fast"], [Gpu("Slow"), Gpu("Fast")], [0])
        {1: 0}

    Args:
        names: the models that TensorFlow knows of in its order, empty where it doesn't know the name.
        gpus: the GPUs of the machine.
        visible: the places that CUDA shows.
    """
    left = list(visible)
    found: dict[int, int] = {}
    for number, name in enumerate(names):
        same = [at for at in left if gpus[at].name == name]
        # The variable's numbers are CUDA's: among different models they may mean others than the bus's.
        elsewhere = [at for at, gpu in enumerate(gpus) if gpu.name == name and at not in found]
        at = next(iter(same or elsewhere or left), None)
        if at is not None:
            left = [each for each in left if each != at]
            found[at] = number
    return found
