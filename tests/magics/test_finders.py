"""``%lr_find`` and ``%batch_size_find``: what they show, print and refuse."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

import nbkeras
from nbkeras.runtime import frontend
from nbkeras.training.batch_sizes.found import BatchSizesFound
from nbkeras.training.batch_sizes.trials import Size
from nbkeras.training.rate_finder.found import RatesFound
from nbkeras.widgets.finders import rate_view, sizes_picture
from nbkeras.widgets.finders.rate_view import RateView

X = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


@pytest.fixture
def notebook(shell):
    import keras

    shell.run_line_magic("load_ext", "nbkeras")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)], name="line")
    model.compile(keras.optimizers.SGD(0.5), "mse")
    shell.user_ns.update(model=model, x=X, y=Y)
    yield shell
    shell.run_line_magic("unload_ext", "nbkeras")


def test_a_test_is_shown_and_its_code_printed(notebook):
    with capture_output() as shown:
        notebook.run_line_magic("lr_find", "model x y --start 1e-4 --steps 40 --batch-size 16")
    (output,) = shown.outputs
    assert "suggested: valley" in output.data["text/plain"]
    assert '<img src="data:image/svg+xml;base64,' in output.data["text/html"]
    assert 'alt="Chart of loss by learning rate by rate: smooth loss from' in output.data["text/html"]
    assert float(notebook.user_ns["model"].optimizer.learning_rate) == 0.5
    with capture_output() as shown:
        notebook.run_line_magic("lr_find", "model x y --end 1 --code")
    assert "model.fit(x, y, epochs=100, verbose=0, callbacks=[test])" in shown.stdout
    assert "np.geomspace(1e-07, 1, 100)" in shown.stdout


@pytest.mark.parametrize(
    ("magic", "line", "said"),
    [
        (
            "lr_find",
            "model",
            "expected a model, its inputs and its targets, received model: type  %lr_find model",
        ),
        ("lr_find", "model x z", "expected a variable of the notebook, received 'z': %who shows them"),
        ("lr_find", "x y", "expected a compiled model, received a ndarray: give it first"),
        ("lr_find", "model x y --start 1 --end 0.1", "start, end: expected two rates above 0"),
        ("lr_find", "model x y --smoothing 1", "--smoothing: expected 0 to below 1, received 1.0"),
        ("lr_find", "model x y --start soon", "expected a number such as 1e-6, received 'soon'"),
        ("batch_size_find", "", "expected a model, its inputs and its targets, received nothing"),
        ("batch_size_find", "model x y --max-memory much", "--max-memory: expected memory such as"),
        ("batch_size_find", "x y", "expected a compiled model, received a ndarray"),
    ],
)
def test_refusals_are_one_line(notebook, magic, line, said):
    with pytest.raises(UsageError) as refused:
        notebook.run_line_magic(magic, line)
    assert str(refused.value).startswith(f"%{magic}: {said}")
    assert "\n" not in str(refused.value)


def test_the_code_of_a_search_is_printed(notebook):
    with capture_output() as shown:
        notebook.run_line_magic("batch_size_find", "model x y --smallest 16 --max-memory 2GB --code")
    compile(shown.stdout, "code", "exec")
    assert "tf.data.Dataset.from_tensor_slices((x[:32], y[:32])).save(" in shown.stdout
    assert "setrlimit(resource.RLIMIT_DATA, (2147483648, 2147483648))" in shown.stdout
    assert "size, fits, too_large, end = 16, 0, None, time.monotonic() + 60" in shown.stdout
    assert "size = min(2 * size, 128)" in shown.stdout
    with capture_output() as shown:
        notebook.run_line_magic("lr_find", "model x y --sample-weight y --code")
    assert "model.fit(x, y, sample_weight=y, epochs=100," in shown.stdout


@pytest.mark.costly
# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_the_code_of_a_search_searches(notebook, line, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(line == "tf_keras")))
    keras = importlib.import_module(line)
    layers = [keras.layers.Input((4,)), keras.layers.RepeatVector(1_000_000)]
    model = keras.Sequential([*layers, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    notebook.user_ns["model"] = model
    options = "--smallest 16 --largest 512 --max-memory 4GB --max-time 150s --code"
    with capture_output() as code:
        notebook.run_line_magic("batch_size_find", f"model x y {options}")
    with capture_output() as shown:
        notebook.run_cell(code.stdout).raise_error()
    first, last = shown.stdout.splitlines()[0], shown.stdout.splitlines()[-1]
    assert first.startswith("16: ")
    # Each sample takes 16 MB more than once.
    assert 16 <= int(last.removeprefix("largest that fits: ")) < 256


def found(model):
    rates = tuple(np.geomspace(1e-4, 1.0, 30))
    losses = tuple(1 / (1 + 50 * rate) + rate**2 for rate in rates)
    suggestions = {"valley": rates[10], "steepest": rates[12], "minimum/10": rates[15]}
    return RatesFound(model, rates, losses, losses, suggestions, "all rates were tried", 2.0)


def test_the_buttons_use_what_they_say(notebook, monkeypatch):
    """Without a kernel widgets have no front end; their clicks are those of one."""
    model = notebook.user_ns["model"]
    view = RateView(found(model))
    assert list(view.buttons) == ["valley", "steepest", "minimum/10"]
    view.buttons["steepest"].click()
    assert float(model.optimizer.learning_rate) == pytest.approx(view._found.suggestions["steepest"])
    assert view.message.value == '<div role="status">learning rate of line: 0.5 → 0.00452</div>'
    view.rates.value = 0
    assert "rate 1.00e-04: loss 0.9950 smooth" in view._said.value
    view._own.click()
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-4)
    model.optimizer = None
    view.buttons["valley"].click()
    assert "expected a compiled model, received &#x27;line&#x27;" in view.message.value
    # In a kernel, the widget goes with what stays in the file.
    monkeypatch.setattr(rate_view, "in_kernel", lambda: True)
    shown = rate_view.bundle(found(model))
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(shown)


def test_sizes_are_a_table_and_a_curve():
    assert not frontend.in_kernel()
    sizes = tuple(
        Size(size, size / rate, size * 2**20) for size, rate in ((8, 900.0), (16, 1700.0), (32, 1710.0))
    )
    nbkeras.batch_size_find  # noqa: B018 - its view is installed when it is first used
    shown = BatchSizesFound(sizes, 64, "batches of 64 ran out of memory", 4.0)._repr_mimebundle_()
    assert shown == sizes_picture.sizes_bundle(
        BatchSizesFound(sizes, 64, "batches of 64 ran out of memory", 4.0)
    )
    assert "<b>1,700</b>" in shown["text/html"]
    assert "*16" in shown["text/plain"]
    assert sizes_picture.sizes_bundle(BatchSizesFound((), 8, "batches of 8 ran out of memory", 1.0))[
        "text/html"
    ]
