"""The written workers train one model together, and what starts them names each of them rightly."""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import numpy as np

from nbkeras import recipes
from tests.recipes.clusters import failure_by_ssh, free_ports, launched, started_by_slurm, started_by_ssh


def fresh(values):
    # One after the other: a cluster is heavy enough alone.
    return bool(values["model"]) or values == recipes.get("multi_worker").defaults


OWN = [
    ({"workers": 3, "port": 40_000}, ""),
    (
        {"model": "mine", "x": "pairs", "launcher": "ssh", "hosts": "10.0.0.1,node-b, c.example.org"},
        """
import numpy as np
from tensorflow import keras
import tensorflow as tf
pairs = tf.data.Dataset.from_tensor_slices((np.ones((20, 3)), np.ones(20))).batch(5)
mine = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
mine.compile("sgd", loss="mse")
""",
    ),
]


def kept(values, variables, line):
    folder = Path(values["folder"])
    for script in folder.glob("*.py"):
        compile(script.read_text(), str(script), "exec")
    worker = (folder / "worker.py").read_text()
    assert ("MendedStrategy" in worker) == (line == "keras")
    assert f"signal.alarm({values['wait']})" in worker
    if values["launcher"] == "slurm":
        job_is_right(values, folder)
        return
    if values["launcher"] == "local":
        hosts = [f"127.0.0.1:{values['port'] + rank}" for rank in range(values["workers"])]
    else:
        hosts = [f"{host.strip()}:{values['port']}" for host in values["hosts"].split(",")]
    for rank in range(len(hosts)):
        config = json.loads((folder / f"worker-{rank}.json").read_text())
        assert config == {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": rank}}
    if values["launcher"] == "ssh":
        ssh_starts_each(folder, [host.partition(":")[0] for host in hosts])
    if values["model"]:
        one_trains_the_own_model(values, variables, line)
    elif values == recipes.get("multi_worker").defaults:
        two_train_together(values, variables, line)


def written(values, variables, line):
    """Write the workers again, for ports that are free here."""
    values = {**values, "launcher": "local", "workers": 2, "port": free_ports(2), "folder": "for real"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(recipes.get("multi_worker").code(line=line, **values, wait=100, batch_size=8), variables)  # noqa: S102
    return Path("for real")


def two_train_together(values, variables, line):
    values = {name: value for name, value in values.items() if name not in ("wait", "batch_size")}
    folder = written(values, variables, line)
    code, said = launched([sys.executable, str(folder / "launch.py")], ".")
    assert code == 0, said + (folder / "worker-1.log").read_text()
    assert "worker 0 of 2" in said
    assert "worker 1 of 2" in (folder / "worker-1.log").read_text()

    from tensorflow import keras

    models = [keras.models.load_model(folder / f"trained-{rank}.keras") for rank in (0, 1)]
    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(first, second)
    assert int(models[0].optimizer.iterations.numpy()) == 512 // 16 * values["epochs"]
    # The same script in this process, without a strategy: the batch is that of two workers.
    strategy = "MendedStrategy()" if line == "keras" else "tf.distribute.MultiWorkerMirroredStrategy()"
    script = (folder / "worker.py").read_text()
    assert strategy in script
    os.environ["TF_CONFIG"] = (folder / "worker-0.json").read_text()
    alone = {}
    exec(script.replace(strategy, "tf.distribute.get_strategy()"), alone)  # noqa: S102
    for ours, its in zip(models[0].get_weights(), alone["model"].get_weights(), strict=True):
        np.testing.assert_allclose(ours, its, atol=1e-5)


def one_trains_the_own_model(values, variables, line):
    values = {name: value for name, value in values.items() if name not in ("wait", "batch_size")}
    folder = written(values, variables, line)
    config = json.loads((folder / "worker-0.json").read_text())
    config["cluster"]["worker"] = config["cluster"]["worker"][:1]
    code, said = launched([sys.executable, "worker.py"], folder, TF_CONFIG=json.dumps(config))
    assert code == 0, said
    assert "worker 0 of 1" in said

    from tensorflow import keras

    trained, alone = keras.models.load_model(folder / "trained-0.keras"), variables["mine"]
    alone.fit(variables["pairs"].unbatch().batch(8), epochs=values["epochs"], verbose=0)
    for ours, its in zip(trained.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(ours, its, atol=1e-5)


def ssh_starts_each(folder, hosts):
    asked, configs = started_by_ssh(folder, "worker.py", len(hosts))
    assert asked == sorted(hosts)
    assert sorted(config["task"]["index"] for config in configs) == list(range(len(hosts)))
    assert all(len(config["cluster"]["worker"]) == len(hosts) for config in configs)
    code, said = failure_by_ssh(folder)
    assert (code, "failed" in said) == (1, True)


def job_is_right(values, folder):
    job = (folder / "job.sbatch").read_text()
    assert job.startswith("#!/bin/bash\n#SBATCH")
    header = [line for line in job.splitlines() if line.startswith("#SBATCH")]
    assert f"#SBATCH --nodes={values['workers']}" in header
    assert "#SBATCH --ntasks-per-node=1" in header
    assert f"#SBATCH --time={values['minutes']}" in header
    assert (f"#SBATCH --gpus-per-node={values['gpus']}" in header) == (values["gpus"] > 0)
    hosts = [f"node{number + 1}:{values['port']}" for number in range(values["workers"])]
    assert started_by_slurm(folder, values["workers"], "worker.py") == [
        {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": rank}}
        for rank in range(values["workers"])
    ]
