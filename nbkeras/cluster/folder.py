"""The folder of a cluster's own files, which does not outlive the notebook's kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbkeras.cluster import sweeper


class OwnFolder:
    """A temporary folder, deleted by `remove`, or by a process of its own when this one is gone.

    Workers delete it, too, when they are left alone; but a notebook may be killed when they have ended.
    """

    def __init__(self) -> None:
        """Make it."""
        self.path = Path(tempfile.mkdtemp(prefix="nbkeras-cluster-"))
        # Without the site's packages it starts in some milliseconds, and takes little memory. In a session
        # of its own, because who kills a kernel kills the kernel's group.
        self._sweeper = subprocess.Popen(  # noqa: S603 - this Python, a file of this package
            [sys.executable, "-I", "-S", sweeper.__file__, str(self.path), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def remove(self) -> None:
        """Delete it now."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._sweeper.kill()
        self._sweeper.wait()
