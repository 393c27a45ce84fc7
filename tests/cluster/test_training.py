"""Two workers train as one process does with the same global batch, an uneven last batch and all."""

from __future__ import annotations

import importlib
import textwrap

import numpy as np
import pytest

from nbkeras.training.on_cluster.exchanging import get, push

DATA = """
numbers = np.random.default_rng(1)
x = numbers.random((90, 6)).astype("float32")
y = x.sum(axis=1, keepdims=True)
"""
# The last batch of each has 7, 15 or 17 samples, which two workers can't share evenly.
CASES = {
    "dense, validation, an uneven last batch": """
        x, y = x[:89], y[:89]
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, validation_split=0.2, verbose=0)
        """,
    "convolution, synchronised batch normalization": """
        layers = keras.layers
        model = keras.Sequential([
            keras.Input((6, 1)), layers.Conv1D(4, 3), layers.BatchNormalization(synchronized=True),
            layers.ReLU(), layers.Flatten(), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse")
        history = model.fit(x[:79, :, None], y[:79], batch_size=16, epochs=2, shuffle=False, verbose=0)
        """,
    "inputs by name, sample weights": """
        left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
        joined = keras.layers.Concatenate()([left, right])
        model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(joined))
        model.compile("sgd", "mse", weighted_metrics=["mae"])
        history = model.fit(
            {"left": x[:89, :3], "right": x[:89, 3:]}, y[:89], sample_weight=np.linspace(0, 1, 89),
            batch_size=18, epochs=2, shuffle=False, verbose=0)
        """,
}


def agree(notebook, alone):
    """Compare what workers have come to with what the same cell has in one process."""
    for ours, theirs in zip(get(notebook.cluster, "weights", {}), alone["model"].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    losses = get(notebook.cluster, "losses", {})
    for metric, values in alone["history"].history.items():
        np.testing.assert_allclose(losses[metric], values, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_workers_agree_with_each_other_and_with_one_process(notebook, name):
    cell = f"{DATA}keras.utils.set_random_seed(3)\n{textwrap.dedent(CASES[name])}"
    alone = {"np": np, "keras": importlib.import_module(notebook.line)}
    exec(cell, alone)  # noqa: S102 - the very code of the cell
    (run,) = notebook.run(f"{cell}\nweights = model.get_weights()\nlosses = history.history", pad=True)
    assert any(
        "goes whole to each of the 2 replicas, and counts once, by --pad" in each for each in run.notes
    )
    digest = "__import__('hashlib').sha256(b''.join(each.tobytes() for each in weights)).hexdigest()"
    assert len(set(notebook.value(digest))) == 1
    agree(notebook, alone)
    assert run.status == "finished"
    assert run.history == get(notebook.cluster, "losses", {})


def test_batches_that_are_shared_evenly_need_no_padding(notebook):
    case = textwrap.dedent(next(iter(CASES.values())))
    cell = f"{DATA}keras.utils.set_random_seed(3)\n{case}"
    cell = cell.replace("x[:89], y[:89]", "x[:80], y[:80]")
    alone = {"np": np, "keras": importlib.import_module(notebook.line)}
    exec(cell, alone)  # noqa: S102 - the very code of the cell
    notebook.run(f"{cell}\nweights = model.get_weights()\nlosses = history.history")
    agree(notebook, alone)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_variables_and_models_go_both_ways(notebook):
    keras = importlib.import_module(notebook.line)
    x = np.arange(24, dtype="float32").reshape(8, 3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.predict(x, verbose=0)
    push(notebook.cluster, {"x": x, "model": model, "words": {"a": [1, None]}})
    assert notebook.value("(x.shape, words)") == [((8, 3), {"a": [1, None]})] * 2
    notebook.run("model.fit(x, x[:, :1] * 100, batch_size=4, verbose=0)")
    trained = get(notebook.cluster, "model", {})
    assert type(trained).__name__ == "Sequential"
    assert np.abs(trained.predict(x, verbose=0) - before).max() > 1
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_history_comes_with_its_model(notebook):
    """On tf_keras the statistics of the normalization are read by all workers together."""
    cell = """
    model = keras.Sequential([keras.Input((6,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(x, y, batch_size=18, verbose=0)
    """
    (run,) = notebook.run(DATA + textwrap.dedent(cell))
    history = get(notebook.cluster, "history", {})
    assert history.history == run.history
    assert history.model.count_params() == 31


def test_files_of_callbacks_are_written_once(notebook, tmp_path):
    cell = f"""
    from pathlib import Path
    folder = Path({str(tmp_path)!r})
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    best = keras.callbacks.ModelCheckpoint(str(folder / "best.keras"))
    log = keras.callbacks.CSVLogger(str(folder / "log.csv"))
    model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[best, log])
    model.save(folder / "end.keras")
    model.save_weights(str(folder / "end.weights.h5"))
    """
    notebook.run(DATA + textwrap.dedent(cell))
    names = ["best.keras", "end.keras", "end.weights.h5", "log.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    keras = importlib.import_module(notebook.line)
    assert keras.models.load_model(tmp_path / "best.keras").count_params() == 7
    loaded = keras.models.load_model(tmp_path / "end.keras")
    before = loaded.get_weights()
    loaded.load_weights(tmp_path / "end.weights.h5")
    assert all(map(np.array_equal, before, loaded.get_weights()))


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_files_are_read_back(notebook, tmp_path):
    """In the same cell, where rank 0 may write yet, in a later one, and after somebody else has written."""
    # tf_keras 2.21 reads no .weights.h5 with an optimizer under a strategy; its own format is several files.
    name = "best.weights.h5" if notebook.line == "keras" else "best"
    cell = f"""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    weights = {str(tmp_path / name)!r}
    best = keras.callbacks.ModelCheckpoint(weights, save_weights_only=True)
    model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[best])
    expected = [each.copy() for each in model.get_weights()]
    model.set_weights([each * 0 for each in expected])
    model.load_weights(weights)
    assert all(map(np.array_equal, expected, model.get_weights()))
    path = {str(tmp_path / "end.keras")!r}
    import zipfile
    closes = zipfile.ZipFile.close
    zipfile.ZipFile.close = lambda self: (time.sleep(0.5 * (rank == 0)), closes(self))
    model.save(path)
    zipfile.ZipFile.close = closes
    from {notebook.line}.models import load_model
    loaded = load_model(path)
    assert all(map(np.array_equal, expected, loaded.get_weights()))
    import tensorflow as tf
    folder = os.path.dirname(path)
    loaded = tf.keras.models.load_model(os.path.join(folder, "..", os.path.basename(folder), "end.keras"))
    loaded.fit(x, y, batch_size=16, verbose=0)
    """
    notebook.run(DATA + textwrap.dedent(cell))
    assert notebook.value("float(keras.models.load_model(path).get_weights()[0].sum()) != 0") == [True, True]
    keras = importlib.import_module(notebook.line)
    model = keras.models.load_model(tmp_path / "end.keras")
    model.set_weights([each * 0 for each in model.get_weights()])
    model.save(tmp_path / "end.keras")
    assert notebook.value("float(load_model(path).get_weights()[0].sum())") == [0.0, 0.0]
