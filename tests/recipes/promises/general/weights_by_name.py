"""Just the layers with a namesake of the same shapes have its weights; all others are as they were."""

import numpy as np

from tests.recipes.watched import inner

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
# Names that come several times: told apart by their models, and left out where nothing tells.
TWINS = """
from tensorflow import keras
L = keras.layers
def part(name, *names):
    return keras.Sequential([keras.Input((4,)), *(L.Dense(4, name=each) for each in names)], name=name)
old = keras.Sequential([keras.Input((4,)), part("A", "dense", "only"), part("B", "dense")])
{}
"""
SAME = TWINS.format(
    'mine = keras.Sequential([keras.Input((4,)), part("A", "dense"), part("B", "dense", "only")])'
)
FLAT = TWINS.format(
    'mine = keras.Sequential([keras.Input((4,)), part("C", "dense"), part("D", "only", "else")])'
)
FROM_FLAT = TWINS.format("old, mine = part('flat', 'dense', 'only'), old")
OWN = [
    *(({"source": "old", "target": "mine"}, setup) for setup in (SAME, FLAT, FROM_FLAT)),
    ({"source": "old", "target": "mine"}, MODELS),
    ({"of": "file", "target": "mine"}, MODELS + "old.save('model.keras')"),
    ({"of": "file", "file": "old.h5", "target": "mine", "freeze": True}, MODELS + "old.save('old.h5')"),
]
FOUND = {"a": "a", "new": "", "deep": "inner/deep", "c": "", "b": "b"}


def before(values, variables):
    if values["target"]:
        return {layer.name: layer.get_weights() for layer in variables["mine"].layers}
    return None


def kept(values, variables, line):
    if "part" in variables:
        told_apart(variables)
        return
    target = variables[values["target"] or "target"]
    found = FOUND if values["target"] else {"hidden": "hidden", "between": "", "output": ""}
    said = {name: what for name, what in variables["outcome"].items() if what.startswith("loaded")}
    assert said == {
        name: "loaded" if name == there else f"loaded from {there}" for name, there in found.items() if there
    }
    for layer in target.layers:
        if layer.name not in found:
            continue
        there = found[layer.name]
        assert layer.trainable == (not (there and values["freeze"]))
        if there:
            assert _same(layer.get_weights(), variables["given"][there])
        elif values["target"]:
            assert _same(layer.get_weights(), variables["before"][layer.name])
    assert "shapes differ" in variables["outcome"].get("output", "shapes differ")


def told_apart(variables):
    old, mine, outcome = variables["old"], variables["mine"], variables["outcome"]
    if old.name == "flat":
        expected = {"A/dense": "several", "A/only": "loaded from only", "B/dense": "several"}
    elif "A/dense" in outcome:
        expected = {"A/dense": "loaded", "B/dense": "loaded", "B/only": "loaded from A/only"}
    else:
        expected = {"C/dense": "several", "D/only": "loaded from A/only", "D/else": "no layer"}
    assert set(outcome) == set(expected)
    for path, what in expected.items():
        assert what in outcome[path]
        weights = inner(mine, path).get_weights()
        came_from = path if what == "loaded" else what.partition(" from ")[2]
        same = [other for other, given in variables["given"].items() if _same(given, weights)]
        assert same == ([came_from] if came_from else [])


def _same(ones, others):
    return all(np.array_equal(one, other) for one, other in zip(ones, others, strict=True))
