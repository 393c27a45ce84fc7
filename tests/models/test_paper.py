"""A model on paper plans as the model itself does, and the model is only read."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

import nbkeras
from nbkeras import recipes
from nbkeras.models.base_and_head import base_and_head
from nbkeras.models.layer_tree import tree_rows
from nbkeras.models.paper import on_paper
from nbkeras.recipes.digits_on_paper import digits_on_paper
from nbkeras.recipes.fine_tuning import sketch
from nbkeras.training.fine_tuning.fine_tune import fine_tuning_plan
from nbkeras.training.fine_tuning.sketch import sketched


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(request.param == "tf_keras")))
    return importlib.import_module(request.param)


def nested(keras):
    layers = keras.layers
    inside = [
        layers.Conv2D(4, 3, name="block1_conv"),
        layers.BatchNormalization(name="block1_norm"),
        layers.SeparableConv2D(4, 3, name="block2_conv"),
        layers.BatchNormalization(name="block2_norm"),
        layers.GlobalAveragePooling2D(name="pool"),
    ]
    base = keras.Sequential([keras.Input((8, 8, 1)), *inside], name="base")
    inputs = keras.Input((8, 8, 1))
    hidden = layers.Dense(4, name="hidden")(base(layers.Rescaling(2.0, name="scale")(inputs)))
    return keras.Model(inputs, layers.Dense(2, name="last")(hidden), name="nested")


def flat(keras):
    layers = keras.layers
    inputs = keras.Input((6, 8))
    attention = layers.MultiHeadAttention(2, 4, name="attention")
    hidden = layers.Add(name="add")([inputs, attention(inputs, inputs)])
    hidden = layers.LayerNormalization(name="norm")(hidden)
    hidden = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(hidden)
    hidden = layers.GlobalAveragePooling1D(name="pool")(hidden)
    shared = layers.Dense(6, name="shared")
    return keras.Model(inputs, layers.Dense(2, name="last")(shared(shared(hidden))), name="flat")


def distributed(keras):
    layers = keras.layers
    inside = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="inner")], name="inside")
    stack = [
        layers.TimeDistributed(inside, name="each"),
        layers.GRU(4, name="over"),
        layers.Flatten(name="flat"),
    ]
    return keras.Sequential([keras.Input((5, 4)), *stack, layers.Dense(2, name="last")], name="distributed")


STAGES = [
    nbkeras.Stage("head", 2),
    nbkeras.Stage(1, 1, learning_rate=1e-3, depth_factor=0.1),
    nbkeras.Stage("all", 3, batch_norm=True, early_stopping=2),
    nbkeras.Stage("all", 3),
]


@pytest.mark.parametrize(
    "make",
    [
        nested,
        pytest.param(flat, marks=pytest.mark.costly),
        pytest.param(distributed, marks=pytest.mark.costly),
    ],
)
def test_the_plan_on_paper_is_the_models_own(keras, make):
    model = make(keras)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.get_layer("last").trainable = make is not nested
    # Frozen by its user in the base, where the stages say what trains.
    model.layers[1].trainable = False
    flags = [each.trainable for each in model._flatten_layers()]
    x = np.zeros((40, *model.input_shape[1:]), "float32")
    found = sketched(model, STAGES, steps=2)
    assert repr(found.plan) == repr(fine_tuning_plan(model, x, stages=STAGES, cache=False))
    own = sketched(model, STAGES[1:2]).plan.stages[0]
    theirs = fine_tuning_plan(model, stages=STAGES[1:2]).stages[0]
    assert {each.name: factor for each, factor in own.factors.items()} == {
        each.name: factor for each, factor in theirs.factors.items()
    }
    assert flags == [each.trainable for each in model._flatten_layers()]
    assert found.paper.model.parameters == model.count_params()


def test_a_model_is_read_and_never_set(keras):
    sets = []

    class Watched(keras.layers.Dense):
        def __setattr__(self, name, value):
            if name == "trainable":
                sets.append(value)
            super().__setattr__(name, value)

    parts = [Watched(3, name="low"), keras.layers.Flatten(), keras.layers.Dense(2, name="head")]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile("sgd", "mse")
    sets.clear()
    sketched(model, STAGES)
    assert sets == []
    fine_tuning_plan(model, stages=STAGES)
    assert sets


def test_the_tree_has_nested_models_blocks_and_all_layers(keras):
    model = nested(keras)
    model.compile("sgd", "mse")
    model.get_layer("last").trainable = False
    found = sketched(model, STAGES[:1] + STAGES[2:])
    shown = {
        row.name: (row.level, row.kind, row.shape, row.part, row.end, mark)
        for row, mark in zip(found.rows, found.marks, strict=True)
        if row.kind != "InputLayer"
    }
    assert shown == {
        "scale": (1, "Rescaling", "8 x 8 x 1", "base", "scale", "---"),
        "base": (1, "Sequential", "4", "base", "base", "011"),
        "block1": (2, "block", "6 x 6 x 4", "base", "base", "011"),
        "block1_conv": (3, "Conv2D", "6 x 6 x 4", "base", "base", "011"),
        "block1_norm": (3, "BatchNormalization", "6 x 6 x 4", "base", "base", "010"),
        "block2": (2, "block", "4", "base", "base", "011"),
        "block2_conv": (3, "SeparableConv2D", "4 x 4 x 4", "base", "base", "011"),
        "block2_norm": (3, "BatchNormalization", "4 x 4 x 4", "base", "base", "010"),
        "pool": (3, "GlobalAveragePooling2D", "4", "base", "base", "---"),
        "hidden": (1, "Dense", "4", "head", "hidden", "111"),
        "last": (1, "Dense", "2", "head", "last", "000"),
    }
    (last,) = (row for row in found.rows if row.frozen)
    assert last.name == "last"
    sizes = {row.name: row.parameters for row in found.rows}
    assert all(sizes[each.name] == each.count_params() for each in model.layers)
    assert sizes["block1"] + sizes["block2"] == sizes["base"]


def test_the_built_in_example_is_what_its_code_makes(keras):
    recipe = recipes.get("fine_tune")
    code = recipe.code(line=keras.__name__)
    code = re.sub(r"(?m)^zero_to_four\.fit\(.*\n|^(from tensorflow|import) .*\n", "", code).partition(
        "result ="
    )[0]
    space = {"keras": keras}
    exec(code, space)  # noqa: S102 - our own code
    model, paper = space["model"], digits_on_paper()
    real = on_paper(model, base_and_head(model))
    told = [[row_facts(row) for row in tree_rows(each)] for each in (paper, real)]
    assert told[0] == told[1]
    assert paper.model.name == model.name
    stages = "head:3:0.001, block2:2, all:5:0.0001:0.1"
    plan = sketch({**recipe.defaults, "stages": stages}, None).plan
    asked = [each.stage for each in plan.stages]
    options = {"validation_split": 0.2, "batch_size": 32, "cache": False}
    real_plan = fine_tuning_plan(model, space["x"], stages=asked, **options)
    assert repr(plan) == repr(real_plan)


def row_facts(row):
    names = ("level", "name", "kind", "shape", "parameters", "part", "end", "normalizes", "frozen")
    return {name: getattr(row, name) for name in names}
