"""Parameter servers: one coordinator takes the cells, and workers make the steps of Keras's own calls."""

from __future__ import annotations

import os
import signal
import textwrap
import time

import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from nbkeras import Refusal, recipes
from nbkeras.cluster.current import current
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.served import ServedCluster
from nbkeras.magics.cluster import ClusterMagics
from nbkeras.magics.config import NBKeras
from nbkeras.training.on_cluster.exchanging import get, push
from tests.cluster.conftest import LINES, Notebook, costly, gone, nothing_is_left_after

MODEL = """
layers = keras.layers
model = keras.Sequential([
    keras.Input((6,)), layers.Dense(5, "tanh"), layers.BatchNormalization(), layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"])
"""
# Once, after the second epoch of a call; the coordinator knows the processes by ``pids``.
ENDS = """
class Ends(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            os.kill(pids[RANK], signal.SIGNAL)
"""


def data():
    """Return what the tests train on."""
    x = np.random.default_rng(1).random((320, 6)).astype("float32")
    return {"x": x, "y": x.sum(axis=1, keepdims=True)}


@pytest.fixture(scope="module", params=LINES)
def served(request):
    """Two workers, a parameter server and their coordinator, started as in a notebook."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_USE_LEGACY_KERAS", str(int(request.param == "tf_keras")))
        magics = ClusterMagics(InteractiveShell.instance(), NBKeras())
        magics.cluster("start --workers 2 --ps 1")
        made = Notebook(request.param, current())
        made.magics = magics
        made.imports()
        push(made.cluster, data())
        yield made
        magics.cluster("stop")
        InteractiveShell.clear_instance()


def test_the_table_says_what_each_process_is(served, capsys):
    served.magics.cluster("")
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:2] == ["2", "workers,"]
    assert rows[1] == ["rank", "role", "state"]
    assert [row[:2] for row in rows[2:]] == [
        ["0", "coordinator"],
        ["1", "worker"],
        ["2", "worker"],
        ["3", "parameter"],
    ]


def test_it_learns_and_the_model_comes_into_the_notebook(served, capsys):
    cell = f"{MODEL}weights = np.linspace(0.5, 1, 320)\nhistory = model.fit(x, y, sample_weight=weights, "
    cell += "batch_size=16, validation_split=0.2)\nlosses = history.history"
    (run,) = served.run(f"{cell}\nprint(int(model.optimizer.iterations.numpy()))", epochs=6)
    assert run.status == "finished"
    assert "steps are made by 2 workers, each a batch at a time, and none waits for another" in run.notes
    # No step is left out, and none counted twice.
    assert served.printed[0] == "96\n"
    assert (run.progress.done, run.progress.epoch) == (96, 6)
    assert run.history == get(served.cluster, "losses", {})
    assert run.history["loss"][-1] < run.history["loss"][0] / 4
    served.magics.shell.user_ns.pop("model", None)
    served.magics.cluster("get model")
    assert capsys.readouterr().out == "from rank 0: model (Sequential)\n"
    model = served.magics.shell.user_ns["model"]
    assert model.count_params() == 61
    x, y = data().values()
    asked = "(model.evaluate(x[256:], y[256:], verbose=0), model.predict(x[:40], verbose=0).tolist())"
    (((loss, mae), outputs),) = served.value(asked)
    here = model.evaluate(x[256:], y[256:], verbose=0)
    np.testing.assert_allclose((loss, mae), here, rtol=1e-5)
    np.testing.assert_allclose(mae, run.history["val_mae"][-1], rtol=1e-5)
    np.testing.assert_allclose(outputs, model.predict(x[:40], verbose=0), rtol=1e-5)


def test_the_cell_magic(served, capsys):
    cell = f"{MODEL}print('spoken')\nmodel.fit(x, y, batch_size=16)"
    served.magics.cluster("--epochs 2", cell)
    assert "spoken\n" in capsys.readouterr().out
    served.magics.cluster("logs 3")
    assert capsys.readouterr().out.startswith("rank 3 has put out nothing in its last cell\n")
    with pytest.raises(UsageError, match="%%cluster: --backup: expected none on a cluster with parameter"):
        served.magics.cluster("--backup b", cell)
    served.magics.cluster("--code --epochs 2", cell)
    said = capsys.readouterr().out
    assert "WORKERS = 2\nSERVERS = 1\n" in said
    assert "by_workers(model).fit(x, y, batch_size=16,\n    epochs=2,\n)" in said
    served.magics.cluster("--slurm", cell)
    assert "#SBATCH --nodes=3\n" in capsys.readouterr().out
    with pytest.raises(
        UsageError, match="received one of 2 workers, 1 parameter server and a coordinator: type"
    ):
        served.magics.cluster("start --ps 1")
    with pytest.raises(UsageError, match="expected a rank from 0 to 3, received '4'"):
        served.magics.cluster("logs 4")


def test_the_recipe_with_magics(served, tmp_path):
    recipe = recipes.get("parameter_servers")
    code = recipe.code(line=served.line, magics=True, epochs=2, folder=str(tmp_path / "here"))
    magic, _, cell = code.partition("\n")
    assert magic == "%%cluster --epochs 2"
    served.magics.cluster("--epochs 2", cell)
    assert served.value("(len(history.epoch), int(model.optimizer.iterations.numpy()))") == [(2, 40)]
    assert (tmp_path / "here" / "trained.keras").exists()
    # The recipe has data of its own.
    push(served.cluster, data())
    own = recipe._written({**recipe.defaults, "model": "mine", "x": "a", "y": "b"}, served.line, magics=True)
    assert "#   %cluster push mine a b\n" in own
    assert "\nhistory = mine.fit(data, steps_per_epoch=20)\n" in own
    plain = recipe._written({**recipe.defaults, "launcher": "slurm"}, served.line, magics=True)
    assert not plain.startswith("%")


def test_each_sample_comes_once_in_an_epoch(served):
    """The mean of all samples is that of the steps only if none is lost and none comes twice."""
    cell = """
    powers = 2.0 ** -np.arange(48, dtype="float32")[:, None]
    one = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    one.compile(keras.optimizers.SGD(0.0), "mae", metrics=["mse"])
    def batches():
        for start in range(0, 48, 8):
            yield powers[start : start + 8], 0 * powers[:8]
    one.fit(powers, 0 * powers, batch_size=8, epochs=3)
    data = __import__("tensorflow").data.Dataset.from_generator(
        batches, output_types=("float32", "float32"), output_shapes=((8, 1), (8, 1)))
    one.fit(data, epochs=2, validation_data=(powers, 0 * powers))
    """
    values = 2.0 ** -np.arange(48)
    for run in served.run(textwrap.dedent(cell)):
        for metric, history in run.history.items():
            expected = values.mean() if metric.endswith("loss") else (values**2).mean()
            np.testing.assert_allclose(history, [expected] * len(history), rtol=1e-5)


def test_what_a_step_tells_is_of_its_own_call(served):
    """A loss of an earlier call would end this one by ``TerminateOnNaN``, say."""
    cell = f"""{MODEL}
first = []
def note(step, logs):
    step or first.append(float(logs["loss"]))
seen = keras.callbacks.LambdaCallback(on_train_batch_end=note)
model.fit(x, 1000 * y, batch_size=16, callbacks=[seen])
model.fit(x, 0 * y, batch_size=16, callbacks=[seen])
"""
    served.run(cell)
    ((before, after),) = served.value("first")
    assert before > 1e5
    assert after < 1e3


def test_a_step_of_ones_own_and_keras_backups(served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = """
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)
            self.seen = keras.metrics.Sum(name="seen")

        def call(self, inputs):
            return self.dense(keras.layers.concatenate([inputs["a"], inputs["b"]]))

        def train_step(self, data):
            told = super().train_step(data)
            self.seen.update_state(1.0)
            return {**told, "seen": self.seen.result()}

    class Breaks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("broken")

    own = Own()
    own.compile("sgd", "mse")
    inputs = {"a": x[:, :3], "b": x[:, 3:]}
    backup = keras.callbacks.BackupAndRestore("backup")
    try:
        own.fit(inputs, y, epochs=3, callbacks=[backup, Breaks()])
    except RuntimeError as error:
        print(error)
    history = own.fit(inputs, y, epochs=3, callbacks=[backup])
    """
    broken, run = served.run(textwrap.dedent(cell))
    assert served.printed[0] == "broken\n"
    assert (broken.status, run.status) == ("failed", "finished")
    # A metric of all steps, whoever has made them.
    assert broken.history["seen"] == [10.0]
    assert run.history["seen"] == [10.0]
    assert served.value("history.epoch") == [[2]]


ENDLESS = (
    MODEL
    + "history = model.fit(x, y, batch_size=16, epochs=100_000, verbose=0)\nprint(len(history.epoch) > 0)"
)


def test_time_limit(served):
    (run,) = served.run(ENDLESS, max_time=0.5)
    assert (run.status, run.reason) == ("stopped", "time limit of 0.5s")
    assert served.printed[0] == "True\n"


def test_pause_learning_rate_and_interrupt(served, during, python_interrupts):
    def act(run):
        run.control.pause()
        while run.status != "paused":
            time.sleep(0.02)
        run.control.resume()
        run.control.set_learning_rate(0.003)
        while abs((run.progress.learning_rate or 0) - 0.003) > 1e-6:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    during(act)
    (run,) = served.run(ENDLESS)
    assert (run.status, run.reason) == ("stopped", "interrupt")
    assert served.printed[0] == "True\n"
    assert served.cluster.runs


@pytest.mark.parametrize(
    ("cell", "options", "said"),
    [
        ("", {"backup": "b"}, "backup: expected none on a cluster with parameter servers"),
        ("", {"pad": True}, "pad: expected none on a cluster with parameter servers"),
        (
            "model.compile('sgd', 'mse', run_eagerly=True)",
            {},
            "expected a model that is compiled with run_eag",
        ),
        ("model.compile('sgd', 'mse', steps_per_execution=4)", {}, "expected steps_per_execution=1"),
        ("callbacks = [nbkeras.ExactBackup('b')]", {}, "expected no ExactBackup"),
    ],
)
def test_what_is_refused_before_training(served, cell, options, said):
    before = f"{MODEL}import nbkeras\ncallbacks = []\n{cell}\n"
    with pytest.raises(Refusal, match=said) as caught:
        served.run(f"{before}model.fit(x, y, callbacks=callbacks)", **options)
    assert "\n" not in str(caught.value)
    assert served.cluster.runs


def test_scaled_and_gathered_gradients_are_refused(served):
    if served.line == "keras":
        with pytest.raises(Refusal, match="expected an optimizer that applies the gradients of each step"):
            served.run(f"{MODEL}model.optimizer.gradient_accumulation_steps = 2\nmodel.fit(x, y)")
    scaled = "keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1))"
    # tf_keras has a line of its own for it.
    said = "expected an optimizer that scales no loss|Loss scaling is not supported"
    with pytest.raises((Refusal, WorkerFailure), match=said):
        served.run(f"{MODEL}model.compile({scaled}, 'mse')\nmodel.fit(x, y)")


def test_an_error_leaves_the_cluster_as_it_is(served):
    with pytest.raises(WorkerFailure, match="rank 0 raised ZeroDivisionError") as caught:
        served.run(f"{MODEL}1 / 0")
    assert caught.value.all_are_back
    wrong = "model.fit(x, np.full((320, 1), 'a'), verbose=0)"
    with pytest.raises(WorkerFailure, match="rank 0 raised"):
        served.run(f"{MODEL}{wrong}")
    # An error in the midst of steps is not left for the next call.
    fails = "keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: 1 / (step - 5))"
    odd = f"model.fit(x, y, verbose=0, callbacks=[{fails}])"
    with pytest.raises(WorkerFailure, match="rank 0 raised ZeroDivisionError"):
        served.run(f"{MODEL}{odd}")
    (run,) = served.run("model.fit(x, y, epochs=1)")
    assert run.status == "finished"


def ends(served, rank, signal="SIGKILL"):
    push(served.cluster, {"pids": served.cluster.pids})
    return ENDS.replace("RANK", str(rank)).replace("SIGNAL", signal)


def test_a_dead_worker_is_survived_and_said(served, capsys):
    served.said.clear()
    cell = f"{ends(served, 1)}{MODEL}model.fit(x, y, batch_size=16, epochs=6, callbacks=[Ends()])"
    (run,) = served.run(cell)
    assert (run.status, run.progress.epoch) == ("finished", 6)
    (said,) = served.said
    assert said == (
        "nbkeras: rank 1 (worker) was ended by SIGKILL: the other worker goes on; a new one comes by  "
        "%cluster restart"
    )
    assert run.history["loss"][-1] < run.history["loss"][0] / 4
    served.magics.cluster("status")
    assert "worker            was ended by SIGKILL" in capsys.readouterr().out
    # With what the coordinator has in its memory.
    (run,) = served.run("model.fit(x, y, batch_size=16, epochs=2)")
    assert run.status == "finished"
    assert served.said == [said]


@costly
def test_a_worker_that_stands_still_is_ended_and_survived(served):
    served.magics.cluster("restart")
    served.imports()
    push(served.cluster, data())
    served.said.clear()
    cell = f"{ends(served, 2, 'SIGSTOP')}{MODEL}model.fit(x, y, batch_size=16, epochs=6, callbacks=[Ends()])"
    (run,) = served.run(cell)
    assert (run.status, run.progress.epoch) == ("finished", 6)
    (said,) = served.said
    assert said.startswith(
        "nbkeras: rank 2 (worker) was not heard of for 12 s: its process stands still: the ot"
    )
    with pytest.raises(WorkerFailure, match=r"rank 1 \(worker\) was ended by SIGKILL, and no worker is left"):
        served.run(cell.replace("[2]", "[1]").replace("SIGSTOP", "SIGKILL"))
    served.run(MODEL)
    assert served.said[-1].startswith(
        "nbkeras: rank 1 (worker) was ended by SIGKILL, and no worker is left: the wor"
    )


def test_a_dead_server_fails_the_cell_at_once(served):
    pids = served.cluster.pids
    cell = f"{ends(served, 3)}{MODEL}model.fit(x, y, batch_size=16, epochs=100_000, callbacks=[Ends()])"
    with pytest.raises(WorkerFailure, match=r"^rank 3 \(parameter server\) was ended by SIGKILL$") as caught:
        served.run(cell)
    assert caught.value.rank == 3
    assert not served.cluster.runs
    assert all(map(gone, pids))


@costly
def test_the_next_cell_starts_them_anew(served):
    assert not served.cluster.runs
    served.said.clear()
    (run,) = served.run(f"{MODEL}model.fit(x, y, batch_size=16, epochs=2)")
    assert run.status == "finished"
    assert "the workers start anew, and are given again: x, y, pids, " in served.said[0]


@pytest.mark.costly
def test_nothing_is_left_of_a_cluster_whose_notebook_is_killed():
    program = """
    import time
    from nbkeras.cluster.served import ServedCluster
    cluster = ServedCluster(1, 1)
    cluster.start()
    print(cluster.folder, *cluster.pids, flush=True)
    time.sleep(3600)
    """
    nothing_is_left_after(program, 3)


@costly
def test_a_server_that_cannot_start():
    cluster = ServedCluster(1, 1)
    with pytest.raises(WorkerFailure, match=r"rank 2 \(parameter server\) ended with exit code 1"):
        cluster.start(environment={2: {"PYTHONHOME": "/nowhere"}})
    assert all(map(gone, cluster.pids))
    cluster.stop()
