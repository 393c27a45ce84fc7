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


MODEL = """
import keras, numpy as np
x = np.random.default_rng(0).random((64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
"""


def the_strategy_of_later_cells(kernel):
    assert "expected one, mirrored, tpu, none, cluster or status" in refused(kernel, "%strategy two")
    assert "received GPU:0: %devices shows them" in refused(
        kernel, "%strategy mirrored --devices gpu:0,gpu:1"
    )
    assert "each once, received 'CPU:0,CPU:0'" in refused(kernel, "%strategy one --devices CPU:0,CPU:0")
    assert "type  %tpu_connect  first" in refused(kernel, "%strategy tpu")
    kernel.run("%strategy mirrored --devices CPU:0,CPU:1 --code")
    assert 'experimental_set_strategy(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))' in kernel.text()
    kernel.run("%strategy")
    assert kernel.text() == "no strategy: models train on TensorFlow's first device\n"

    assert kernel.run("%strategy mirrored")["status"] == "ok"
    assert kernel.text().endswith("2 replicas, each takes 1/2 of a batch: 32 samples of 64\n")
    assert kernel.run(MODEL)["status"] == "ok"
    assert "--batch-size: expected a multiple of the 2 replicas" in refused(
        kernel, "%%fit --batch-size 33\nmodel.fit(x, x)"
    )
    assert kernel.run("%%fit --quiet\nhistory = model.fit(x, x[:, :1])")["status"] == "ok"
    notes = kernel.value("__import__('nbkeras').runs.latest().notes")
    assert "2 replicas: each takes 16 samples of a batch of 32" in notes
    # A cell may be without it, for its own model.
    cell = f"%%fit --quiet --strategy none\n{MODEL}\nhistory = model.fit(x, x[:, :1])"
    assert kernel.run(cell)["status"] == "ok"
    assert kernel.value("__import__('nbkeras').runs.latest().notes[1:]") == []
    kernel.run("%strategy none")
    assert kernel.value("tf.distribute.has_strategy()") is False


def the_precision_of_later_models(kernel):
    assert "expected on, off, auto or status, received 'half'" in refused(kernel, "%mixed_precision half")
    assert "expected nothing behind on, received 'x'" in refused(kernel, "%mixed_precision on x")
    assert "--batch-size: expected auto before it" in refused(kernel, "%mixed_precision on --batch-size 8")
    assert "a variable of the notebook, received 'z'" in refused(kernel, "%mixed_precision auto model z")
    assert "expected on, off, auto, float16" in refused(kernel, "%%fit --mixed-precision half\npass")
    kernel.run("%mixed_precision on bfloat16 --code")
    code = kernel.text()
    assert code.endswith('keras.mixed_precision.set_global_policy("mixed_bfloat16")\n')
    assert kernel.value("keras.mixed_precision.global_policy().name") == "float32"
    assert kernel.run("%mixed_precision on bfloat16")["status"] == "ok"
    assert kernel.text().startswith("mixed_bfloat16: ")
    assert kernel.run(f"first = model\n{MODEL}")["status"] == "ok"
    kernel.run("%mixed_precision")
    assert kernel.text().splitlines()[0].startswith("policy mixed_bfloat16; this CPU is ")
    assert "first: 1 layer in float32; output float32; its loss needs no scaling" in kernel.text()
    assert "model: 1 layer in bfloat16; output bfloat16; its loss needs no scaling" in kernel.text()
    kernel.run("%mixed_precision off")
    assert kernel.text().startswith("float32 again: ")
    assert kernel.run(code)["status"] == "ok"
    assert kernel.value("keras.mixed_precision.global_policy().name") == "mixed_bfloat16"
    kernel.run("%mixed_precision auto first x x --max-time 1s --batch-size 16")
    assert "ms a step here, float32 " in kernel.text()
    kernel.run("%mixed_precision on bfloat16")
    kernel.run("%mixed_precision off")

    cell = f"%%fit --quiet --mixed-precision float16\n{MODEL}\nhistory = model.fit(x, x[:, :1])"
    assert kernel.run(cell)["status"] == "ok"
    (note,) = kernel.value("[n for n in nbkeras.runs.latest().notes if 'NBK103' in n]")
    assert "linear in float16" in note
    assert kernel.value("keras.mixed_precision.global_policy().name") != "mixed_float16"
    assert "received 'sequential" in refused(kernel, "%%fit --mixed-precision off\nmodel.fit(x, x[:, :1])")


ON_DEVICES = """
import nbkeras
inputs = keras.Input((4,))
there = nbkeras.on_device(keras.layers.Dense(3), "CPU:1", name="there")
with tf.device("CPU:1"):
    half = keras.layers.Dense(3, name="half")
    outputs = keras.layers.concatenate([there(inputs), half(inputs)])
parts = keras.Model(inputs, keras.layers.Dense(1)(outputs))
"""


def the_devices_of_layers(kernel):
    assert "expected a model, received none: type  %placement model" in refused(kernel, "%placement")
    assert "holds a model, received 'nothing'" in refused(kernel, "%placement nothing")
    assert "expected a model, received ndarray" in refused(kernel, "%placement x")
    assert kernel.run(ON_DEVICES)["status"] == "ok"
    assert kernel.run("%placement parts --batch x")["status"] == "ok"
    (shown,) = kernel.outputs("display_data")
    assert sorted(shown["data"]) == ["text/html", "text/plain"]
    rows = {row.split()[0]: row.split()[1:] for row in shown["data"]["text/plain"].splitlines() if row}
    assert rows["there"] == ["OnDevice", "CPU:1", "CPU:1", "CPU:1"]
    assert rows["half"] == ["Dense", "CPU:1", "CPU:0", "CPU:0"]
    assert "half: variables on CPU:1, operations on CPU:0" in shown["data"]["text/html"]
    assert "<b>CPU:0</b>" in shown["data"]["text/html"]
    assert "--batch: expected inputs of" in refused(kernel, "%placement parts --batch outputs")
    assert kernel.run("%placement parts --code")["status"] == "ok"
    assert "nbkeras" not in kernel.text()
    assert "for each in parts.inputs]" in kernel.text()


def test_the_notebook_s_first_cells(kernel):
    # Nothing of this needs TensorFlow.
    assert "from 1 to 64, received '0'" in refused(kernel, "%devices --logical-cpus 0")
    assert "received 'two'" in refused(kernel, "%devices --logical-cpus two")
    assert "--code goes with --logical-cpus" in refused(kernel, "%devices --code")
    assert "type --logical-cpus" in refused(kernel, "%devices --logical-cpu 2")
    kernel.run("%devices --logical-cpus 2 --code")
    code = kernel.text()
    # No more does a TPU that is not there.
    before = kernel.value("dict(__import__('os').environ)")
    assert "no TPU was found" in refused(kernel, "%tpu_connect")
    assert "this machine  " in kernel.text()
    assert "nothing answers at 127.0.0.1:9" in refused(kernel, "%tpu_connect grpc://127.0.0.1:9")
    assert "--or-else: expected mirrored or cpu" in refused(kernel, "%tpu_connect --or-else gpu --code")
    assert kernel.value("'tensorflow' in __import__('sys').modules") is False
    assert kernel.value("dict(__import__('os').environ)") == before

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

    the_strategy_of_later_cells(kernel)
    the_devices_of_layers(kernel)
    assert "put  %devices --logical-cpus 4  into its first cell" in refused(
        kernel, "%devices --logical-cpus 4"
    )

    kernel.run("%tpu_connect local --or-else mirrored")
    assert "this machine has no TPU: mirrored on CPU:0, CPU:1 takes its place" in kernel.text()
    kernel.run("import nbkeras; print(nbkeras.devices())")
    assert "CPU:0, CPU:1" in kernel.text()
    assert "fixed until the kernel restarts" in kernel.text()
    assert "mirrored on CPU:0, CPU:1" in kernel.text()
    code = "print(nbkeras.tpu_connect('local', or_else='cpu').num_replicas_in_sync)"
    assert kernel.run(code)["status"] == "ok"
    assert kernel.text().endswith("one on CPU:0 takes its place\n1\n")
    reply = kernel.run("nbkeras.tpu_connect('grpc://127.0.0.1:9')")
    assert (reply["status"], reply["ename"]) == ("error", "NoTpu")
    the_precision_of_later_models(kernel)
