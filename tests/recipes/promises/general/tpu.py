"""Without a TPU one line says so, at once; with one, it is connected to in the right order.

No machine of the tests has a TPU. The way to one is therefore tried with TensorFlow's four TPU objects
replaced, the code's one seam to it: everything around them is real.
"""

import contextlib
import io
import socket
from pathlib import Path
from unittest import mock

import pytest
import tensorflow as tf
from tensorflow import keras

from nbkeras import recipes

OWN = [
    (
        {"model": "mine", "x": "pairs", "steps": 2, "batch_size": 4, "epochs": 2},
        """
import numpy as np
import tensorflow as tf
from tensorflow import keras
pairs = tf.data.Dataset.from_tensor_slices((np.ones((42, 3)), np.ones(42))).batch(5)
mine = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
mine.compile(keras.optimizers.SGD(0.125), loss="mse")
""",
    ),
]


def kept(values, variables, line):
    trained = variables["on_tpu" if values["model"] else "model"]
    rows = 42 if values["model"] else 512
    assert trained.optimizer.iterations.numpy() == rows // values["batch_size"] * values["epochs"]
    assert variables["data"].element_spec[0].shape[0] == values["batch_size"]
    assert steps_at_once(trained) == values["steps"]
    if values["model"]:
        assert float(trained.optimizer.learning_rate.numpy()) == 0.125
        assert variables["mine"].optimizer.iterations.numpy() == 0

    said, _ = run(values, variables, line)
    [line_of_why] = [each for each in said.splitlines() if "TPU" in each]
    assert line_of_why.startswith(f"No TPU at {values['tpu']}: ")
    assert ("this machine has none" if values["tpu"] == "local" else "refused") in line_of_why
    with pytest.raises(RuntimeError, match="no TPU at"):
        run({**values, "without": "stop"}, variables, line)
    connects_in_order(values, variables, line)
    if values == recipes.get("tpu").defaults:
        connects_by_name(values, variables, line)


def steps_at_once(model):
    steps = model.steps_per_execution if hasattr(model, "steps_per_execution") else model._steps_per_execution
    return int(getattr(steps, "numpy", lambda: steps)())


def run(values, variables, line, mend=lambda code: code):
    said, variables = io.StringIO(), dict(variables)
    code = mend(recipes.get("tpu").code(line=line, **{**values, "epochs": 1}))
    with contextlib.redirect_stdout(said):
        exec(compile(code, "<again>", "exec"), variables)  # noqa: S102
    return said.getvalue(), variables


@contextlib.contextmanager
def pretended(strategy):
    """Replace TensorFlow's way to a TPU; yield what is asked of it, in order."""
    asked = mock.Mock()

    class TPUStrategy:  # a class, because Keras asks whether a strategy is one
        def __new__(cls, resolver):
            asked.TPUStrategy(resolver)
            return strategy

    with (
        mock.patch.object(tf.distribute.cluster_resolver, "TPUClusterResolver", asked.TPUClusterResolver),
        mock.patch.object(tf.config, "experimental_connect_to_cluster", asked.connect),
        mock.patch.object(tf.tpu.experimental, "initialize_tpu_system", asked.initialize),
        mock.patch.object(tf.distribute, "TPUStrategy", TPUStrategy),
    ):
        yield asked


def connects_in_order(values, variables, line):
    # Where the code looks first: a PCI device of Google's, or a port where somebody listens.
    device = Path("devices/0000:00:04.0")
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x1ae0\n")
    (device / "device").write_text("0x0063\n")
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with socket.create_server(("127.0.0.1", 0)) as server, pretended(strategy) as asked:
        address = f"grpc://127.0.0.1:{server.getsockname()[1]}"
        tpu = "local" if values["tpu"] == "local" else address
        said, found = run(
            {**values, "tpu": tpu},
            variables,
            line,
            lambda code: code.replace("/sys/bus/pci/devices", "devices"),
        )
    resolver = asked.TPUClusterResolver.return_value
    assert asked.mock_calls == [
        mock.call.TPUClusterResolver(tpu),
        mock.call.connect(resolver),
        mock.call.initialize(resolver),
        mock.call.TPUStrategy(resolver),
    ]
    assert "TPU with 1 cores" in said
    model = found["on_tpu" if values["model"] else "model"]
    assert model.distribute_strategy is strategy
    assert isinstance(model, keras.Model)


def connects_by_name(values, variables, line):
    device = Path("devices/0000:00:04.0/vendor")
    device.write_text("0x10de\n")
    with pretended(tf.distribute.get_strategy()) as asked:
        run(values, variables, line, lambda code: code.replace("/sys/bus/pci/devices", "devices"))
        assert asked.mock_calls == []
        asked.initialize.side_effect = tf.errors.NotFoundError(None, None, "no such TPU\nmore")
        said, _ = run({**values, "tpu": "my-tpu"}, variables, line)
    assert "No TPU at my-tpu: no such TPU." in said
    assert asked.mock_calls[0] == mock.call.TPUClusterResolver("my-tpu")
