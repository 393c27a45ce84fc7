"""A program that deletes a folder when the process that started it is gone, however it ended."""

from __future__ import annotations

import os
import shutil
import sys
import time

# Seconds between two looks, and those that workers have to end after it.
_LOOK = 0.5
_AFTER = 2.0


def sweep(folder: str, parent: int) -> None:
    """Wait for the end of the parent process, then delete the folder."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    # Workers write until they have noticed it.
    time.sleep(_AFTER)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sweep(sys.argv[1], int(sys.argv[2]))
