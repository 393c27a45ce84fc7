"""Layers compute in 16 bits on float32 weights, the output is float32, and training is that of float32."""

import contextlib
import io

import numpy as np
import tensorflow as tf
from tensorflow import keras

from nbkeras import recipes

OWN = [
    (
        {"model": "mine", "x": "inputs", "y": "targets", "policy": policy},
        """
import numpy as np
from tensorflow import keras
inputs, targets = np.eye(16, 4, dtype="float32"), np.ones((16, 1))
inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="deep")], name="inner")
entry = keras.Input((4,))
hidden = inner(keras.layers.Dense(4, activation="relu", name="hidden")(entry))
mine = keras.Model(entry, keras.layers.Dense(1, name="output")(hidden))
mine.compile(keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])
""",
    )
    for policy in ("mixed_float16", "mixed_bfloat16")
]
# Layers within layers, an end within a model, and a table that is no weight.
TEXTS = """
import tensorflow as tf
from tensorflow import keras
words = keras.layers.TextVectorization(output_sequence_length=4)
words.adapt(["a b c", "d e"])
texts = tf.data.Dataset.from_tensor_slices((["a b", "d"] * 8, [0, 1] * 8)).batch(4)
parts = [words, keras.layers.Embedding(9, 4)]
parts += [keras.layers.TimeDistributed(keras.layers.Dense(4), name="each")]
parts += [keras.layers.Bidirectional(keras.layers.LSTM(3), name="both")]
end = keras.layers.Dense(2, activation="softmax", name="end")
head = keras.Sequential([keras.Input((6,)), end], name="head")
mine = keras.Sequential([keras.Input((), dtype="string"), *parts, head])
mine.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
"""
OWN += [({"model": "mine", "x": "texts", "epochs": 2}, TEXTS)]


def before(values, variables):
    keras.utils.set_random_seed(0)
    return [weight.copy() for weight in variables["mine"].get_weights()] if values["model"] else None


def kept(values, variables, line):
    model = variables["mixed_model" if values["model"] else "model"]
    if values["x"] == "texts":
        reaches_all(model, variables["mine"])
        return
    x = variables["inputs" if values["model"] else "x"]
    policy, short = values["policy"], values["policy"].removeprefix("mixed_")
    assert keras.mixed_precision.global_policy().name == ("float32" if values["reset"] else policy)
    hidden = [model.get_layer("hidden")]
    if values["model"]:
        hidden.append(model.get_layer("inner").get_layer("deep"))
    assert {layer.compute_dtype for layer in hidden} == {short}
    assert tf.as_dtype(hidden[0](x[:2]).dtype).name == short
    assert {np.dtype(weight.dtype).name for weight in map(np.asarray, model.get_weights())} == {"float32"}
    assert model.get_layer("output").compute_dtype == "float32"
    assert model.predict(x[:2], verbose=0).dtype == np.float32

    optimizer = variables.get("optimizer") or model.optimizer
    assert ("LossScale" in type(optimizer).__name__) == (policy == "mixed_float16")
    if values["model"]:
        for was, weight in zip(variables["before"], variables["mine"].get_weights(), strict=True):
            np.testing.assert_array_equal(was, weight)
    learns_as_float32_does(values, variables, model, line)


def reaches_all(model, mine):
    both = model.get_layer("both")
    inner = [model.get_layer("each").layer, both.forward_layer, both.backward_layer]
    assert {layer.compute_dtype for layer in inner} == {"float16"}
    assert model.get_layer("head").get_layer("end").compute_dtype == "float32"
    texts = tf.constant(["a b", "d e"])
    assert model.predict(texts, verbose=0).dtype == np.float32
    mine.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(texts, verbose=0), mine.predict(texts, verbose=0), atol=0.01)


def learns_as_float32_does(values, variables, model, line):
    again = {name: variables[name] for name in ("inputs", "targets", "mine") if name in variables}
    before(values, again)
    # The code for bfloat16 scales no loss.
    code = recipes.get("mixed_precision").code(line=line, **{**values, "policy": "mixed_bfloat16"})
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code.replace("mixed_bfloat16", "float32"), "<again>", "exec"), again)  # noqa: S102
    alone = again["mixed_model" if values["model"] else "model"]
    assert alone.get_layer("hidden").compute_dtype == "float32"
    for ours, its in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(ours, its, atol=0.02)
