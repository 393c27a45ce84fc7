"""What of a process and its machine decides the bits of a training step."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

from nbkeras.runtime.keras_lines import keras_module

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line


def setting_of(line: Line, replicas: int) -> dict[str, str]:
    """Describe this process: bits are the same again where all of it is.

    The number of cores counts where nothing else sets the number of threads, and the kind of processor
    decides which of its instructions are used.

    Args:
        line: the Keras line of the model.
        replicas: how many share its batches: sums depend on their parts.
    """
    tensorflow = sys.modules["tensorflow"]
    # No public name tells it.
    from tensorflow.python.framework import config

    threading = tensorflow.config.threading
    threads = [
        count or os.cpu_count()
        for count in (
            threading.get_intra_op_parallelism_threads(),
            threading.get_inter_op_parallelism_threads(),
        )
    ]
    return {
        "TensorFlow": str(tensorflow.__version__),
        line: str(keras_module(line).__version__),
        "op determinism": "on" if config.is_op_determinism_enabled() else "off",
        "threads": " and ".join(map(str, threads)),
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "not set"),
        "GPUs": str(len(tensorflow.config.list_physical_devices("GPU"))),
        "replicas": str(replicas),
        "processor": platform.machine(),
    }


def other_setting(backup: dict[str, str], now: dict[str, str]) -> list[str]:
    """Say in what this process differs from the one that a backup was made in, in a line; [] for nothing.

    Example:
        >>> other_setting({"threads": "2 and 2"}, {"threads": "8 and 8"})
        ['not exact: the backup was made with threads 2 and 2 (here 8 and 8)']
    """
    others = [
        f"{name} {theirs} (here {now.get(name)})"
        for name, theirs in backup.items()
        if now.get(name) != theirs
    ]
    return [f"not exact: the backup was made with {', '.join(others)}"] if others else []
