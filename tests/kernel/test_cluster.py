"""``%cluster`` and ``%%cluster`` in a real kernel: workers, a monitor, the model back in the notebook."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.conftest import gone

pytestmark = pytest.mark.kernel

FIT = """
import keras, numpy as np, os, json
rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
print(f"rank {rank} speaks")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, y, batch_size=16)
"""


@pytest.fixture(scope="module")
def kernel(start_module_kernel):
    return start_module_kernel()


def refused(kernel, line):
    reply = kernel.run(line)
    assert (reply["status"], reply["ename"]) == ("error", "UsageError")
    assert "\n" not in reply["evalue"]
    return reply["evalue"]


def states(kernel):
    """Return the ranks and states of the last table of workers that the last cell has shown."""
    found = kernel.outputs("display_data") + kernel.outputs("update_display_data")
    texts = [each["data"].get("text/plain", "") for each in found]
    table = next(text for text in reversed(texts) if "rank  state" in text)
    return [line.split()[:2] for line in table.splitlines()[2:4]]


def test_a_cluster_from_start_to_stop(kernel):
    reply = kernel.client.execute("%cluster?", store_history=False)
    (payload,) = kernel.wait(reply)["payload"]
    assert "%cluster get model history" in payload["data"]["text/plain"]
    assert kernel.run("%cluster start", timeout=120)["status"] == "ok"
    assert states(kernel) == [
        ["0", "ready"],
        ["1", "ready"],
    ]
    assert "received one of 2 workers: type  %cluster restart" in refused(kernel, "%cluster start")

    kernel.run("import numpy as np\nx = np.ones((64, 4), 'float32')\ny = x[:, :1]")
    kernel.run("%cluster push x y")
    assert kernel.text() == "x, y sent to 2 workers\n"
    assert kernel.run(f"%%cluster --epochs 3\n{FIT}", timeout=120)["status"] == "ok", kernel.text()
    assert kernel.text() == "rank 0 speaks\n"
    (run,) = kernel.value(
        "[(r.status, r.kind, len(r.history['loss'])) for r in __import__('nbkeras').runs.all()]"
    )
    assert run == ("finished", "fit", 3)
    kernel.run("%cluster logs 1")
    assert kernel.text().startswith("rank 1 speaks\n")
    kernel.run("%cluster get model")
    assert kernel.text() == "from rank 0: model (Sequential)\n"
    assert kernel.value("model.predict(x, verbose=0).shape") == (64, 1)

    # The same by %%fit, and what nbkeras refuses on the workers is one line here.
    assert kernel.run(f"%%fit --strategy cluster --epochs 2\n{FIT}", timeout=120)["status"] == "ok"
    assert kernel.value("len(__import__('nbkeras').runs.latest().history['loss'])") == 2
    kernel.run("%strategy cluster")
    assert kernel.text().startswith("cluster: whole cells under %%fit run on its workers; ")
    assert kernel.run(f"%%fit --epochs 4\n{FIT}", timeout=120)["status"] == "ok"
    assert kernel.value("len(__import__('nbkeras').runs.latest().history['loss'])") == 4
    kernel.run("%strategy none")
    said = refused(kernel, "%%cluster --early-stopping accuracy:2\nmodel.fit(x, y)")
    assert said.startswith("%%cluster: --early-stopping: expected a metric")


def test_a_failing_worker_is_one_line_with_its_rank(kernel):
    reply = kernel.run("%%cluster\nif rank == 1: 1 / 0\nmodel.fit(x, y, epochs=2, verbose=0)", timeout=120)
    assert (reply["status"], reply["ename"]) == ("error", "WorkerFailure")
    assert reply["evalue"] == "rank 1 raised ZeroDivisionError: division by zero"
    (shown,) = kernel.outputs("error")
    assert shown["traceback"][-1].endswith("rank 1 raised ZeroDivisionError: division by zero")
    assert "cluster.py" not in "".join(shown["traceback"])
    assert states(kernel) == [
        ["0", "ended"],
        ["1", "failed"],
    ]
    assert "received ended ones" in refused(kernel, "%cluster get model")
    kernel.run("%cluster stop")
    assert kernel.text() == "2 workers ended\n"
    kernel.run("%cluster")
    assert kernel.text() == "no cluster: type  %cluster start --workers 2\n"


@pytest.mark.costly
def test_a_restart_of_the_cluster_begins_anew(kernel):
    kernel.run("%cluster start", timeout=120)
    assert kernel.run("%%cluster\nx = 1", timeout=120)["status"] == "ok"
    kernel.run("%cluster restart", timeout=120)
    assert states(kernel) == [["0", "ready"], ["1", "ready"]]
    reply = kernel.run("%%cluster\nx", timeout=120)
    assert reply["evalue"] == "rank 0 raised NameError: name 'x' is not defined"
    kernel.run("%cluster stop")


@pytest.mark.costly
@pytest.mark.parametrize("now", [False, True], ids=["asked", "killed"])
def test_a_restart_of_the_kernel_leaves_nothing(start_kernel, now):
    kernel = start_kernel()
    assert kernel.run("%cluster start", timeout=120)["status"] == "ok"
    cluster = "__import__('nbkeras.cluster.current', fromlist=['current']).current()"
    pids, folder = kernel.value(f"({cluster}.pids, str({cluster}.folder))")
    kernel.manager.restart_kernel(now=now)
    end = time.monotonic() + 20
    while not all(map(gone, pids)) or Path(folder).exists():
        assert time.monotonic() < end
        time.sleep(0.1)
