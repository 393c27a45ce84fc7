"""The recipes' code runs in two processes side by side, one for each line of Keras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.recipes.cases import Case

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")


class Worker:
    """A process that runs cases in the order in which they were queued."""

    def __init__(self, line, log):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
        environment.pop("TF_USE_LEGACY_KERAS", None)
        if line == "tf_keras":
            environment["TF_USE_LEGACY_KERAS"] = "1"
        self._log = log
        with log.open("w") as said:
            self._process = subprocess.Popen(
                [sys.executable, WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env=environment,
            )
        self._queued = []
        self._answers = {}

    def queue(self, case):
        self._queued.append(case)
        self._process.stdin.write(json.dumps(asdict(case)) + "\n")
        self._process.stdin.flush()

    def answer(self, case):
        """Wait for a case's answer: its error, None for none."""
        while case not in self._answers:
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"the worker died: {self._log.read_text()[-3000:]}")
            self._answers[self._queued.pop(0)] = json.loads(line)
        return self._answers[case]

    def close(self):
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Fresh:
    """Cases that need a process of their own, run one after the other beside the workers."""

    def __init__(self, cases, folder):
        self._folder = folder
        # One at a time: some of them start a whole cluster.
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._answers = {case: self._pool.submit(self._run, case) for case in cases}

    def answer(self, case):
        """Wait for a case's answer: its error, None for none."""
        return self._answers[case].result()

    def close(self):
        self._pool.shutdown(cancel_futures=True)

    def _run(self, case):
        worker = Worker(case.line, self._folder / f"{case}.log")
        try:
            worker.queue(case)
            return worker.answer(case)
        finally:
            worker.close()


@pytest.fixture(scope="session")
def run_case(request, tmp_path_factory):
    """Run a case where it belongs and return its error; all are queued before the first answer."""
    folder = tmp_path_factory.mktemp("recipes")
    chosen = [item.callspec.params["case"] for item in request.session.items if _has_case(item)]
    fresh = Fresh([case for case in chosen if case.fresh], folder)
    workers = {}
    for case in chosen:
        if not case.fresh:
            if case.line not in workers:
                workers[case.line] = Worker(case.line, folder / f"{case.line}.log")
            workers[case.line].queue(case)
    yield lambda case: (fresh if case.fresh else workers[case.line]).answer(case)
    fresh.close()
    for worker in workers.values():
        worker.close()


def _has_case(item):
    return isinstance(getattr(getattr(item, "callspec", None), "params", {}).get("case"), Case)
