"""What a worker does in its own process: join the others, and be there for their cells."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbkeras.cluster.beats import Beats
from nbkeras.cluster.commands import Commands
from nbkeras.cluster.hosts.spreading import SpreadCommands
from nbkeras.cluster.server_strategy import parameter_server_strategy
from nbkeras.cluster.strategy import multi_worker_strategy
from nbkeras.cluster.wire import tell, tell_past_captures
from nbkeras.runs import library
from nbkeras.runtime.refusal import Refusal

# Seconds between two looks whether the notebook's kernel still lives.
_LOOK = 0.5


@dataclass(slots=True)
class Worker:
    """This process, as one of a cluster.

    Attributes:
        rank: its number, from 0.
        size: how many workers there are.
        strategy: the strategy that all of them have joined.
        commands: what the notebook asks for.
        folder: where the cluster's own files are.
        beats: the signs of life.
        coordinates: whether it takes no batches itself, and gives them to workers.
        apart: whether the notebook has no part in that folder.
    """

    rank: int
    size: int
    strategy: Any
    commands: Commands
    folder: Path
    beats: Beats
    coordinates: bool = False
    apart: bool = False


_here: Worker | None = None


def begin(
    rank: int, size: int, folder: str, notebook: int, *, coordinates: bool = False, apart: bool = False
) -> None:
    """Make this process a worker: it ends with the process that started it, and returns when all have joined.

    Args:
        rank: its number, from 0.
        size: how many workers there are.
        folder: where the cluster's own files are.
        notebook: the process that has started this one: the notebook's kernel, or an engine of another host.
        coordinates: whether it is the coordinator of workers and parameter servers. Default False.
        apart: whether the notebook has no part in that folder. Default False.
    """
    global _here  # noqa: PLW0603 - a process is one worker
    threading.Thread(target=end_with, args=(notebook, folder), name="nbkeras-parent", daemon=True).start()
    tell_past_captures()
    # The notebook writes the log.
    library.set_log(None)
    tell(state="imports TensorFlow")
    import tensorflow as tf

    # A line for each reduction of each function otherwise; of a coordinator several for each worker that
    # ends, which the notebook says in one.
    tf.get_logger().setLevel("CRITICAL" if coordinates else "WARNING")
    tell(state="waits for the others")
    strategy = parameter_server_strategy() if coordinates else multi_worker_strategy()
    place = Path(folder)
    commands = SpreadCommands(place) if apart else Commands(place / "commands")
    _here = Worker(rank, size, strategy, commands, place, Beats(), coordinates=coordinates, apart=apart)
    _refuse_exit()
    tell(state="ready")


def _refuse_exit() -> None:
    """Let ``exit`` and ``quit`` in a cell be refused: workers in the place of these would exit again."""
    from IPython.core.getipython import get_ipython

    def ask_exit() -> None:
        raise Refusal(
            "exit: expected a cell that leaves its workers as they are, received one that ends them: type  "
            "%cluster stop"
        )

    shell: Any = get_ipython()
    shell.ask_exit = ask_exit


def here() -> Worker:
    """Return this process as a worker."""
    if _here is None:
        text = "expected a worker of a cluster, received another process: type  %cluster start  in a notebook"
        raise RuntimeError(text)
    return _here


def end_with(notebook: int, folder: str) -> None:
    """End this process when the one that started it is gone, whatever else it is doing, and leave no file.

    ipykernel looks for its parent, too, but ends by ``sys.exit`` in some versions, and a worker in
    the midst of a collective operation ends by SIGKILL only.
    """
    while os.getppid() == notebook:
        time.sleep(_LOOK)
    # All of them do this, and one is the last.
    shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
