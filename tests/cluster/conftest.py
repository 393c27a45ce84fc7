"""Real workers on this machine: two processes under TensorFlow's own strategy.

One cluster of Keras 3 for all tests by default; with GRID=pairwise (``make grid``) one of tf_keras, too, and
the failures that each cost the start of new workers.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import nbkeras
from nbkeras.cluster.cluster import Cluster
from nbkeras.runs import library
from nbkeras.training.on_cluster.options import cell_options
from nbkeras.training.on_cluster.retrying import run_with_retries

WORKERS = 2
GRID = os.environ.get("GRID") == "pairwise"
LINES = ["keras", "tf_keras"] if GRID else ["keras"]
costly = pytest.mark.costly


class Notebook:
    """A cluster as a notebook uses it, and what its cells have put out."""

    def __init__(self, line, cluster=None):
        self.line = line
        self.cluster = cluster or Cluster(WORKERS)
        self.printed = {}
        self.said = []

    def start(self):
        """Start the workers; they import what the tests use."""
        self.cluster.start()
        self.imports()
        self.run('rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]')

    def imports(self):
        """Import what the tests use."""
        self.run(f"import json, os, signal, time\nimport numpy as np\nimport {self.line} as keras")

    def run(self, cell, **options):
        """Run a cell on all workers; return its runs."""
        self.printed = dict.fromkeys(self.cluster.takers, "")
        asked = cell_options(quiet=True, **options)
        return run_with_retries(self.cluster, cell, asked, listen=self._listen, say=self.said.append)

    def value(self, expression):
        """Return the value of an expression on each rank."""
        self.run(f"print(repr({expression}))")
        return [ast.literal_eval(self.printed[rank]) for rank in self.cluster.takers]

    def _listen(self, rank, message):
        # On stderr are warnings: tf_keras has one for each batch that a busy machine was slow at.
        if message["header"]["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            self.printed[rank] += message["content"]["text"]


@pytest.fixture(scope="module", autouse=True)
def no_log():
    """Without a run log: it is the notebook's."""
    library.set_log(None)


@pytest.fixture(scope="session", params=LINES)
def notebook(request):
    """A cluster of either Keras line, for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_USE_LEGACY_KERAS", str(int(request.param == "tf_keras")))
        made = Notebook(request.param)
        made.start()
        yield made
        pids = made.cluster.pids
        made.cluster.stop()
        assert all(map(gone, pids))


@pytest.fixture
def impatient(notebook):
    """The same cluster, which soon gives up workers that stand still."""
    before, notebook.cluster._patience = notebook.cluster._patience, 3.0
    yield notebook
    notebook.cluster._patience = before


@pytest.fixture
def during():
    """Do something with the run while the cell goes on."""
    threads = []
    before = {run.id for run in nbkeras.runs.all()}

    def during(act):
        def wait():
            while True:
                runs = [run for run in nbkeras.runs.all() if run.id not in before]
                if runs and runs[-1].progress.done:
                    return act(runs[-1])
                time.sleep(0.05)

        threads.append(threading.Thread(target=wait, daemon=True))
        threads[-1].start()

    yield during
    for thread in threads:
        thread.join(30)


def gone(pid):
    """Tell whether a process has ended; one that nobody has waited for has, too."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def nothing_is_left_after(program, count):
    """Run a program that prints its cluster's folder and processes, kill it, and wait until they are gone."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        folder, *pids = process.stdout.readline().split()
        assert len(pids) == count
        # What it does after that has begun.
        time.sleep(1)
        process.kill()
    end = time.monotonic() + 30
    while not all(map(gone, map(int, pids))) or Path(folder).exists():
        assert time.monotonic() < end
        time.sleep(0.1)
