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
    return values == recipes.get("parameter_servers").defaults


def allowed(values):
    # The nodes' GPUs count on Slurm alone.
    return values["launcher"] == "slurm" or values["gpus"] == 0


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


def they_train(values, variables, line):
    values = {**values, "port": free_ports(4), "folder": "for real", "wait": 150}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(recipes.get("parameter_servers").code(line=line, **values), variables)  # noqa: S102
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
