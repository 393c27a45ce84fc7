"""The files that Keras's callbacks write as they train: as they were at the backup, nothing twice."""

from __future__ import annotations

import os
import socket
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_carried: weakref.WeakKeyDictionary[Any, dict[str, int]] = weakref.WeakKeyDictionary()
"""The event files of earlier processes, by the callback that goes on with them."""


def read_csv(callback: Any) -> bytes:
    """Return what stands in a CSVLogger's file now."""
    file = Path(callback.filename)
    return file.read_bytes() if file.is_file() else b""


def rewrite_csv(callback: Any, content: bytes) -> None:
    """Give a CSVLogger its file as it was, to go on at its end."""
    if callback.csv_file is not None:
        callback.csv_file.close()
    path = Path(callback.filename)
    path.write_bytes(content)
    if line_of(callback) == "keras":
        from keras.src.utils import file_utils

        callback.csv_file = file_utils.File(callback.filename, "a")
    else:
        import tensorflow as tf

        callback.csv_file = tf.io.gfile.GFile(callback.filename, "a")
    callback.writer = None
    callback.append_header = not content


class CsvFiles:
    """The files of the CSVLoggers of a list, which empty them as they begin.

    Args:
        callbacks: those of the list.
    """

    def __init__(self, callbacks: Iterable[Any]) -> None:
        """Read what is in them."""
        loggers = [each for each in callbacks if "CSVLogger" in {cls.__name__ for cls in type(each).__mro__}]
        self._contents = [
            (each, read_csv(each) if Path(each.filename).is_file() else None) for each in loggers
        ]

    def give_back(self) -> None:
        """Give the files back as they were, because there is no training after all."""
        for callback, content in self._contents:
            if callback.csv_file is not None:
                callback.csv_file.close()
                callback.csv_file = None
            path = Path(callback.filename)
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)


def open_events(callback: Any, *, validates: bool) -> None:
    """Let a TensorBoard callback make its event files now, so that each backup knows all of them.

    Args:
        callback: a callback of either line.
        validates: whether the training has validation data, whose events have a file of their own.
    """
    # Both lines hold their writers so (Keras 3.15, tf_keras 2.21); no public name gives them.
    writers = [callback._train_writer, *([callback._val_writer] if validates else [])]  # noqa: SLF001
    for writer in writers:
        _flush(writer)


def read_events(callback: Any) -> dict[str, int]:
    """Return the event files of a TensorBoard callback, and how long each one is: no more is to count.

    TensorFlow's writers keep events for up to two minutes, so they are asked to write them.
    """
    for writer in callback._writers.values():  # noqa: SLF001 - see above
        _flush(writer)
    root = Path(callback.log_dir)
    # events.out.tfevents.SECONDS.HOST.PID.NUMBER.v2 (TensorFlow 2.21): what others write there is theirs.
    pattern = f"events.out.tfevents.*.{socket.gethostname()}.{os.getpid()}.*"
    own = [path for part in ("train", "validation") for path in (root / part).glob(pattern)]
    return {str(path.relative_to(root)): path.stat().st_size for path in own} | _carried.get(callback, {})


def cut_events(callback: Any, sizes: dict[str, int]) -> None:
    """Take out of a TensorBoard callback's event files what was written after the backup: it comes again."""
    for name, size in sizes.items():
        path = Path(callback.log_dir) / name
        if path.is_file() and path.stat().st_size > size:
            os.truncate(path, size)
    _carried[callback] = dict(sizes)


def _flush(writer: Any) -> None:
    import tensorflow as tf

    # A full disk, say: the training is worth more than what TensorBoard shows.
    with suppress(tf.errors.OpError):
        writer.flush()
