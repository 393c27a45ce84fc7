"""What decides the bits of a training besides its seed."""

from __future__ import annotations

import os
import sys
from typing import Any

from nbkeras.reproducibility.seeding import current_seed, is_deterministic
from nbkeras.reproducibility.stamp_flags import tensorflow_seed

_BY_DEFAULT = "as jit_compile says; Keras 3's default uses it, but not with deterministic operations"


def seeded_line() -> str:
    """Say in one line what is seeded."""
    seed, now = current_seed(), tensorflow_seed()
    if seed is None:
        by_hand = "" if now is None else f"; TensorFlow's seed is {now}"
        return f"nothing is seeded by nbkeras in this kernel{by_hand}: type  %seed 7"
    if now != seed:
        found = "none" if now is None else now
        return (
            f"seeded with {seed} by nbkeras, and since by something else: TensorFlow's seed is {found}, "
            f"those of Python, NumPy and Keras are not known: type  %seed {seed}"
        )
    return f"seeded with {seed}: Python, NumPy (np.random), Keras, TensorFlow and its global generator"


def deciders() -> list[str]:
    """Say what else decides the bits of a training, and how to set it: one line each.

    Between machines or settings that differ in one of these, equal seeds may give other bits.

    Example:
        >>> lines = deciders()
        >>> lines[1].startswith("PYTHONHASHSEED")
        True
    """
    return [_operations(), _hash_seed(), _threads(), _onednn(), _xla(), _devices(), _not_reached()]


def _operations() -> str:
    if is_deterministic():
        return "operations and threads of tf.data: deterministic, until the kernel restarts"
    return (
        "operations and threads of tf.data: not all deterministic; %seed N --deterministic makes them so, "
        "until the kernel restarts"
    )


def _hash_seed() -> str:
    value = os.environ.get("PYTHONHASHSEED", "")
    if value and value != "random":
        return f"PYTHONHASHSEED: {value}, sets of texts have the same order in each kernel"
    return (
        "PYTHONHASHSEED: not set, sets of texts have another order in each kernel; "
        "%seed --hash-seed 0 sets it for this one"
    )


def _threads() -> str:
    tensorflow = sys.modules.get("tensorflow")
    threads: dict[str, Any] = {}
    if tensorflow is not None:
        threading = tensorflow.config.threading
        threads["in an operation"] = threading.get_intra_op_parallelism_threads()
        threads["between operations"] = threading.get_inter_op_parallelism_threads()
    said = ", ".join(f"{count} {place}" for place, count in threads.items() if count)
    return f"threads: {said or f'as many as cores, {os.cpu_count()}'}; another number may give other bits"


def _onednn() -> str:
    value = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    said = "as TensorFlow chooses" if value is None else f"TF_ENABLE_ONEDNN_OPTS={value}"
    return f"oneDNN: {said}; on and off give other bits"


def _xla() -> str:
    tensorflow = sys.modules.get("tensorflow")
    flags = os.environ.get("TF_XLA_FLAGS")
    jit = "" if tensorflow is None else tensorflow.config.optimizer.get_jit()
    said = flags or ("on for all functions" if jit else _BY_DEFAULT)
    return f"XLA: {said}"


def _devices() -> str:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return "devices: TensorFlow is not loaded yet"
    names = [device.name.partition(":")[2] for device in tensorflow.config.list_physical_devices()]
    return f"devices: {', '.join(names)}; other kinds give other bits"


def _not_reached() -> str:
    return "no seed reaches: np.random.default_rng() without a number, threads of a PyDataset, the clock"
