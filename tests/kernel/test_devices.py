"""``%devices`` in a real kernel: a table that stays, logical CPUs in time, one line when it is too late."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel(start_module_kernel):
    return start_module_kernel()


def refused(kernel, line):
    reply = kernel.run(line, timeout=60)
    assert (reply["status"], reply["ename"]) == ("error", "UsageError")
    assert "\n" not in reply["evalue"]
    return reply["evalue"]


def test_the_notebook_s_first_cells(kernel):
    # Nothing of this needs TensorFlow.
    assert "from 1 to 64, received '0'" in refused(kernel, "%devices --logical-cpus 0")
    assert "received 'two'" in refused(kernel, "%devices --logical-cpus two")
    assert "--code goes with --logical-cpus" in refused(kernel, "%devices --code")
    assert "type --logical-cpus" in refused(kernel, "%devices --logical-cpu 2")
    kernel.run("%devices --logical-cpus 2 --code")
    code = kernel.text()
    assert kernel.value("'tensorflow' in __import__('sys').modules") is False

    assert kernel.run("%devices")["status"] == "ok"
    (shown,) = kernel.outputs("display_data")
    assert sorted(shown["data"]) == ["text/html", "text/plain"]
    assert "can still be made: %devices --logical-cpus N" in shown["data"]["text/plain"]

    kernel.run("%devices --logical-cpus 2")
    assert "CPU:0, CPU:1 share one processor" in kernel.text()
    # The plain code does the same: nothing has begun yet, so it may be said again.
    assert kernel.run(code)["status"] == "ok"
    mirrored = "import tensorflow as tf; strategy = tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1'])"
    assert kernel.run(mirrored)["status"] == "ok"
    assert kernel.value("strategy.num_replicas_in_sync") == 2
    assert "put  %devices --logical-cpus 4  into its first cell" in refused(
        kernel, "%devices --logical-cpus 4"
    )
    kernel.run("print(nbkeras.devices())" if kernel.run("import nbkeras")["status"] == "ok" else "")
    assert "CPU:0, CPU:1" in kernel.text()
    assert "fixed until the kernel restarts" in kernel.text()
