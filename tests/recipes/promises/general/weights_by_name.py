"""Just the layers with a namesake of the same shapes have its weights; all others are as they were."""

import numpy as np

MODELS = """
from tensorflow import keras
L = keras.layers
inner = keras.Sequential([keras.Input((4,)), L.Dense(4, name="deep")], name="inner")
old = keras.Sequential([keras.Input((3,)), L.Dense(4, name="a"), inner, L.BatchNormalization(name="b")])
old.get_layer("b").set_weights([w + 3 for w in old.get_layer("b").get_weights()])
inputs = keras.Input((3,))
hidden = L.Dense(4, name="a")(inputs)
hidden = L.Dense(4, name="new")(hidden)
hidden = L.Dense(4, name="deep")(hidden)
mine = keras.Model(inputs, L.BatchNormalization(name="b")(L.Dense(4, use_bias=False, name="c")(hidden)))
"""
OWN = [
    ({"source": "old", "target": "mine"}, MODELS),
    ({"of": "file", "target": "mine"}, MODELS + "old.save('model.keras')"),
    ({"of": "file", "file": "old.h5", "target": "mine", "freeze": True}, MODELS + "old.save('old.h5')"),
]
EXPECTED = {"a": True, "new": False, "deep": True, "c": False, "b": True}


def before(values, variables):
    if values["target"]:
        return {layer.name: layer.get_weights() for layer in variables["mine"].layers}
    return None


def kept(values, variables, line):
    target = variables[values["target"] or "target"]
    expected = EXPECTED if values["target"] else {"hidden": True, "between": False, "output": False}
    assert {name: what == "loaded" for name, what in variables["outcome"].items()} == expected
    for layer in target.layers:
        if layer.name not in expected:
            continue
        loaded = expected[layer.name]
        assert layer.trainable == (not (loaded and values["freeze"]))
        if loaded:
            assert _same(layer.get_weights(), variables["given"][layer.name])
        elif values["target"]:
            assert _same(layer.get_weights(), variables["before"][layer.name])
    assert "shapes differ" in variables["outcome"].get("output", "shapes differ")


def _same(ones, others):
    return all(np.array_equal(one, other) for one, other in zip(ones, others, strict=True))
