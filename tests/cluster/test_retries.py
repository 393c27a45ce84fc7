"""A worker that is killed: new ones go on from the common backup, and end where one run would have ended."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nbkeras import Refusal
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.prepared import Given
from nbkeras.runs import library
from nbkeras.training.on_cluster import retrying
from nbkeras.training.on_cluster.exchanging import get, push
from nbkeras.training.on_cluster.options import cell_options
from tests.cluster.conftest import costly

CELL = """
class Once(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if rank == 1 and int(self.model.optimizer.iterations.numpy()) == LAST and not os.path.exists(MARK):
            open(MARK, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

keras.utils.set_random_seed(3)
layers = keras.layers
model = keras.Sequential([
    keras.Input((6,)), layers.Dense(5, "tanh"), layers.Dropout(0.2, seed=1), layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
fitted = model.fit(x, y, batch_size=16, epochs=4, validation_split=0.2, callbacks=[Once()])
weights, history = model.get_weights(), fitted.history
"""


def whole_and_failed(notebook, folder, cell, last, **options):
    """Train without a failure and with one after a last step; both must come to the same.

    Returns:
        The second run; what was said of it is left in the notebook.
    """
    ends = []
    for name, step in (("whole", 0), ("failed", last)):
        notebook.said.clear()
        pids = notebook.cluster.pids
        own = cell.replace("LAST", str(step)).replace("MARK", repr(str(folder / f"{name}.mark")))
        run = notebook.run(own, backup=folder / name, seed=5, **options)[-1]
        assert (notebook.cluster.pids == pids) == (name == "whole"), notebook.said
        assert run.status == "finished"
        history = get(notebook.cluster, "history", {})
        ends.append((get(notebook.cluster, "weights", {}), history))
        assert run.history == history
    (whole, expected), (failed, history) = ends
    assert all(map(np.array_equal, whole, failed))
    # Losses of an epoch that goes on in its midst are summed in another order.
    for metric, values in expected.items():
        np.testing.assert_allclose(history[metric], values, rtol=1e-6)
    assert len(notebook.said) == 1, notebook.said
    return run


@pytest.mark.parametrize(("every", "left"), [pytest.param("epoch", 10, marks=costly), (3, 12)])
def test_a_killed_worker_changes_nothing(notebook, tmp_path, every, left):
    numbers = np.random.default_rng(1)
    x = numbers.random((90, 6)).astype("float32")
    notebook.run("")
    push(notebook.cluster, {"x": x, "y": x.sum(axis=1, keepdims=True)})
    run = whole_and_failed(notebook, tmp_path, CELL, 13, every=every)
    (said,) = notebook.said
    assert "rank 1 was ended by SIGKILL; retry 1 of 2: the workers start anew, and are given again" in said
    assert [event.step for event in run.events] == [left]
    # Each worker has them, and one has written.
    assert {path.suffix for path in (tmp_path / "failed").iterdir()} == {".h5", ".json", ".lock"}
    again = CELL.replace("LAST", "0").replace("MARK", "''")
    with pytest.raises(Refusal, match="received one that is finished after 4 epochs"):
        notebook.run(again, backup=tmp_path / "failed", every=every, seed=5)
    assert notebook.cluster.runs


@costly
def test_a_killed_worker_changes_nothing_of_padded_batches(notebook, tmp_path):
    """After the backup come the last step of an epoch, of 5 samples, and one of the next."""
    x = np.random.default_rng(1).random((69, 6)).astype("float32")
    push(notebook.cluster, {"x": x, "y": x.sum(axis=1, keepdims=True)})
    cell = CELL.replace("validation_split=0.2", "verbose=0")
    run = whole_and_failed(notebook, tmp_path, cell, 11, every=4, pad=True)
    assert any("the last batch, of 5, goes whole to each of the 2 replicas" in each for each in run.notes)
    assert [event.step for event in run.events] == [8]


@costly
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("time.sleep(3600)", "rank 1 stood at one place for"),
        ("1 / 0", "rank 1 raised ZeroDivisionError: division by zero"),
    ],
)
def test_a_hang_and_an_error_of_one_change_nothing(notebook, tmp_path, what, said):
    x = np.random.default_rng(1).random((90, 6)).astype("float32")
    push(notebook.cluster, {"x": x, "y": x.sum(axis=1, keepdims=True)})
    cell = CELL.replace("os.kill(os.getpid(), signal.SIGKILL)", what)
    whole_and_failed(notebook, tmp_path, cell, 13, every=3)
    assert said in notebook.said[0]
    assert "retry 1 of 2: the workers start anew" in notebook.said[0]


@costly
def test_what_an_earlier_cell_asked_for_is_kept(notebook):
    notebook.run(
        "made = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])", mixed_precision="bfloat16"
    )
    with pytest.raises(WorkerFailure, match="rank 1 was ended by SIGKILL"):
        notebook.run("if rank == 1: os.kill(os.getpid(), signal.SIGKILL)")
    assert notebook.value("made.layers[-1].compute_dtype") == ["bfloat16", "bfloat16"]


@costly
def test_what_needs_what_was_trained_is_left_out(notebook, monkeypatch):
    """Workers that take the place of others have no model until a cell makes one, and no class of it."""
    notebook.run("made = 3")
    thing = type("Thing", (), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Thing", thing, raising=False)
    notebook.run("import numpy\nx = numpy.ones((16, 6), 'float32')")
    notebook.run(
        "model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])\nmodel.compile('sgd', 'mse')\n"
        "model.fit(x, x[:, :1], batch_size=16, verbose=0)\nof_this_test = model\n"
        "Thing = type('Thing', (), {'__module__': '__main__'})"
    )
    push(notebook.cluster, {"thing": thing(), "kept": 4})
    notebook.run("print(of_this_test.count_params())")
    notebook.run("print(of_this_test.name)")
    with pytest.raises(WorkerFailure, match="rank 1 was ended by SIGKILL"):
        notebook.run("if rank == 1: os.kill(os.getpid(), signal.SIGKILL)")
    notebook.said.clear()
    assert notebook.value("made") == [3, 3]
    (said,) = [each for each in notebook.said if each.startswith("nbkeras: left out")]
    reason = "rank 0 raised NameError: name 'of_this_test' is not defined"
    cells = "the cell  print(of_this_test.count_params()), the cell  print(of_this_test.name)"
    assert "thing (expected what is known here, received something of Thing, which is not: define it" in said
    assert f"{cells} ({reason})" in said
    assert notebook.value("(kept, 'thing' in globals())") == [(4, False)] * 2
    # It is not tried again.
    with pytest.raises(WorkerFailure, match="rank 1 was ended by SIGKILL"):
        notebook.run("if rank == 1: os.kill(os.getpid(), signal.SIGKILL)")
    notebook.said.clear()
    assert notebook.value("kept") == [4, 4]
    assert not any("left out" in each for each in notebook.said)


def test_what_is_left_out_is_one_line(tmp_path, monkeypatch):
    """The workers are not there: what they refuse and raise is given."""
    paths = {name: tmp_path / name for name in ("good", "bad", "worse")}
    for each in paths.values():
        each.touch()
    variables = {name: str(path) for name, path in paths.items()}
    cells = [f"print({number})\nmore" for number in range(5)]
    prepared = [
        Given(variables=variables),
        *map(Given, cells),
        Given("fine"),
        Given(variables={"bad": str(paths["bad"])}),
    ]
    cluster = SimpleNamespace(prepared=prepared, start=lambda _: None)
    given, said = [], []

    def give(_, some):
        if some.keys() & {"bad", "worse"}:
            raise Refusal(f"{next(name for name in some if name != 'good')}: expected better")
        given.append(some)

    def run(_, cell, **__):
        if cell.startswith("print"):
            raise WorkerFailure(0, f"raised {cell[:8]}", all_are_back=True)

    monkeypatch.setattr(retrying, "give", give)
    monkeypatch.setattr(retrying, "run_on_cluster", run)
    retrying.start_again(cluster, "why", lambda: None, said.append)
    assert said[0].endswith("given again: good, bad, worse, 6 cells that trained nothing")
    shown = [f"the cell  print({number}) (rank 0 raised print({number}))" for number in (0, 1)]
    left_out = "; ".join(["bad, worse (expected better)", *shown, "and 3 more"])
    assert said[1:] == [f"nbkeras: left out, because it needs what was trained: {left_out}"]
    assert given == [{"good": variables["good"]}]
    assert cluster.prepared == [Given(variables={"good": variables["good"]}), Given("fine")]
    assert [path.exists() for path in paths.values()] == [True, False, False]


def test_a_cell_that_ends_the_workers_again_is_given_once_more_and_no_more(monkeypatch):
    """The workers are not there: what becomes of them is given."""
    cluster = SimpleNamespace(prepared=[Given("fine"), Given("bad\nmore")], start=lambda _: None)

    def run(_, cell, **__):
        if cell.startswith("bad"):
            raise WorkerFailure(1, "was ended by SIGKILL")

    monkeypatch.setattr(retrying, "run_on_cluster", run)
    said = "rank 1 was ended by SIGKILL, as it was given again the cell  bad : it is left out from now on"
    with pytest.raises(WorkerFailure, match=said):
        retrying.start_again(cluster, "why", lambda: None, lambda _: None)
    assert cluster.prepared == [Given("fine")]


def test_what_is_refused_before_anything_runs():
    with pytest.raises(Refusal, match="every: expected epoch or a number of steps, because all workers"):
        cell_options(backup="b", every="30s")
    with pytest.raises(Refusal, match="retries: expected a directory from whose backups"):
        cell_options(retries=1)
    assert cell_options().retries == cell_options(backup="b", retries=0).retries == 0
    options = cell_options(backup="b", restart=True)
    assert (options.retries, options.fit.every) == (2, "epoch")
    assert "restart" in options.given
    assert "restart" not in options.again()


@pytest.fixture
def own_log(tmp_path):
    library.set_log(tmp_path / "runs.sqlite")
    yield
    library.set_log(None)


@costly
@pytest.mark.usefixtures("own_log")
def test_it_is_one_run_in_the_log(notebook, tmp_path):
    x = np.random.default_rng(1).random((90, 6)).astype("float32")
    push(notebook.cluster, {"x": x, "y": x.sum(axis=1, keepdims=True)})
    cell = CELL.replace("LAST", "13").replace("MARK", repr(str(tmp_path / "mark")))
    name = f"logged {notebook.line}"
    notebook.run(cell, backup=tmp_path / "backups", name=name)
    (run,) = [each for each in library.all() if each.name == name]
    assert (run.status, [event.step for event in run.events]) == ("finished", [10])
    assert run.history == get(notebook.cluster, "history", {})
    assert run.epoch_numbers("loss") == [1, 2, 3, 4]
    # That of before the break is there, too.
    assert run.steps("loss").steps[0] < 10 < run.steps("loss").steps[-1]
