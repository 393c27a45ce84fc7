"""Real workers on this machine: two processes under TensorFlow's own strategy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbkeras.cluster.cluster import Cluster
from nbkeras.runs import library
from nbkeras.training.on_cluster.running import run_on_cluster

WORKERS = 2


class Notebook:
    """A cluster as a notebook uses it, and what its cells have put out."""

    def __init__(self, line, **options):
        self.line = line
        self.cluster = Cluster(WORKERS, **options)
        self.printed = {}

    def start(self):
        """Start the workers for one Keras line."""
        legacy = {"TF_USE_LEGACY_KERAS": str(int(self.line == "tf_keras"))}
        self.cluster.start(environment=dict.fromkeys(range(WORKERS), legacy))
        self.run(f"import json, os, signal, time\nimport numpy as np\nimport {self.line} as keras")
        self.run('rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]')

    def run(self, cell, **options):
        """Run a cell on all workers; return its runs."""
        if not self.cluster.runs:
            self.start()
        self.printed = dict.fromkeys(range(WORKERS), "")
        return run_on_cluster(self.cluster, cell, quiet=True, listen=self._listen, **options)

    def value(self, expression):
        """Return the value of an expression on each rank."""
        self.run(f"print(repr({expression}))")
        import ast

        return [ast.literal_eval(self.printed[rank]) for rank in range(WORKERS)]

    def _listen(self, rank, message):
        if message["header"]["msg_type"] == "stream":
            self.printed[rank] += message["content"]["text"]


@pytest.fixture(scope="module", autouse=True)
def no_log():
    """Without a run log: it is the notebook's."""
    library.set_log(None)


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def notebook(request):
    """A cluster of either Keras line, for all tests of a file."""
    made = Notebook(request.param)
    made.start()
    yield made
    made.cluster.stop()


@pytest.fixture(scope="module")
def failing():
    """A cluster whose workers may fail; patient for some seconds only."""
    made = Notebook("keras", patience=3.0)
    yield made
    made.cluster.stop()


def gone(pid):
    """Tell whether a process has ended; one that nobody has waited for has, too."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
