"""A file that keeps its failures to itself, for a library that can't bear them."""

from __future__ import annotations

import io
from typing import Any


class ToldFile(io.FileIO):
    """A file to write, which takes everything, and says when it is asked what it could not write.

    HDF5 can't close a file that it could not write to, as on a full disk: it goes on to hold it, prints
    tracebacks, and the process ends with a segmentation fault (h5py 3.14 with HDF5 1.14.6).

    Attributes:
        failure: what the first writing has failed with; nothing is written from then on.
    """

    failure: BaseException | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, and say so in any case."""
        size = 0
        try:
            left = memoryview(data).cast("B")
            size = len(left)
            while self.failure is None and len(left):
                left = left[super().write(left) :]
        except BaseException as error:  # noqa: BLE001 - an interrupt, too, is for `check`
            self.failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Cut the file or make it longer, and say so in any case."""
        try:
            if self.failure is None:
                return super().truncate(size)
        except BaseException as error:  # noqa: BLE001 - as above
            self.failure = error
        return size or 0

    def check(self) -> None:
        """Raise what writing has failed with.

        Raises:
            OSError: such as for a full disk.
            KeyboardInterrupt: that came while the library was writing.
        """
        if self.failure is not None:
            raise self.failure
