"""``%%cluster --code``: the script trains outside a notebook, by itself and under Slurm, as the cell does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest

from nbkeras.cluster.prepared import Given
from nbkeras.training.on_cluster.exchanging import get
from nbkeras.training.on_cluster.options import cell_options
from nbkeras.training.on_cluster.plain import plain_script, slurm_script
from nbkeras.training.on_cluster.served_script import served_script, served_slurm_script
from tests.cluster.conftest import costly, gone

SETUP = """
import os
import numpy as np
import {line} as keras

numbers = np.random.default_rng(1)
x = numbers.random((90, 6)).astype("float32")
y = x.sum(axis=1, keepdims=True)
"""
CELL = """
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
saved = keras.callbacks.ModelCheckpoint("each.keras")
history = model.fit(x, y, batch_size=16, validation_split=0.2, verbose=0, callbacks=[saved])
model.save(os.path.join(".", "whole.keras"))
"""
SAVE = "np.savez(own('end.npz'), *model.get_weights())\n"


def run(command, folder, **more):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}
    environment.pop("TF_CONFIG", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def weights(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


@costly
def test_the_script_trains_as_the_cell_does(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(notebook.line == "tf_keras")))
    setup = SETUP.format(line=notebook.line)
    options = cell_options(seed=4, epochs=3, checkpoint=str(tmp_path / "best.keras"))
    script = plain_script(CELL, options, 2, [Given(setup)]) + SAVE
    (tmp_path / "train.py").write_text(script)
    ended = run([sys.executable, "train.py"], tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:]
    files = {path.name for path in tmp_path.iterdir()}
    own = {"best.keras", "each.keras", "end.npz"}
    # tf_keras's ModelCheckpoint itself deletes what workers other than the first have to write.
    kept = own if notebook.line == "keras" else {"end.npz"}
    own, kept = {*own, "whole.keras"}, {*kept, "whole.keras"}
    assert files == {"train.py", *own, *(f"rank-1-{name}" for name in kept)}
    ours = weights(tmp_path / "end.npz")
    assert all(map(np.array_equal, ours, weights(tmp_path / "rank-1-end.npz")))
    monkeypatch.chdir(tmp_path)
    notebook.run(setup)
    notebook.run(f"{CELL}\nweights = model.get_weights()", **options.given)
    for mine, theirs in zip(ours, get(notebook.cluster, "weights", {}), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


@costly
def test_a_script_goes_on_from_its_backup(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kill = """
        class Once(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if RANK and epoch == 1 and not os.path.exists("mark"):
                    open("mark", "w").close()
                    os.kill(os.getpid(), 9)
        """
    cell = textwrap.dedent(kill) + CELL.replace("callbacks=[saved]", "callbacks=[Once()]")
    ends = []
    for name in ("killed", "whole"):
        options = cell_options(seed=4, epochs=3, backup=name, retries=1)
        script = plain_script(cell, options, 2, [Given(SETUP.format(line="keras"))])
        (tmp_path / "train.py").write_text(script + "np.savez(f'{RANK}.npz', *model.get_weights())\n")
        ended = run([sys.executable, "train.py"], tmp_path)
        assert ended.returncode == 0, ended.stderr[-3000:]
        assert ("worker 1 ended with exit code -9" in ended.stderr) == (name == "killed")
        ends.append(weights(tmp_path / "0.npz"))
    assert all(map(np.array_equal, *ends))


def ends_with_its_starter(folder, script, count):
    """Start a script whose processes wait for ever, kill it, and wait until none of them is left."""
    (folder / "train.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("TF_CONFIG", None)
    command = [sys.executable, "train.py"]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 100
        while not (folder / "mark").exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)
        started = psutil.Process(process.pid).children()
        process.kill()
    assert len(started) == count
    end = time.monotonic() + 20
    while not all(gone(each.pid) for each in started):
        assert time.monotonic() < end
        time.sleep(0.1)


@costly
def test_the_script_s_workers_end_with_it(tmp_path):
    """One of them in an operation that waits for the other, which sleeps."""
    wait = "if RANK:\n    open('mark', 'w').close()\n    time.sleep(3600)\n"
    script = plain_script(f"{wait}{CELL}", cell_options(), 2, [Given(SETUP.format(line="keras"))])
    ends_with_its_starter(tmp_path, script, 2)


SRUN = """\
#!/bin/bash
[ "$1" = --kill-on-bad-exit=1 ] || exit 9
shift
SLURM_PROCID=0 "$@" & first=$!
SLURM_PROCID=1 "$@" & second=$!
wait $first && wait $second
"""
SCONTROL = """\
#!/bin/bash
[ "$*" = "show hostnames here[1-2]" ] || exit 9
printf '127.0.0.1\\n127.0.0.1\\n'
"""


@costly
def test_the_batch_script_starts_a_worker_with_each_task(tmp_path):
    """The machine has no Slurm: two programs stand for those that it brings."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    script = slurm_script(CELL, cell_options(epochs=2), 2, [Given(SETUP.format(line="keras"))])
    end = "END_OF_THE_SCRIPT\n\n#"
    (tmp_path / "job.sh").write_text(script.replace(end, f"{SAVE}{end}"))
    more = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "here[1-2]",
        "PATH": os.pathsep.join([str(tools), os.path.dirname(sys.executable), os.environ["PATH"]]),  # noqa: PTH120
    }
    ended = run(["bash", "job.sh"], tmp_path, **more)
    assert ended.returncode == 0, ended.stderr[-3000:]
    ranks = [weights(tmp_path / name) for name in ("end.npz", "rank-1-end.npz")]
    assert all(map(np.array_equal, *ranks))


def test_a_batch_script_tries_again(tmp_path):
    """The machine has no Slurm, and here a task does no more than to fail, or not: no worker is started."""
    tools = tmp_path / "tools"
    tools.mkdir()
    count = '#!/bin/bash\necho "$2 ${3##*/}" >> tries\n[ $(wc -l < tries) -gt $FAILURES ] || exit 7\n'
    for name, text in (("srun", count), ("scontrol", SCONTROL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    more = {"SLURM_JOB_ID": "5", "SLURM_JOB_NODELIST": "here[1-2]", "PATH": f"{tools}:{os.environ['PATH']}"}
    # Failures, retries, and how often the tasks are started then.
    for failures, retries, starts in ((0, 2, 1), (2, 2, 3), (3, 2, 3), (1, 0, 1)):
        options = cell_options(backup="b", retries=retries)
        (tmp_path / "job.sh").write_text(slurm_script("model.fit(x, y)", options, 2))
        ended = run(["bash", "job.sh"], tmp_path, FAILURES=str(failures), **more)
        assert ended.returncode == (7 if failures > retries else 0), ended.stderr
        assert (tmp_path / "tries").read_text() == "python training-5.py\n" * starts
        assert ended.stderr.count("a task ended with exit code 7: all start anew") == starts - 1
        (tmp_path / "tries").unlink()


def test_a_job_s_name_is_one_that_slurm_takes():
    for name, job in (("my run", "my-run"), ("a\n#SBATCH --x; 'b'", "a-SBATCH---x-b-"), ("v1.2_é", "v1.2_é")):
        script = slurm_script("model.fit(x, y)", cell_options(name=name), 2)
        assert f"\n#SBATCH --job-name={job}\n#SBATCH --nodes=2\n" in script


LEGACY = 'os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")'


@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_a_script_has_the_notebook_s_keras(monkeypatch, line):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(line == "tf_keras")))
    cell, options = "model.fit(x, y)", cell_options()
    scripts = [write(cell, options, 2) for write in (plain_script, slurm_script)]
    scripts += [write(cell, options, 2, 1) for write in (served_script, served_slurm_script)]
    for script in scripts:
        before = script.partition("import tensorflow")[0]
        assert (LEGACY in before) == (line == "tf_keras")
        assert not re.search("import (tf_)?keras", before)


@pytest.mark.parametrize("write", [plain_script, slurm_script])
def test_what_the_script_says(write):
    given = [Given(variables={"x": "a", "y": "b"}), Given("\nimport keras\n")]
    options = {"mixed_precision": "bfloat16", "quiet": True}
    given.append(Given("model = keras.Sequential()\n", options=options))
    cell = 'keras.callbacks.CSVLogger("log.csv")\nmodel.fit(x, y)\nmodel.save(folder / "end.keras")'
    script = write(cell, cell_options(name="digits"), 3, given)
    assert "# From the notebook, by %cluster push; make or load here: x, y\n" in script
    assert "# An earlier cell.\nimport keras\n" in script
    first, then = (f'set_global_policy("{name}")\n' for name in ("mixed_bfloat16", "float32"))
    assert f"{first}\nmodel = keras.Sequential()\nkeras.mixed_precision.{then}" in script
    assert 'keras.callbacks.CSVLogger(own("log.csv"))' in script
    assert 'model.save(own(folder / "end.keras"))' in script
    assert "enable_op_determinism" not in script
    assert "model.fit(in_order(x, y, batch_size=32, seed=1), None,\n    shuffle=False,\n)" in script
    if write is plain_script:
        assert "WORKERS = 3\nRETRIES = 0\n" in script
        assert script.count('    TF_CONFIG=\'{"cluster"') == 2
    else:
        assert script.startswith("#!/bin/bash\n#SBATCH --job-name=digits\n#SBATCH --nodes=3\n")
