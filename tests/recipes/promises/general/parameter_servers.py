"""The written tasks train a model, both workers take part, and what starts them names each rightly."""

import contextlib
import io
import json
import re
import sys
from pathlib import Path

from nbkeras import recipes
from tests.recipes.clusters import failure_by_ssh, free_ports, launched, started_by_slurm, started_by_ssh


def fresh(values):
    # One after the other: a cluster is heavy enough alone.
    return bool(values["model"]) or values == recipes.get("parameter_servers").defaults


MINE = """
import numpy as np
from tensorflow import keras
import tensorflow as tf
numbers = np.random.default_rng(1).normal(size=(96, 3)).astype("float32")
targets = numbers @ np.array([[1.0], [-2.0], [0.5]], "float32")
pairs = tf.data.Dataset.from_tensor_slices((numbers, targets, np.ones(96))).batch(40)
mine = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_regularizer="l2")])
mine.compile(keras.optimizers.SGD(0.01, momentum=0.5), loss="mse")
"""
OWN = [
    ({"model": "mine", "x": "numbers", "y": "targets"}, MINE),
    ({"model": "mine", "x": "pairs", "launcher": "ssh", "hosts": "a, b, c"}, MINE),
]


def kept(values, variables, line):
    folder = Path(values["folder"])
    for script in folder.glob("*.py"):
        compile(script.read_text(), str(script), "exec")
    task = (folder / "task.py").read_text()
    assert ("ClusterCoordinator" in task) == (line == "keras")
    assert f"signal.alarm({values['wait']})" in task
    if values["launcher"] == "slurm":
        job_is_right(values, folder)
        return
    if values["launcher"] == "ssh":
        hosts = [host.strip() for host in values["hosts"].split(",")]
        addresses = [f"{host}:{values['port']}" for host in hosts]
    else:
        last = values["port"] + values["servers"] + values["workers"]
        addresses = [f"127.0.0.1:{port}" for port in range(values["port"], last + 1)]
    expected = tasks(addresses[:1], addresses[1:], values["servers"])
    written = [
        json.loads((folder / f"{each['task']['type']}-{each['task']['index']}.json").read_text())
        for each in expected
    ]
    assert written == expected
    if values["launcher"] == "ssh":
        asked, configs = started_by_ssh(folder, "task.py", len(hosts))
        assert asked == sorted(hosts)
        assert sorted(map(json.dumps, configs)) == sorted(map(json.dumps, expected))
        code, said = failure_by_ssh(folder)
        assert (code, "failed" in said) == (1, True)
    if values["model"]:
        they_train_the_own_model(values, variables, line)
    elif values == recipes.get("parameter_servers").defaults:
        they_train(values, variables, line)


def tasks(chief, others, servers):
    """Return the TF_CONFIG of each task."""
    cluster = {"chief": chief, "ps": others[:servers], "worker": others[servers:]}
    return [
        {"cluster": cluster, "task": {"type": kind, "index": index}}
        for kind, addresses in cluster.items()
        for index in range(len(addresses))
    ]


def job_is_right(values, folder):
    nodes = values["servers"] + values["workers"]
    header = [each for each in (folder / "job.sbatch").read_text().splitlines() if each.startswith("#SBATCH")]
    assert f"#SBATCH --nodes={nodes}" in header
    assert f"#SBATCH --time={values['minutes']}" in header
    assert (f"#SBATCH --gpus-per-node={values['gpus']}" in header) == (values["gpus"] > 0)
    port = values["port"]
    others = [f"node{number + 1}:{port}" for number in range(nodes)]
    expected = tasks([f"node1:{port + 1}"], others, values["servers"])
    configs = started_by_slurm(folder, nodes, "task.py")
    assert sorted(map(json.dumps, configs)) == sorted(map(json.dumps, expected))


def written(values, variables, line):
    """Write the tasks again, for ports that are free here."""
    here = {"launcher": "local", "port": free_ports(4), "folder": "for real", "wait": 150}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(recipes.get("parameter_servers").code(line=line, **{**values, **here}), variables)  # noqa: S102


def they_train_the_own_model(values, variables, line):
    from tensorflow import keras

    mine = variables["mine"]
    # What a training before it has left is where this one begins.
    mine.fit(variables["pairs"], epochs=1, verbose=0)
    before = mine.evaluate(variables["pairs"], verbose=0)
    written({**values, "workers": 2}, variables, line)
    code, said = launched([sys.executable, "for real/launch.py"], ".", 240)
    assert code == 0, said
    assert "Skipping variable loading" not in said
    losses = [float(loss) for loss in re.findall(r"loss: ([0-9.]+)", said)]
    assert len(losses) == values["epochs"]
    assert losses[-1] < losses[0] < 2 * before
    trained = keras.models.load_model("for real/trained.keras")
    assert trained.evaluate(variables["pairs"], verbose=0) < before / 2


def they_train(values, variables, line):
    written(values, variables, line)
    task = Path("for real/task.py")
    # Where a batch is read, a word in that task's log.
    batches = "    return data.batch(32, drop_remainder=True)"
    assert batches in task.read_text()
    told = batches + '.map(lambda *batch: (tf.print("a batch is read"), batch)[1])'
    task.write_text(task.read_text().replace(batches, told))
    code, said = launched([sys.executable, "for real/launch.py"], ".", 240)
    assert code == 0, said
    losses = [float(loss) for loss in re.findall(r"loss: ([0-9.]+)", said)]
    assert len(losses) == values["epochs"]
    assert losses[-1] < losses[0]
    for log in ("worker-0.log", "worker-1.log"):
        assert "a batch is read" in Path("for real", log).read_text(), log

    from tensorflow import keras

    loaded = keras.models.load_model("for real/trained.keras", compile=False)
    assert loaded.count_params() == 8 * 16 + 16 + 16 + 1
