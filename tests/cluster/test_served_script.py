"""``%%cluster --code`` with parameter servers: the script trains outside a notebook, and under Slurm."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from nbkeras import Refusal
from nbkeras.cluster.prepared import Given
from nbkeras.training.on_cluster.options import cell_options
from nbkeras.training.on_cluster.served_script import served_script, served_slurm_script
from tests.cluster.conftest import costly
from tests.cluster.test_plain_script import SCONTROL, ends_with_its_starter, run

SETUP = """
import os
import numpy as np
import {line} as keras

numbers = np.random.default_rng(1)
x = numbers.random((320, 6)).astype("float32")
y = x.sum(axis=1, keepdims=True)
"""
CELL = """
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"])
history = model.fit(x, y, batch_size=16, validation_split=0.2, verbose=0)
evaluated = model.evaluate(x, y, verbose=0)
"""
SAVE = """
outputs = model.predict(x, verbose=0)
np.savez("end.npz", outputs=outputs, steps=model.optimizer.iterations.numpy(), evaluated=evaluated,
         **history.history)
model.save("end.keras")
"""


def trained(folder, epochs):
    """Check what a script has left."""
    with np.load(folder / "end.npz") as end:
        assert end["steps"] == 16 * epochs
        assert len(end["loss"]) == len(end["val_mae"]) == epochs
        assert end["loss"][-1] < end["loss"][0] / 4
        x = np.random.default_rng(1).random((320, 6)).astype("float32")
        error = end["outputs"] - x.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(end["evaluated"], [(error**2).mean(), abs(error).mean()], rtol=1e-4)
    assert (folder / "end.keras").exists()


@costly
@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_the_script_trains(tmp_path, monkeypatch, line):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(line == "tf_keras")))
    options = cell_options(epochs=8, csv=str(tmp_path / "log.csv"))
    script = served_script(CELL, options, 1, 1, [Given(SETUP.format(line=line))])
    (tmp_path / "train.py").write_text(script + SAVE)
    ended = run([sys.executable, "train.py"], tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    trained(tmp_path, 8)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 9


@costly
@pytest.mark.parametrize("kind", ["worker", "ps"])
def test_the_script_goes_on_without_a_worker_and_ends_without_a_server(tmp_path, kind):
    # Whoever finds the file when it has served for a while ends itself.
    ends = f"""
task = json.loads(os.environ["TF_CONFIG"])["task"]
if task == {{"type": "{kind}", "index": 0}}:
    import threading
    def end():
        while not os.path.exists("mark"):
            time.sleep(0.1)
        os._exit(3)
    threading.Thread(target=end, daemon=True).start()
"""
    mark = "keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: open('mark', 'w').close())"
    cell = CELL.replace("verbose=0)", f"verbose=0, callbacks=[{mark}])", 1)
    script = served_script(cell, cell_options(epochs=20), 2, 1, [Given(SETUP.format(line="keras"))])
    parts = script.partition("import tensorflow as tf")
    (tmp_path / "train.py").write_text(f"{parts[0]}{ends}\n{parts[1]}{parts[2]}{SAVE}")
    ended = run([sys.executable, "train.py"], tmp_path)
    assert f"{kind} 0 ended with exit code 3" in ended.stderr
    assert ended.returncode == (kind == "ps"), ended.stderr[-3000:]
    assert (tmp_path / "end.npz").exists() == (kind == "worker")


@costly
def test_all_that_the_script_has_started_ends_with_it(tmp_path):
    """The chief waits for itself, the others serve."""
    cell = "open('mark', 'w').close()\ntime.sleep(3600)\n" + CELL
    script = served_script(cell, cell_options(), 1, 1, [Given(SETUP.format(line="keras"))])
    ends_with_its_starter(tmp_path, script, 3)


SRUN = """\
#!/bin/bash
SLURM_PROCID=0 "$@" &
SLURM_PROCID=1 "$@" &
echo $(jobs -p) > pids
wait
"""


@costly
def test_the_batch_script_starts_a_task_for_each_and_the_chief(tmp_path):
    """The machine has no Slurm: two programs stand for those that it brings."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("hostname", "#!/bin/bash\necho 127.0.0.1\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    script = served_slurm_script(CELL, cell_options(epochs=8), 1, 1, [Given(SETUP.format(line="keras"))])
    end = "END_OF_THE_SCRIPT\n\n#"
    assert end in script
    # Slurm ends what is left of a job; here the script does.
    (tmp_path / "job.sh").write_text(script.replace(end, f"{SAVE}{end}") + "\nkill -9 $(cat pids)\n")
    more = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "here[1-2]",
        "PATH": os.pathsep.join([str(tools), os.path.dirname(sys.executable), os.environ["PATH"]]),  # noqa: PTH120
    }
    ended = run(["bash", "job.sh"], tmp_path, SLURM_PROCID="0", **more)
    assert ended.returncode == 0, ended.stderr[-3000:]
    trained(tmp_path, 8)


@pytest.mark.parametrize("write", [served_script, served_slurm_script])
def test_what_the_script_says(write):
    given = [Given(variables={"x": "a", "y": "b"}), Given("\nimport keras\n")]
    cell = "class Own(keras.Model):\n    def fit(self, *a):\n        return super().fit(*a)\n\n\nOwn().fit(x)"
    script = write(cell, cell_options(name="digits"), 3, 2, given)
    assert "# From the notebook, by %cluster push; make or load here: x, y\n" in script
    assert "# An earlier cell.\nimport keras\n" in script
    assert "return super().fit(*a)" in script
    assert "\nby_workers(Own()).fit(x" in script
    assert "nbkeras" not in script
    if write is served_script:
        assert "WORKERS = 3\nSERVERS = 2\n" in script
    else:
        assert script.startswith("#!/bin/bash\n#SBATCH --job-name=digits\n#SBATCH --nodes=5\n")
    with pytest.raises(Refusal, match="backup: expected none on a cluster with parameter servers"):
        write(cell, cell_options(backup="b"), 3, 2, given)
