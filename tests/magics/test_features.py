"""`%features`: what layers put out, as arrays, as a file, as a picture and as plain Keras code."""

from __future__ import annotations

import importlib
import re

import h5py
import numpy as np
import pytest
from IPython.core.error import UsageError

from nbkeras.models.outputs.features import Features
from nbkeras.widgets.features import LIMIT, features, features_bundle
from nbkeras.widgets.picture.page import size

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
X = np.random.default_rng(0).normal(size=(40, 6, 6, 3)).astype("float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def made(keras):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    base = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3, name="conv")], name="base")
    twice = layers.Dense(4, activation="relu", name="twice")
    x = inputs = keras.Input((6, 6, 3))
    for layer in (layers.Rescaling(0.5, name="scale"), base, layers.GlobalAveragePooling2D(), twice, twice):
        x = layer(x)
    return keras.Model(inputs, layers.Dense(2, name="end")(x), name="whole")


@pytest.fixture
def cell(shell, keras):
    shell.run_line_magic("load_ext", "nbkeras")
    shell.user_ns.update(model=made(keras), x=X, flat=X[:, 0])
    yield shell
    shell.run_line_magic("unload_ext", "nbkeras")


def test_the_magic_is_the_function(cell, tmp_path):
    expected = features(cell.user_ns["model"], ["conv", "twice", -1], X)
    found = cell.run_line_magic("features", "model conv twice -1 x --batch-size 16")
    assert list(found) == list(expected) == ["base/conv", "twice#1", "twice#2", "end"]
    for name, rows in expected.items():
        np.testing.assert_allclose(found[name], rows, atol=1e-6)
    stored = cell.run_line_magic("features", f"model twice#2 x --to '{tmp_path / 'kept.h5'}'")
    np.testing.assert_allclose(stored["twice#2"][3:9], expected["twice#2"][3:9], atol=1e-6)


@pytest.mark.parametrize("layers", ["scale end", "conv twice", "*"])
def test_the_code_gives_the_same_without_nbkeras(cell, capsys, monkeypatch, tmp_path, layers):
    # The code says `tensorflow.keras`, which is one line in a process.
    line = type(cell.user_ns["model"]).__module__.partition(".")[0]
    monkeypatch.setattr("tensorflow.keras", importlib.import_module(line))
    monkeypatch.chdir(tmp_path)
    expected = cell.run_line_magic("features", f"model {layers} x")
    for option in ("", "--to kept.h5"):
        cell.run_line_magic("features", f"model {layers} x --batch-size 16 {option} --code")
        code = capsys.readouterr().out
        assert "nbkeras" not in code
        assert ("keras.Model(" in code) == (layers == "scale end")
        names = {"model": cell.user_ns["model"], "x": X}
        exec(code, names)  # noqa: S102 - the code is what is tested
        if not option:
            assert sorted(names["features"]) == sorted(expected)
        for name, rows in expected.items():
            if option:
                with h5py.File("kept.h5") as file:
                    found = file[name.replace("/", ".")][:]
            else:
                found = names["features"][name]
            np.testing.assert_allclose(found, rows, atol=1e-6)


def test_the_code_numbers_uses_as_they_are_written(cell, keras, capsys, monkeypatch):
    monkeypatch.setattr("tensorflow.keras", keras)
    layers = keras.layers
    both, tower = keras.Input((2, 3)), layers.Dense(2, name="tower")
    parts = [tower(layers.Flatten()(layers.Cropping1D(cut)(both))) for cut in ((0, 1), (1, 0))]
    model = keras.Model(both, layers.Subtract()(parts[::-1]))
    cell.user_ns.update(model=model, pairs=X[:, 0, :2])
    expected = cell.run_line_magic("features", "model tower pairs")
    np.testing.assert_allclose(expected["tower#1"], tower(X[:, 0, 0]), atol=1e-6)
    cell.run_line_magic("features", "model tower pairs --code")
    names = {"model": model, "pairs": X[:, 0, :2]}
    exec(capsys.readouterr().out, names)  # noqa: S102 - the code is what is tested
    assert set(names["features"]) == {"tower#1", "tower#2"}
    for name, rows in expected.items():
        np.testing.assert_allclose(names["features"][name], rows, atol=1e-6)


def test_maps_and_histograms_are_shown_with_words_for_them(cell):
    found = features(cell.user_ns["model"], "*", X)
    cell.user_ns["model"].get_layer("end").bias.assign([np.nan, 0])
    # What a cell shows whose last line it is.
    bundle, _ = cell.display_formatter.format(found)
    html = bundle["text/html"]
    assert re.search(r'alt="Feature maps of base/conv: 4 of 4 channels, sample 0, -\d', html)
    assert 'alt="Histogram of the outputs of twice#2: mean' in html
    assert "image/png;base64" in html
    assert size(bundle) <= LIMIT
    line = next(each for each in bundle["text/plain"].splitlines() if each.startswith("twice#1"))
    dead = (found["twice#1"] == 0).all(0).sum()
    assert line.endswith(f"{dead} of 4")
    assert "NaN" in features_bundle(features(cell.user_ns["model"], "end", X))["text/plain"]
    # Half precision overflows; a layer may give one number, or complex ones.
    odd = {"inf": X * np.where(X > 2, np.inf, 1), "one": X[:, 0, 0, 0], "complex": X * 1j, "truth": X > 0}
    odd |= {"none": np.full((4, 2), np.nan), "all": np.full((4, 6, 6, 2), -np.inf)}
    shown = features_bundle(Features(odd, {"memory/cell": "is called in a loop"}))
    assert "left out: memory/cell, which is called in a loop" in shown["text/plain"]
    assert "left out: memory/cell" in shown["text/html"]
    assert next(each for each in shown["text/plain"].splitlines() if each.startswith("one")).endswith("-")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "expected a model, layers and data, received nothing: type  %features model conv1 x"),
        ("model x", "expected a model, layers and data, received model x"),
        ("model conv y", "expected a variable that holds data, received 'y'"),
        ("x conv x", "expected a built model, received ndarray"),
        ("model cnv x", "expected a layer of 'whole', received 'cnv': it has"),
        ("model conv x --to a.npz", "--to: expected a file that ends with .h5"),
        ("model twice#2 x --code", "--code: expected layers with all of their uses"),
        ("model conv model --to kept.h5", "expected arrays, received Functional: give NumPy arrays"),
        ("model conv flat", "expected data of 'whole', received some that it can't compute"),
        ("model conv x --to /proc/kept.h5", "--to: expected a folder that can be written to"),
    ],
)
def test_mistakes_are_one_line(cell, line, words):
    with pytest.raises(UsageError) as caught:
        cell.run_line_magic("features", line)
    assert words in str(caught.value)
    assert str(caught.value).startswith("%features: ")
    assert "\n" not in str(caught.value)
