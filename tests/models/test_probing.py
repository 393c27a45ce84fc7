"""Gradients by layer and by input are those that a tape gives by hand, and nothing is changed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import tensorflow as tf
from IPython.core.error import UsageError

import nbkeras
from nbkeras.models.probing.gradients import probe
from nbkeras.models.probing.saliency import saliency

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 6, 6, 3)).astype("float32")
Y = RANDOM.integers(0, 3, 40)


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def made(keras):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    inner = [keras.Input((6, 6, 3)), layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm")]
    base = keras.Sequential(inner, name="base")
    x = inputs = keras.Input((6, 6, 3))
    for layer in (base, layers.GlobalAveragePooling2D(), layers.Dropout(0.5, name="drop")):
        x = layer(x)
    end = layers.Dense(3, activation="softmax", kernel_regularizer="l2", name="end")
    model = keras.Model(inputs, end(x), name="whole")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_gradient_by_hand(keras):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="end")], name="whole")
    model.set_weights([np.array([[3.0], [4.0]]), np.array([1.0])])
    model.compile("sgd", "mse")
    x, y, weight = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0.0], [9.0]]), np.array([1.0, 0.5])
    # Residuals 4 and 0: by the kernel (2 * 4 / 2) * (1, 0), by the bias 4.
    found = probe(model, x, y)
    assert found.loss == pytest.approx(8)
    (end,) = found.layers
    assert (end.path, end.kind, end.gradient) == ("end", "Dense", pytest.approx(32**0.5))
    assert end.weights == pytest.approx(26**0.5)
    assert end.zeros == pytest.approx(1 / 3)
    assert probe(model, x, y, weight)["end"].gradient == pytest.approx(32**0.5)
    assert probe(model, x, y, weight * 2)["end"].gradient == pytest.approx(2 * 32**0.5)
    assert probe(model, x, y, batch_size=1).loss == pytest.approx(16)


def test_layers_of_a_nested_model_as_a_tape_has_them(keras):
    model = made(keras)
    model.get_layer("drop").rate = 0.0
    model.get_layer("base").get_layer("norm").trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    end, conv = model.get_layer("end"), model.get_layer("base").get_layer("conv")
    kernels = [
        getattr(each, "_value", each) for each in (*conv.trainable_variables, *end.trainable_variables)
    ]
    with tf.GradientTape() as tape:
        chance = tf.gather(model(X[:32], training=True), Y[:32], batch_dims=1)
        loss = -tf.reduce_mean(tf.math.log(chance)) + 0.01 * tf.reduce_sum(kernels[2] ** 2)
    gradients = tape.gradient(loss, kernels)
    found = probe(model, tf.data.Dataset.from_tensor_slices((X, Y)).batch(32))
    assert [each.path for each in found.layers] == ["base/conv", "base/norm", "end"]
    assert found.loss == pytest.approx(float(loss), rel=1e-5)
    assert found["base/conv"].gradient == pytest.approx(float(tf.linalg.global_norm(gradients[:2])), rel=1e-4)
    assert found["end"].gradient == pytest.approx(float(tf.linalg.global_norm(gradients[2:])), rel=1e-4)
    assert found["base/norm"].gradient is None
    assert "frozen" in repr(found)


def test_saliency_is_the_gradient_of_the_class_s_score(keras):
    model = made(keras)
    batch = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        score = tf.reduce_sum(model(batch, training=False)[:, 2])
    expected = tape.gradient(score, batch).numpy()
    np.testing.assert_allclose(saliency(model, X, 2, batch_size=16), expected, atol=1e-6)
    best = np.asarray(model(X, training=False)).argmax(-1)
    np.testing.assert_allclose(saliency(model, X)[best == 2], expected[best == 2], atol=1e-6)
    np.testing.assert_allclose(saliency(model, X, best), saliency(model, X), atol=1e-7)


def test_nothing_of_the_model_is_changed(keras):
    model = made(keras)
    model.fit(X, Y, verbose=0)
    held = [*model.variables, *(model.optimizer.variables() if keras.__name__ == "tf_keras" else [])]
    held += [each for metric in model.metrics for each in metric.variables]
    before = [each.numpy() for each in held]
    probe(model, X, Y)
    saliency(model, X)
    for old, new in zip(before, held, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_several_outputs_that_were_never_trained(keras):
    inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((2,), name="b")}
    low = keras.layers.Dense(4, name="low")(keras.layers.concatenate(list(inputs.values())))
    ends = {"p": keras.layers.Dense(1, name="p")(low), "q": keras.layers.Dense(2, name="q")(low)}
    model = keras.Model(inputs, ends)
    model.compile("adam", {"p": "mse", "q": "mae"}, loss_weights={"p": 1.0, "q": 0.5}, metrics={"p": ["mae"]})
    x, y = {"a": X[:, 0, 0], "b": X[:, 0, 1, :2]}, {"p": X[:, 0, 2, :1], "q": X[:, 0, 2, 1:]}
    found = probe(model, x, y, batch_size=40)
    outputs = model(x)
    by_hand = np.mean((outputs["p"] - y["p"]) ** 2) + 0.5 * np.mean(np.abs(outputs["q"] - y["q"]))
    assert found.loss == pytest.approx(float(by_hand), rel=1e-5)
    assert [each.path for each in found.layers] == ["low", "p", "q"]
    # It trains as one that was never looked at.
    history = model.fit(x, y, verbose=0, shuffle=False, batch_size=40).history
    assert history["loss"][0] == pytest.approx(found.loss, rel=1e-5)


def test_a_model_that_is_all_frozen_and_one_that_breaks(keras):
    model = made(keras)
    model.trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert {each.gradient for each in probe(model, X, Y).layers} == {None}
    broken = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="end")])
    broken.compile("sgd", "mse")
    found = probe(broken, np.full((4, 2), np.nan), np.zeros((4, 1)))
    assert np.isnan(found["end"].gradient)
    assert "nan" in repr(found).lower()


@pytest.mark.costly
def test_a_model_under_a_strategy(keras):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = made(keras)
    np.testing.assert_allclose(saliency(model, X, 2), saliency(made(keras), X, 2), atol=1e-6)
    if keras.__name__ == "tf_keras":
        with pytest.raises(nbkeras.Refusal, match="received 'whole' of MirroredStrategy: make it outside"):
            probe(model, X, Y)
    else:
        plain = made(keras)
        for each in (model, plain):
            each.get_layer("drop").rate = 0.0
        expected = probe(plain, X, Y)["end"].gradient
        assert probe(model, X, Y)["end"].gradient == pytest.approx(expected, rel=1e-5)


def test_what_has_no_gradient_is_refused(keras):
    model = made(keras)
    bare = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="bare")
    told = {
        "received 'bare', which is not compiled": lambda: probe(bare, X, Y),
        "expected a built model, received ndarray": lambda: probe(X, X, Y),
        "received no targets: give  x, y": lambda: probe(model, X),
        "give what  model.fit  takes": lambda: probe(model, X[:, 0], Y),
        "expected a class from 0 to 2, received 5": lambda: saliency(model, X, 5),
        "expected inputs with fractions, received int64": lambda: saliency(model, Y),
        "received outputs of shape": lambda: saliency(model.get_layer("base"), X),
        "for each of 40 samples, received int64 of shape (3,)": lambda: saliency(model, X, [1, 2, 0]),
        "received float64 of shape (): type  y[:40]": lambda: saliency(model, X, 1.5),
        "expected one array of inputs, received a list": lambda: saliency(model, [X, X]),
        "give what  model.predict  takes": lambda: saliency(model, X[:, 0]),
    }
    for words, call in told.items():
        with pytest.raises(nbkeras.Refusal) as caught:
            call()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_magic_above_a_cell_shows_before_and_after(keras, shell, capsys):
    shell.run_line_magic("load_ext", "nbkeras")
    model = made(keras)
    shell.user_ns.update(x=X, y=Y, made=lambda: model)
    # The cell makes the model: there is no before.
    shell.run_cell_magic("probe", "model x y", "model = made()")
    assert "before" not in capsys.readouterr().out
    old = probe(model, X, Y)
    cell = "kernel, bias = model.get_layer('end').get_weights()\n"
    cell += "model.get_layer('end').set_weights([kernel * 3, bias])\n'done'"
    assert shell.run_cell_magic("probe", "model x y --saliency", cell) == "done"
    said = capsys.readouterr().out
    row = next(each for each in said.splitlines() if each.startswith("end")).split()
    assert row[2:4] == [f"{old['end'].weights:.3g}", f"{probe(model, X, Y)['end'].weights:.3g}"]
    assert "before the cell" in said
    for line, words in (
        ("", "expected a model and its data, received nothing: type  %probe model x y"),
        ("model y x --saliency", "--saliency: expected images, received 'y'"),
        ("model nothing", "expected a variable of the notebook, received 'nothing'"),
    ):
        with pytest.raises(UsageError, match=r"^%probe: ") as caught:
            shell.run_line_magic("probe", line)
        assert words in str(caught.value)
    shell.run_line_magic("unload_ext", "nbkeras")
