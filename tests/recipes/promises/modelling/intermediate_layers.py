"""Each output is what one gets by calling the layers by hand; nothing is copied."""

import numpy as np

SETUP = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
samples = np.random.default_rng(1).normal(size=(10, 4)).astype("float32")
data = tf.data.Dataset.from_tensor_slices((samples, samples)).batch(4)
base_input = keras.Input((4,))
deep = keras.layers.Dense(3, "relu", name="deep")
deeper = keras.layers.Dense(2, name="deeper")
base = keras.Model(base_input, deeper(deep(base_input)), name="base")
inputs = keras.Input((4,))
last = keras.layers.Dense(1, name="last")
mine = keras.Model(inputs, last(base(inputs)))
"""

OWN = [
    ({"model": "mine", "x": "data", "layers": ("base/deep", "base/deeper")}, SETUP),
    ({"model": "mine", "x": "samples", "layers": ("last",), "way": "call"}, SETUP),
]


def kept(values, variables, line):
    features, extractor = variables["features"], variables["extractor"]
    model = variables[values["model"] or "model"]
    expected = by_hand(values, variables, model)
    names = [path.rpartition("/")[2] for path in values["layers"]]
    assert set(features) == set(names)
    for name in names:
        assert isinstance(features[name], np.ndarray) == (values["way"] == "predict")
        np.testing.assert_allclose(features[name], expected[name], rtol=1e-4, atol=1e-5)
    if values["model"]:
        a_nested_model_is_refused(values, variables)
    # The weights are the model's own, at any time.
    assert {id(w) for w in extractor.weights} <= {id(w) for w in model.weights}
    if values["way"] == "call":
        gradients_pass(values, variables, extractor, names)


def by_hand(values, variables, model):
    """Compute the layers' outputs one after the other, with NumPy."""
    if values["model"]:
        x, layers = variables["samples"], ["deep", "deeper", "last"]
        functions = [lambda z: np.maximum(z, 0), lambda z: z, lambda z: z]
    else:
        x, layers = variables["x"], ["first", "second", "output"]
        functions = [lambda z: np.maximum(z, 0), np.tanh, lambda z: 1 / (1 + np.exp(-z))]
    found = {}
    for name, function in zip(layers, functions, strict=True):
        kernel, bias = (variables[name] if values["model"] else model.get_layer(name)).get_weights()
        x = found[name] = function(x @ kernel + bias)
    return found


def gradients_pass(values, variables, extractor, names):
    import tensorflow as tf

    x = tf.Variable(variables["samples" if values["model"] else "x"])
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(extractor(x, training=False)[names[0]])
    assert np.abs(tape.gradient(out, x).numpy()).max() > 0


def a_nested_model_is_refused(values, variables):
    from nbkeras import recipes
    from nbkeras.recipes.notebook import Notebook

    recipe = recipes.get("intermediate_layers")
    asked = {**values, "layers": ("last", "base")}
    (problem,) = recipe.problems(asked, Notebook(variables)).values()
    assert problem.endswith("its last layer is base/deeper")
