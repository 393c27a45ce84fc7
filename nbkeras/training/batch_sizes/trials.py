"""Starts the processes that try batch sizes, listens to them, and ends one that takes too much memory."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.memory import format_bytes, resident_memory
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.batch_sizes.between import between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.training.batch_sizes.job import Job

# Seconds between two looks at its memory.
_LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Size:
    """A batch size that fits.

    Attributes:
        size: samples in a batch.
        seconds: of one training step.
        memory: the most bytes that the process took meanwhile, of the GPU where there is one; None where it
            can't be told.
    """

    size: int
    seconds: float
    memory: int | None

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.size / self.seconds


@dataclass(slots=True)
class Trials:
    """What has been tried.

    Attributes:
        sizes: those that fit, rising.
        too_large: the smallest size that did not fit, None where all did.
        why: why it ended, ``""`` while it goes on.
        trying: the size that a process is at, None before its first.
    """

    sizes: list[Size] = field(default_factory=list)
    too_large: int | None = None
    why: str = ""
    trying: int | None = None
    _what_happened: str = ""

    @property
    def has_begun(self) -> bool:
        """Whether the outcome of a size is known."""
        return bool(self.sizes) or self.too_large is not None

    def refuse(self, text: str) -> None:
        """Refuse a search whose first process tried no size; where a later one does not, it ends.

        Raises:
            Refusal: then.
        """
        if not self.has_begun:
            raise Refusal(text)
        self._end()

    def _end(self) -> None:
        self.why = self._what_happened or "all sizes were tried"

    def full(self, size: int, what_happened: str) -> None:
        """Note that a size does not fit."""
        self.too_large, self._what_happened = size, what_happened

    def next_sizes(self) -> tuple[int, ...]:
        """Return the sizes for the next process, none where it has ended."""
        found: tuple[int, ...] = ()
        if self.too_large is not None and not self.why:
            found = between(self.sizes[-1].size if self.sizes else 0, self.too_large)
        if not found and not self.why:
            self._end()
        return found


def tried(job: Job, *, limit: int | None, seconds: float, tell: Callable[[str], None]) -> Trials:
    """Try the sizes of a job in a process of their own.

    The first size that does not fit ends it; others then try sizes between that one and the largest that
    fits.

    Args:
        job: the model, the data, the sizes.
        limit: the most bytes of main memory that the process may take; None does not watch it.
        seconds: after which all ends, whatever it does.
        tell: called with a line on each size.

    Raises:
        Refusal: for a model that the process can't make or train.
    """
    trials = Trials()
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="nbkeras-batch-sizes-") as folder:
        path, sizes = Path(folder, "job"), job.sizes
        try:
            while sizes:
                path.write_bytes(pickle.dumps(replace(job, sizes=sizes)))
                with _process(path, job) as (process, words):
                    _listen(trials, process, words, limit, end, tell)
                sizes = trials.next_sizes()
        except KeyboardInterrupt:
            trials.why = "it was interrupted"
    return trials


def _listen(
    trials: Trials,
    process: subprocess.Popen[str],
    words: queue.Queue[dict[str, Any] | None],
    limit: int | None,
    end: float,
    tell: Callable[[str], None],
) -> None:
    """Take what one process says, until it has ended or has to be ended."""
    trials.trying, most = None, 0
    while True:
        taken = resident_memory(process.pid) or 0
        most = max(most, taken)
        if limit is not None and taken > limit:
            _took_too_much(trials, limit)
            return
        if time.monotonic() > end:
            trials.why = "the time was over"
            trials.why += "" if trials.trying is None else f" at batches of {trials.trying}"
            return
        try:
            said = words.get(timeout=_LOOK)
        except queue.Empty:
            continue
        if said is None:
            _ended(trials, process.wait())
            return
        if "begins" in said:
            trials.trying, most = said["begins"], taken
            tell(f"batch size {trials.trying}")
        elif "size" in said:
            trials.sizes.append(Size(said["size"], said["seconds"], said["device_memory"] or most or None))
        else:
            _failed(trials, said.get("error"))
            return


def _took_too_much(trials: Trials, limit: int) -> None:
    most = format_bytes(limit)
    if trials.trying is None:
        trials.refuse(
            f"max_memory: expected more than TensorFlow itself takes, received {most}, which it took before "
            "the first batch: give more, or free some memory"
        )
    else:
        trials.full(trials.trying, f"batches of {trials.trying} take more than {most}")


def _failed(trials: Trials, error: str | None) -> None:
    size = trials.trying
    if error is None and size is not None:
        trials.full(size, f"batches of {size} ran out of memory")
    elif size is not None and trials.has_begun:
        # Of a GPU, memory that runs out may have other names, and some operations have other limits.
        trials.full(size, f"batches of {size} failed ({error})")
    else:
        trials.refuse(
            "batch_size_find: expected a model that trains in a process of its own, received "
            f"{error}: train it on one batch here first"
        )


def _ended(trials: Trials, code: int) -> None:
    size = trials.trying
    if code == 0:
        return
    if size is None:
        trials.refuse(
            f"batch_size_find: expected a process that can import TensorFlow, received one that ended with "
            f"code {code}: see whether  !{sys.executable} -c 'import tensorflow'  works"
        )
    else:
        # By Linux, for want of memory, or by TensorFlow, which ends where it can't have any.
        trials.full(size, f"the process ended at batches of {size} (code {code})")


@contextmanager
def _process(
    path: Path, job: Job
) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[dict[str, Any] | None]]]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # This notebook may hold most of a GPU's memory; it takes what is left as it needs it.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_USE_LEGACY_KERAS": str(int(job.line == "tf_keras")),
    }
    words: queue.Queue[dict[str, Any] | None] = queue.Queue()
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "nbkeras.training.batch_sizes.child", str(path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # The notebook's stop button signals its whole group.
        start_new_session=True,
    ) as process:

        def hear() -> None:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                words.put(json.loads(line))
            words.put(None)

        ear = threading.Thread(target=hear, daemon=True)
        ear.start()
        try:
            yield process, words
        finally:
            process.kill()
            process.wait()
            ear.join()
