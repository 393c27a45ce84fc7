"""What a worker or a parameter server does for a coordinator: TensorFlow's own server runs in it."""

from __future__ import annotations

import os
import threading
from typing import Any

from nbkeras.cluster.beats import Beats
from nbkeras.cluster.wire import tell, tell_past_captures
from nbkeras.cluster.worker import end_with

# As long as this process lives.
_held: list[Any] = []
_beats: list[Beats] = []


def begin(folder: str, notebook: int) -> None:
    """Serve in this process, in threads of TensorFlow's; it ends with the notebook's kernel.

    Args:
        folder: where the cluster's own files are.
        notebook: the process of the notebook's kernel, which has started this one.
    """
    threading.Thread(target=end_with, args=(notebook, folder), name="nbkeras-parent", daemon=True).start()
    tell_past_captures()
    tell(state="imports TensorFlow")
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    server = tf.distribute.Server(
        resolver.cluster_spec(), job_name=resolver.task_type, task_index=resolver.task_id, protocol="grpc"
    )
    _held.append(server)
    _beats.append(Beats())
    tell(state="serves")


def watch(*, on: bool, folder: str) -> None:
    """Give signs of life from now on, or no more.

    Args:
        on: whether a cell runs.
        folder: where the notebook is now; a parameter server writes the variables of a checkpoint itself.
    """
    os.chdir(folder)
    for each in _beats:
        each.cell_began() if on else each.cell_ended()
