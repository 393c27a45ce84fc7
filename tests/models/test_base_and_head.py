"""Which layers are the base, which the head, and what is thawed together."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import nbkeras
from nbkeras.models.base_and_head import base_and_head
from nbkeras.models.unfreezing import Flags, set_trainable, thawed_layers


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def names(layers):
    return [each.name for each in layers]


def nested(keras):
    """A preprocessing model, a base with batch normalization, a head."""
    layers = keras.layers
    base = [
        layers.Conv2D(2, 3, name="c1"),
        layers.BatchNormalization(name="bn"),
        layers.MaxPooling2D(),
        layers.Conv2D(3, 3, name="c2"),
        layers.GlobalAveragePooling2D(),
    ]
    inputs = keras.Input((10, 10, 1))
    x = keras.Sequential([layers.Rescaling(2.0)], name="prepare")(inputs)
    x = layers.Conv2D(1, 1, name="stem")(x)
    x = keras.Sequential(base, name="base")(x)
    x = layers.Dense(4, name="hidden")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x), name="whole")


def flat(keras):
    """Blocks that are told by their names, with a skip over the second one and an input of its own."""
    layers = keras.layers
    image, other = keras.Input((8, 8, 1)), keras.Input((3,))
    x = layers.Conv2D(2, 3, name="stem_conv", padding="same")(image)
    for block in (1, 2):
        y = layers.Conv2D(2, 3, name=f"block{block}_conv", padding="same")(x)
        y = layers.BatchNormalization(name=f"block{block}_bn")(y)
        x = layers.Add(name=f"block{block}_add")([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Concatenate()([x, layers.Dense(2, name="side")(other)])
    return keras.Model([image, other], layers.Dense(2, name="out")(x), name="flat")


def test_the_largest_nested_model_is_the_base_and_blocks_end_where_pictures_are_pooled(keras):
    parts = base_and_head(nested(keras))
    assert parts.name == "base"
    assert names(parts.base) == ["stem", "c1", "bn", "c2"]
    assert names(parts.head) == ["hidden", "head"]
    assert [(block.name, names(block.layers)) for block in parts.blocks] == [
        ("stem", ["stem", "c1", "bn"]),
        ("c2", ["c2"]),
    ]


def test_a_flat_model_ends_at_its_last_pooling_and_blocks_have_their_names(keras):
    parts = base_and_head(flat(keras))
    assert names(parts.base) == ["stem_conv", "block1_conv", "block1_bn", "block2_conv", "block2_bn"]
    # What does not lead to the base is new, too.
    assert sorted(names(parts.head)) == ["out", "side"]
    assert [block.name for block in parts.blocks] == ["stem_conv", "block1", "block2"]
    given = base_and_head(flat(keras), "block1_add")
    assert names(given.base) == ["stem_conv", "block1_conv", "block1_bn"]


@pytest.mark.parametrize(
    ("unfreeze", "expected"),
    [
        ("head", []),
        ("all", ["stem_conv", "block1_conv", "block1_bn", "block2_conv", "block2_bn"]),
        (1, ["block2_conv", "block2_bn"]),
        (2, ["block1_conv", "block1_bn", "block2_conv", "block2_bn"]),
        ("2 blocks", ["block1_conv", "block1_bn", "block2_conv", "block2_bn"]),
        ("block2", ["block2_conv", "block2_bn"]),
        ("block2_bn", ["block2_bn"]),
        ("block*_bn", ["block1_bn", "block2_conv", "block2_bn"]),
    ],
)
def test_what_is_thawed_is_counted_from_the_top(keras, unfreeze, expected):
    assert names(thawed_layers(base_and_head(flat(keras)), unfreeze)) == expected


@pytest.mark.parametrize(
    ("unfreeze", "words"),
    [
        (9, "expected 1 to 3 layers of"),
        ("9 blocks", "expected 1 to 3 blocks of"),
        ("blok2", r"\(stem_conv, block1, block2\), received 'blok2'"),
    ],
)
def test_what_the_base_does_not_have_is_refused(keras, unfreeze, words):
    with pytest.raises(nbkeras.Refusal, match=words):
        thawed_layers(base_and_head(flat(keras)), unfreeze)


def test_flags_are_set_layer_by_layer_and_given_back(keras):
    model = nested(keras)
    parts = base_and_head(model)
    by_name = {each.name: each for each in (*parts.base, *parts.head)}
    by_name["hidden"].trainable = False
    by_name["c1"].trainable = False
    flags = Flags(model)
    set_trainable(model, parts, thawed_layers(parts, "all"))
    # Keras 3 takes `trainable = True` on the model for done, and c1 would stay frozen.
    assert {name for name, each in by_name.items() if each.trainable} == {"stem", "c1", "c2", "head"}
    assert len(model.trainable_weights) == 8
    before = [np.array(each) for each in model.get_layer("base").get_weights()]
    model(np.random.default_rng(0).normal(size=(4, 10, 10, 1)).astype("float32"), training=True)
    after = model.get_layer("base").get_weights()
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    set_trainable(model, parts, thawed_layers(parts, "all"), batch_norm=True)
    assert by_name["bn"].trainable
    flags.restore()
    assert {name for name, each in by_name.items() if each.trainable} == {"stem", "bn", "c2", "head"}


def test_what_cannot_be_told_apart_is_refused_with_the_way_out(keras):
    layers = keras.layers
    dense = keras.Sequential([keras.Input((3,)), *(layers.Dense(2, name=f"d{at}") for at in range(3))])
    with pytest.raises(nbkeras.Refusal, match=r"such as  base='d1'"):
        base_and_head(dense)
    assert names(base_and_head(dense, "d1").head) == ["d2"]
    with pytest.raises(nbkeras.Refusal, match=r"received 'd22': give  base='d2'"):
        base_and_head(dense, "d22")
    with pytest.raises(nbkeras.Refusal, match="with none on one side"):
        base_and_head(dense, "d2")
    with pytest.raises(nbkeras.Refusal, match="expected a built model"):
        base_and_head(keras.Sequential([layers.Dense(2)]))
    twins = [keras.Sequential([keras.Input((3,)), layers.Dense(3)], name=name) for name in ("a", "b")]
    with pytest.raises(nbkeras.Refusal, match="'a' and 'b'"):
        base_and_head(keras.Sequential([keras.Input((3,)), *twins, layers.Dense(1)]))


def test_a_base_that_holds_weights_beside_its_layers_is_frozen_as_a_whole(keras):
    layers = keras.layers

    class Scaled(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.low = layers.Dense(4, name="low")
            self.norm = layers.BatchNormalization(name="norm")
            self.scale = self.add_weight(name="scale", shape=(4,), initializer="ones")

        def call(self, inputs, training=None):
            return self.norm(self.low(inputs), training=training) * self.scale

        def compute_output_shape(self, shape):
            return (*shape[:-1], 4)

    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dense(2, name="head")(Scaled(name="base")(inputs)))
    parts = base_and_head(model)
    assert (parts.name, names(parts.base), names(parts.head)) == ("base", ["base"], ["head"])
    set_trainable(model, parts, [])
    assert len(model.trainable_weights) == 2
    set_trainable(model, parts, thawed_layers(parts, "all"))
    # Its layer and its own weight, and not its normalization.
    assert len(model.trainable_weights) == 5


def test_low_rank_weights_train_in_the_place_of_those_they_stand_for():
    keras = importlib.import_module("keras")
    layers = keras.layers
    base = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="low")], name="base")
    model = keras.Sequential([base, layers.Dense(2, name="head")])
    base.get_layer("low").enable_lora(2)
    flags = Flags(model)
    parts = base_and_head(model)
    trained = [each.path for each in model.trainable_weights]
    set_trainable(model, parts, [])
    assert len(model.trainable_weights) == 2
    set_trainable(model, parts, list(parts.base))
    assert [each.path for each in model.trainable_weights] == trained
    set_trainable(model, parts, [])
    # A layer's own flag sets those of all its weights.
    flags.restore()
    assert [each.path for each in model.trainable_weights] == trained


def test_a_branch_that_weighs_channels_stays_in_its_block(keras):
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, padding="same", name="stem")(inputs)
    for number in "12":
        y = layers.Conv2D(2, 3, padding="same", name=f"wide{number}")(x)
        weight = layers.GlobalAveragePooling2D(keepdims=True)(y)
        y = layers.Multiply()([y, layers.Conv2D(2, 1, name=f"squeeze{number}")(weight)])
        x = layers.Add()([x, layers.Conv2D(2, 1, name=f"narrow{number}")(y)])
    outputs = layers.Dense(2, name="head")(layers.GlobalAveragePooling2D()(x))
    parts = base_and_head(keras.Model(inputs, outputs))
    first, second = (["wide1", "squeeze1", "narrow1"], ["wide2", "squeeze2", "narrow2"])
    assert [names(block.layers) for block in parts.blocks] == [["stem", *first], second]


def test_a_nested_block_of_a_flat_model_is_not_its_base(keras):
    layers = keras.layers
    between = keras.Sequential([layers.Conv2D(2, 2, name="shrink")], name="between")
    inputs = keras.Input((8, 8, 1))
    x = between(layers.Conv2D(4, 3, name="low")(inputs))
    x = layers.GlobalAveragePooling2D(name="mean")(layers.Conv2D(8, 3, name="high")(x))
    parts = base_and_head(keras.Model(inputs, layers.Dense(2, name="head")(x)))
    assert (names(parts.base), names(parts.head)) == (["low", "shrink", "high"], ["head"])
    # A new layer on a nested base is no part of it.
    base = keras.Sequential([layers.Conv2D(4, 3, name="low"), layers.Conv2D(8, 3, name="high")], name="base")
    x = layers.Conv2D(2, 1, name="new")(base(inputs))
    parts = base_and_head(keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x))))
    assert (names(parts.base), names(parts.head)) == (["low", "high"], ["new", "head"])
