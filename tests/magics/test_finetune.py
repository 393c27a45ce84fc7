"""``%finetune``: its words, its plan, its code, and the way back."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from IPython.core.error import UsageError

import nbkeras
from nbkeras.magics.config import NBKeras
from nbkeras.magics.finetune import FinetuneMagics

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(48, 6)).astype("float32")
Y = np.arange(48) % 3


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(request.param == "tf_keras")))
    return importlib.import_module(request.param)


def made(keras):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    base = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(4, name="low"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(4, name="high"),
        ],
        name="base",
    )
    parts = [base, layers.Dropout(0.3), layers.Dense(3, name="head")]
    model = keras.Sequential([keras.Input((6,)), *parts], name="net")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01, beta_1=0.8), loss, metrics=["accuracy"])
    return model


@pytest.fixture
def magic(keras, shell):
    shell.user_ns.update(model=made(keras), x=X, y=Y, keras=keras)
    return FinetuneMagics(shell, NBKeras()).finetune


STAGES = "--stages head:2,high:1,all:2 --rates 1e-2,1e-3,1e-4"


def weights(model):
    return [np.array(each) for each in model.get_weights()]


def run(code, space):
    """Run code as a cell, on the line that the test is of: this process has both."""
    exec(code.replace("from tensorflow import keras", ""), space)  # noqa: S102 - what a user would run


def same(one, other):
    return all((a == b).all() for a, b in zip(one, other, strict=True))


@pytest.mark.costly("tf_keras")
def test_the_code_trains_as_the_magic_does_bit_for_bit(keras, magic, shell, capsys):
    line = f"model x y {STAGES} --early-stopping 1 --validation-split 0.25 --batch-size 12 --no-cache"
    magic(f"{line} --code")
    code = capsys.readouterr().out
    assert "nbkeras" not in code
    assert "computes the base's outputs once" not in code
    before = weights(shell.user_ns["model"])
    keras.utils.set_random_seed(5)
    result = magic(line)
    plain = made(keras)
    assert same(before, weights(plain))
    keras.utils.set_random_seed(5)
    run(code, {"model": plain, "x": X, "y": Y, "keras": keras})
    assert not same(before, weights(plain))
    assert same(weights(result.model), weights(plain))
    magic("model --undo")
    assert same(before, weights(shell.user_ns["model"]))
    capsys.readouterr()


@pytest.mark.costly
@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_the_code_says_what_the_magic_computes_once(keras, magic, shell, capsys):
    magic("model x y --stages head:2 --code")
    code = capsys.readouterr().out
    assert "Where the head trains alone, %finetune computes the base's outputs once." in code
    keras.utils.set_random_seed(5)
    result = magic("model x y --stages head:2")
    assert "stage 1: the outputs of 'base' are computed once (--no-cache)" in capsys.readouterr().out
    plain = made(keras)
    keras.utils.set_random_seed(5)
    run(code, {"model": plain, "x": X, "y": Y, "keras": keras})
    for ours, theirs in zip(weights(result.model), weights(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_a_fine_tuned_model_is_fine_tuned_again(keras, magic, shell, capsys):
    magic("model x y --stages all:1 --depth-factor 0.1")
    assert "layer_rates" in repr(magic("model x y --stages all:1").plan)
    magic("model x y --stages all:1 --depth-factor 0.1")
    magic("model x y --stages all:1 --code")
    code = capsys.readouterr().out.rpartition("def walk")[2]
    run("def walk" + code, {"model": shell.user_ns["model"], "x": X, "y": Y, "keras": keras})
    assert type(shell.user_ns["model"].optimizer) is keras.optimizers.Adam


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_the_loop_s_code_trains_what_the_stages_say(keras, magic, shell, capsys):
    magic("model x y --stages head:1,high:2 --rates 1e-2 --code --loop")
    code = capsys.readouterr().out
    assert "GradientTape" in code
    model = shell.user_ns["model"]
    layers = [*model.get_layer("base").layers, model.get_layer("head")]
    before = {each.name: weights(each) for each in layers}
    run(code, {"model": model, "x": X, "y": Y, "keras": keras})
    assert capsys.readouterr().out.count("loss") == 3
    moved = {each.name for each in layers if not same(before[each.name], weights(each))}
    assert moved == {"high", "head"}


def test_augmentation_and_depth_are_in_the_code(keras, magic, shell, capsys):
    shell.user_ns["noise"] = keras.layers.GaussianNoise(0.1)
    line = "model x y --stages all:1 --depth-factor 0.1 --augmentation noise --validation-split 0.25 --code"
    if keras.__name__ == "tf_keras":
        with pytest.raises(UsageError, match="type  --depth-factor 1"):
            magic(line)
        line = line.replace("0.1 ", "1 ", 1)
    magic(line)
    code = capsys.readouterr().out
    model = shell.user_ns["model"]
    before = weights(model)
    space = {"model": model, "x": X, "y": Y, "noise": shell.user_ns["noise"], "keras": keras}
    run(code, space)
    assert not same(before, weights(model))
    assert "training=True" in code


def test_the_plan_is_shown_and_nothing_is_trained(magic, shell, capsys):
    model = shell.user_ns["model"]
    before = weights(model)
    magic(f"model x y {STAGES} --plan")
    shown = capsys.readouterr().out
    assert "head and base from high up" in shown
    assert "in all, by a few steps of each stage" in shown
    assert same(before, weights(model))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("model", "expected data, x and y or a dataset, received none"),
        ("model x z", "a variable that holds data, received 'z'"),
        ("model x y --stages head", "--stages: expected UNFREEZE:EPOCHS with commas, received 'head'"),
        ("model x y --stages nothing:1 --plan", "or a block or layer of 'base'"),
        ("model x y --rates 1,2,3", "--rates: expected one for each of 2 stages, received 3"),
        ("model x y --rates fast", "--rates: expected numbers with commas"),
        ("model x y --loop", "expected --code beside it"),
        ("model --undo", "that fine_tune has trained here"),
        ("model x y --base bas --plan", "--base: expected a layer of 'net'"),
        ("x x y", "expected a Keras model, received ndarray"),
    ],
)
def test_what_cannot_be_meant_is_one_line(magic, line, words):
    with pytest.raises(UsageError) as caught:
        magic(line)
    assert words in str(caught.value)
    assert str(caught.value).startswith("%finetune: ")
    assert "\n" not in str(caught.value)


def test_the_python_behind_it_is_public():
    assert nbkeras.fine_tune.__module__ == "nbkeras.training.fine_tuning.fine_tune"


def test_code_that_would_not_train_the_same_is_refused(keras, magic, shell):
    def own(true, predicted):
        return keras.losses.sparse_categorical_crossentropy(true, predicted, from_logits=True)

    model = shell.user_ns["model"]
    model.compile("adam", own)
    with pytest.raises(UsageError, match="register_keras_serializable") as caught:
        magic("model x y --stages head:1 --code")
    assert "\n" not in str(caught.value)
    # A base that was loaded may have a layer of the name that the new head has.
    twin = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, name="head")], name="base")
    model = keras.Sequential([keras.Input((6,)), twin, keras.layers.Dense(3, name="head")])
    model.compile("adam", "mse")
    shell.user_ns["model"] = model
    with pytest.raises(UsageError, match="'head', two of this name"):
        magic("model x y --stages head:1 --code")


def test_options_of_the_cell_that_do_nothing_are_named(magic):
    with nbkeras.fitting(epochs=7, csv="log.csv", quiet=True) as session:
        result = magic("model x y --stages head:1")
    assert "--epochs, --csv of the cell not used: fine_tune has options of its own" in result.run.notes
    assert result.run.progress.epochs == 1
    assert session.runs == []


def test_alone_it_is_the_form(magic, capsys):
    magic("")
    assert capsys.readouterr().out.startswith(nbkeras.recipes.get("fine_tune").question)
