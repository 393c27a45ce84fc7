"""Run All: a cell that fails or is refused ends it there, a training that was stopped does not."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel

LOOP = """%%fit
import time
tracked = nbkeras.track(range(10**9), epochs=3)
for epoch in tracked:
    for number in epoch:
        epoch.log(loss=1 / (1 + number))
        if number == 5:
            print("under way")
        time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def kernel(start_module_kernel):
    kernel = start_module_kernel()
    kernel.run("import nbkeras")
    return kernel


#: A kernel aborts the cells that it has received when one fails: so none may fail before it has them all.
UNTIL_QUEUED = """
import pathlib, time
while not pathlib.Path("queued").exists():
    time.sleep(0.01)
pathlib.Path("queued").unlink()
time.sleep(0.2)
"""


def run_all(kernel, cells):
    """Queue all cells at once, as Run All does; return the status of each."""
    kernel.messages.clear()
    queued = [kernel.send(cell) for cell in (UNTIL_QUEUED, *cells)]
    (kernel.directory / "queued").touch()
    return [kernel.wait(cell)["status"] for cell in queued][1:]


@pytest.mark.parametrize(
    "cell",
    [
        "%%fit\nvalue = 1 / 0",
        "%%fit --epoch 3\nlater = 1",
        "%%fit --early-stopping -1\nlater = 1",
        "%%fit\nawait later",
        "%nbkeras perhaps",
        "%monitor nobody",
        "%runs nobody",
        "with nbkeras.fitting(epochs=0):\n    later = 1",
        "for epoch in nbkeras.track([1]):\n    for _ in epoch:\n        raise OSError('disk gone')",
    ],
)
def test_stops_at_an_error_or_a_refusal(kernel, cell):
    kernel.run("globals().pop('later', None);")
    assert run_all(kernel, ["before = 1", cell, "later = 1", "later += 1"]) == [
        "ok",
        "error",
        "aborted",
        "aborted",
    ]
    assert kernel.value("'later' in globals()") is False


def test_goes_on_after_a_training_that_was_interrupted_once(kernel):
    kernel.messages.clear()
    queued = [kernel.send(cell) for cell in (LOOP, "later = tracked.run.status", "last = later")]
    kernel.until_printed("under way")
    kernel.interrupt()
    assert [kernel.wait(cell)["status"] for cell in queued] == ["ok", "ok", "ok"]
    assert kernel.value("last") == "stopped"


def test_goes_on_after_a_cell_without_training(kernel):
    assert run_all(kernel, ["%%fit\nnumber = 5", "number += 1"]) == ["ok", "ok"]
    assert kernel.value("number") == 6
