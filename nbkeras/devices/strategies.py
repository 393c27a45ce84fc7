"""The strategies that a notebook can train with, made only for devices that are there."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.devices.current import (
    Current,
    cells_go_to_cluster,
    current,
    send_cells_to_cluster,
    set_current,
)
from nbkeras.devices.leaving_early import let_iterators_be_left
from nbkeras.devices.mirrored import mirrored_strategy
from nbkeras.devices.quiet_log import leave_out_reductions
from nbkeras.devices.tensorflow_build import tensorflow
from nbkeras.devices.tpu.connected import connected
from nbkeras.devices.tpu.plain import plain_code as tpu_code
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KINDS = ("one", "mirrored", "tpu", "none")
# Takes whole cells, which run in other processes.
CLUSTER = "cluster"
# A model belongs to the object that it was made under: the same devices get the same strategy again.
_made: dict[tuple[str, tuple[str, ...]], Any] = {}


def checked_kind(text: str) -> str:
    """Return the word for a strategy of this process.

    Raises:
        Refusal: when it is none.
    """
    if text == CLUSTER:
        raise Refusal(
            f"strategy: expected {', '.join(KINDS[:-1])} or {KINDS[-1]}, received 'cluster', whose workers "
            "take whole cells: put  %%fit --strategy cluster  above the cell"
        )
    if text not in KINDS:
        raise Refusal(
            f"strategy: expected {', '.join(KINDS[:-1])} or {KINDS[-1]}, received {text!r}: give  mirrored"
        )
    return text


def checked_kind_of_cell(text: str) -> str:
    """Return the word for what a whole cell trains on: a strategy of this process, or ``"cluster"``.

    Raises:
        Refusal: when it is none.
    """
    if text not in {*KINDS, CLUSTER}:
        raise Refusal(
            f"strategy: expected {', '.join(KINDS)} or {CLUSTER}, received {text!r}: give  mirrored"
        )
    return text


def checked_devices(text: str) -> tuple[str, ...]:
    """Return the names of devices: ``"gpu:0,gpu:1"`` gives ``("GPU:0", "GPU:1")``.

    Raises:
        Refusal: when one is no name, stands twice, or is of another kind than the others.
    """
    names = [each.strip().upper().removeprefix("/").removeprefix("DEVICE:") for each in text.split(",")]
    is_good = all(re.fullmatch(r"(?:CPU|GPU):\d+", name) for name in names)
    if not is_good or len({*names}) < len(names) or len({name[:3] for name in names}) > 1:
        raise Refusal(
            f"--devices: expected devices of one kind, each once, received {text!r}: type  "
            "--devices GPU:0,GPU:1"
        )
    return tuple(names)


def strategy_of(kind: str, devices: Sequence[str] = ()) -> Current | None:
    """Return a strategy, the same object for the same devices; None for ``"none"``.

    TensorFlow itself takes devices that are not there without a word, and hangs in ``fit``.

    Args:
        kind: ``"one"``, ``"mirrored"``, ``"tpu"`` or ``"none"``.
        devices: TensorFlow's names; by default all GPUs, or else all CPUs, the first of them for ``"one"``.

    Raises:
        Refusal: for devices that are not there, and for a TPU that is not connected.
    """
    checked_kind(kind)
    if devices and kind not in {"one", "mirrored"}:
        raise Refusal(f"--devices: expected one or mirrored beside it, received {kind}: leave it out")
    if kind == "none":
        return None
    if kind == "tpu":
        return _tpu()
    tf = tensorflow()
    there = [each.name.rpartition("device:")[2] for each in tf.config.list_logical_devices()]
    wanted = tuple(devices) or tuple(
        [name for name in there if name.startswith("GPU")]
        or [name for name in there if name.startswith("CPU")]
    )
    missing = [name for name in wanted if name not in there]
    if missing:
        shown = ", ".join(there)
        mend = "%devices shows them"
        if wanted[0].startswith("CPU"):
            mend = f"restart the kernel and put  %devices --logical-cpus {len(wanted)}  into its first cell"
        raise Refusal(f"--devices: expected devices that are there ({shown}), received {missing[0]}: {mend}")
    if kind == "one":
        if len(devices) > 1:
            raise Refusal(
                f"--devices: expected one device, received {len(devices)}: type  --devices {devices[0]}"
            )
        wanted = wanted[:1]
    if (kind, wanted) not in _made:
        leave_out_reductions()
        one = tf.distribute.OneDeviceStrategy
        made = one(wanted[0]) if kind == "one" else mirrored_strategy(wanted)
        let_iterators_be_left(made)
        _made[kind, wanted] = made
    return Current(_made[kind, wanted], f"{kind} on {', '.join(wanted)}")


def use(kind: str, devices: Sequence[str] = ()) -> str:
    """Make a strategy the notebook's own: the models of all later cells are made under it.

    Args:
        kind: see `strategy_of`; or ``"cluster"``: whole cells under ``%%fit`` run on its workers, and models
            that other cells make have no strategy.
        devices: see there.

    Returns:
        What is said about it.
    """
    if kind == CLUSTER and devices:
        raise Refusal("--devices: expected one or mirrored beside it, received cluster: leave it out")
    held = None if kind == CLUSTER else strategy_of(kind, devices)
    if held is not None or "tensorflow" in sys.modules:
        tensorflow().distribute.experimental_set_strategy(None if held is None else held.strategy)
    if kind == CLUSTER:
        send_cells_to_cluster()
        return status()
    set_current(None if held is None else held.strategy, "" if held is None else held.words)
    return status()


def status() -> str:
    """Say in one line what the notebook trains with."""
    if cells_go_to_cluster():
        return (
            "cluster: whole cells under %%fit run on its workers; all other cells run here, with no strategy"
        )
    held = current()
    if held is None:
        return "no strategy: models train on TensorFlow's first device"
    count = held.strategy.num_replicas_in_sync
    if count == 1:
        return f"{held.words}: 1 replica, which takes whole batches"
    return f"{held.words}: {count} replicas, each takes 1/{count} of a batch: 32 samples of {32 * count}"


@contextmanager
def under(kind: str | None) -> Iterator[None]:
    """Make the models of a block under a strategy, whatever the notebook's own is.

    Args:
        kind: see `strategy_of`; None leaves all as it is.
    """
    if kind is None:
        yield
        return
    # The notebook's own one, where it is of that kind: with the devices that were chosen for it.
    own = current()
    held = own if own is not None and own.words.startswith(f"{kind} on ") else strategy_of(kind)
    distribute = tensorflow().distribute
    before = distribute.get_strategy() if distribute.has_strategy() else None
    distribute.experimental_set_strategy(None if held is None else held.strategy)
    try:
        yield
    finally:
        distribute.experimental_set_strategy(before)


def plain_code(kind: str, devices: Sequence[str] = ()) -> str:
    """Return the plain TensorFlow that does the same.

    Example:
        >>> print(plain_code("mirrored"))
        import tensorflow as tf
        <BLANKLINE>
        tf.distribute.experimental_set_strategy(tf.distribute.MirroredStrategy())
    """
    if kind == "tpu":
        return tpu_code()
    if kind == CLUSTER:
        raise Refusal(
            "--code: expected one, mirrored, tpu or none beside it, received cluster, whose plain code "
            "belongs to a cell: put  %%fit --strategy cluster --code  above it"
        )
    names = ", ".join(f'"{name}"' for name in devices)
    made = {
        "one": f"tf.distribute.OneDeviceStrategy({names or _first_device()})",
        "mirrored": f"tf.distribute.MirroredStrategy({f'[{names}]' if names else ''})",
        "none": "None",
    }[kind]
    return f"import tensorflow as tf\n\ntf.distribute.experimental_set_strategy({made})"


def _first_device() -> str:
    return '"GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0"'


def _tpu() -> Current:
    held = connected()
    if held is None:
        raise Refusal("expected a TPU that is connected, received none: type  %tpu_connect  first")
    return Current(held.strategy, held.words)
