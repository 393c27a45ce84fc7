"""A notebook's awkward things: the code runs with them, or a line at a field says why not, before it runs."""

from __future__ import annotations

import numpy as np
import pytest

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook
from nbkeras.runtime.keras_lines import active_line
from tests.recipes import sequences
from tests.recipes.awkward import namespace, run
from tests.recipes.cases import PAIRWISE

TRAINED = {"x": "inputs", "y": "kinds"}
# What copies a model, loads it or compiles it anew, and with which values.
MAKES_AGAIN = [
    ("freeze_layers", {**TRAINED, "frozen": ("hidden",), "epochs": 1, "fine_epochs": 1}),
    ("train_step", {**TRAINED, "epochs": 1}),
    ("reproducible", {**TRAINED, "epochs": 1, "determinism": False}),
    ("training_argument", {"x": "inputs", "samples": 2}),
    ("save_model", {}),
    ("save_weights", {}),
    ("model_config", {}),
    ("save_model", {"do": "h5"}),
    ("data_parallel", {**TRAINED, "epochs": 1}),
    ("device_parallel", {**TRAINED, "epochs": 1}),
    ("pickling", {}),
    ("batch_norm", {**TRAINED, "epochs": 1}),
    ("sample_weights", {**TRAINED, "way": "train_step", "weights": "kinds", "epochs": 1}),
    ("test_step", TRAINED),
    ("mixed_precision", {**TRAINED, "epochs": 1}),
    ("tpu", {**TRAINED, "epochs": 1}),
]
QUICK = 5


@pytest.fixture(scope="module")
def things():
    return namespace()


def problems(name, variables, **values):
    recipe = recipes.get(name)
    return recipe.problems({**recipe.defaults, **values}, Notebook(variables))


def done(name, variables, **values):
    """Run a recipe's code for values with which nothing is wrong."""
    assert problems(name, variables, **values) == {}
    code = recipes.get(name).code(line=active_line(), notebook=Notebook(variables), **values)
    run(code, variables)
    return variables


@pytest.mark.parametrize(("name", "values"), MAKES_AGAIN if PAIRWISE else MAKES_AGAIN[:QUICK])
@pytest.mark.parametrize(
    "model", ["function_loss", "closure", "class_loss"] if PAIRWISE else ["function_loss"]
)
def test_a_model_with_a_loss_of_its_own_is_made_again(things, name, values, model):
    variables = dict(things)
    done(name, variables, model=model, **values)
    again = {"train_step": "custom_model", "reproducible": "trained", "save_model": "loaded"}.get(name)
    if again:
        made = variables[again]
        loss = made.evaluate(variables["inputs"], variables["kinds"], verbose=0, return_dict=True)["loss"]
        y_pred = made.predict(variables["inputs"], verbose=0)[:, 0]
        by = 2 if model == "closure" else 1
        np.testing.assert_allclose(loss, by * ((y_pred - variables["kinds"]) ** 2).mean(), rtol=1e-4)


@pytest.mark.parametrize(("name", "values"), MAKES_AGAIN)
@pytest.mark.parametrize(
    ("model", "what"), [("lambda_metric", "a lambda"), ("hidden_closure", "focal, which no variable holds")]
)
def test_functions_without_a_name_are_refused_at_the_field(things, name, values, model, what):
    found = problems(name, things, model=model, **values)
    expected = f"expected functions that variables of this notebook hold, received {model} with {what}"
    assert found == {"model": expected}
    assert things[model].get_layer("hidden").trainable


@pytest.mark.parametrize("name", ["data_parallel", "device_parallel", "tpu"])
def test_a_copy_without_its_table_is_refused(things, name):
    variables = dict(things)
    setup = """
words = keras.layers.TextVectorization(output_sequence_length=4, name="words")
words.adapt(["a b"])
reader = keras.Sequential([keras.Input((), dtype="string"), words, keras.layers.Embedding(9, 1)])
reader.compile("sgd", "mse")
texts = tf.data.Dataset.from_tensor_slices((["a"] * 64, kinds)).batch(16)
"""
    run(setup, variables)
    found = problems(name, variables, model="reader", x="texts")
    assert found["model"].startswith("expected a model without words, whose table a copy would not have")


@pytest.mark.parametrize("name", ["multi_worker", "parameter_servers"])
def test_scripts_for_other_processes_take_no_functions_of_the_notebook(things, name):
    found = problems(name, things, model="function_loss", **TRAINED)["model"]
    assert found.startswith("expected a model of Keras's own parts, received function_loss with my_loss")


def test_parameter_servers_scale_no_loss(things):
    from tensorflow import keras

    scaled = keras.models.clone_model(things["ordinary"])
    scaled.compile(keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD()), "mse")
    found = problems("parameter_servers", {**things, "scaled": scaled}, model="scaled", **TRAINED)["model"]
    assert found == "expected a model without mixed precision, received scaled in mixed_float16"


@pytest.mark.parametrize("model", ["subclass", "raw", "unbuilt"])
@pytest.mark.parametrize(
    "name", ["data_parallel", "train_step", "test_step", "mixed_precision", "save_model"]
)
def test_models_without_a_graph_are_not_offered(things, name, model):
    recipe = recipes.get(name)
    pick = next(each for each in recipe.parameters if each.name == "model")
    offered = pick.choices(Notebook(things), recipe.defaults)
    assert model not in offered
    assert {"ordinary", "grown"} <= set(offered)
    found = problems(name, things, model=model, **({} if name == "save_model" else TRAINED))
    assert "functional or sequential model with keras.Input" in found["model"]


@pytest.mark.parametrize(
    ("name", "values", "field", "said"),
    [
        ("recover", {"model": "unbuilt", **TRAINED}, "model", "begin it with keras.Input"),
        ("train_step", {"model": "two_inputs", "x": "batches"}, "model", "with 2 inputs"),
        ("custom_loop", {"model": "two_inputs", **TRAINED}, "x", "a dataset for the 2 inputs"),
        ("intermediate_layers", {"model": "two_inputs", "x": "inputs", "layers": ("joined",)}, "model", "2"),
        ("training_argument", {"model": "two_inputs", "x": "inputs", "way": "call"}, "x", "2 inputs"),
        ("training_argument", {"model": "grown", "x": "inputs"}, "way", "no dropout layer"),
        ("training_argument", {"model": "subclass", "x": "inputs"}, "way", "subclass"),
        ("batch_norm", {"model": "ordinary", "x": "endless"}, "x", "endless.take(n) ends"),
        ("custom_loop", {"model": "ordinary", "x": "batches", "validation": "endless"}, "validation", "ends"),
        ("multi_worker", {"model": "ordinary", "x": "endless"}, "x", "repeats for ever"),
        ("parameter_servers", {"model": "ordinary", "x": "endless"}, "x", "repeats for ever"),
        ("batch_norm", {"model": "ordinary", "x": "bare"}, "x", "no targets"),
        ("batch_norm", {"model": "ordinary", "x": "samples"}, "x", "shape (None, 8)"),
        ("batch_norm", {"model": "ordinary", "x": "inputs", "y": "few"}, "y", "expected 64 rows"),
        ("batch_norm", {"model": "ordinary", "x": "flat", "y": "kinds"}, "x", "shape (64,)"),
        ("data_parallel", {"model": "ordinary", **TRAINED, "batch_size": 66}, "batch_size", "64 or less"),
        ("data_parallel", {"batch_size": 514}, "batch_size", "512 or less"),
        (
            "data_parallel",
            {"model": "ordinary", "x": "full", "batch_size": 66},
            "batch_size",
            "64 or less",
        ),
        ("stateful_rnn", {"x": "flat", "steps": 16}, "x", "more than 64 values"),
        ("stateful_rnn", {"steps": 1001}, "steps", "received 1,001"),
        ("gan_freezing", {"x": "flat"}, "x", "one sample a row"),
        ("custom_loop", {"model": "three", "x": "inputs", "y": "classes"}, "loss", "SparseCategorical"),
        ("freeze_loop", {"model": "three", "x": "inputs", "y": "numbers", "frozen": ("out",)}, "y", "others"),
        (
            "custom_loop",
            {"model": "ordinary", **TRAINED, "outputs": "logits"},
            "outputs",
            "ends in a sigmoid",
        ),
        ("custom_loop", {"model": "ordinary", "x": "one_row", "y": "one_kind"}, "x", "2 rows or more"),
        ("save_model", {"do": "load", "source": "m.weights.h5"}, "source", "see save_weights"),
        ("save_model", {"do": "h5", "h5": "m.weights.h5"}, "h5", "a whole model"),
        (
            "weights_by_name",
            {"of": "file", "file": "m.weights.h5", "target": "ordinary"},
            "file",
            "see save_weights",
        ),
    ],
)
def test_what_cannot_work_is_said_at_the_field(things, name, values, field, said):
    found = problems(name, things, **values)
    assert list(found) == [field]
    assert said in found[field]


@pytest.mark.parametrize("name", ["custom_loop", "freeze_loop"])
def test_a_loop_with_one_loss_takes_one_output_that_it_knows(things, name):
    variables = dict(things)
    setup = """
parts = [keras.layers.Dense(1, activation="relu", name=name)(start) for name in "ab"]
several, unknown, told = (keras.Model(start, outputs) for outputs in (parts, parts[0], parts[1]))
told.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
both = tf.data.Dataset.from_tensor_slices((inputs, {"a": kinds, "b": kinds})).batch(16)
"""
    run(setup, variables)
    rest = {**TRAINED, **({"frozen": ("a",)} if name == "freeze_loop" else {})}
    split = {"x": "both", "y": "", **({"validation": "both"} if name == "custom_loop" else {})}
    found = problems(name, variables, **{**rest, **split, "model": "several", "frozen": ("a",)})
    assert "expected a model with one output, received several with 2" in found["model"]
    found = problems(name, variables, **{**rest, **split, "model": "told", "frozen": ("b",)})
    assert "received both with several" in found["x"]
    found = problems(name, variables, **{**rest, "model": "unknown"})
    assert found == {
        "outputs": "expected probabilities or logits, because nothing of unknown tells which; received auto"
    }
    for values, told in (
        ({"model": "unknown", "outputs": "logits"}, True),
        ({"model": "unknown", "outputs": "probabilities"}, False),
        ({"model": "told", "frozen": ("b",)}, True),
        ({"model": "ordinary", "frozen": ("out",)}, False),
    ):
        chosen = {**rest, **values}
        chosen = {key: value for key, value in chosen.items() if key in recipes.get(name).defaults}
        assert problems(name, variables, **chosen) == {}
        code = recipes.get(name).code(line=active_line(), notebook=Notebook(variables), **chosen)
        assert ("BinaryCrossentropy(from_logits=True)" in code) is told


def test_the_loss_follows_from_outputs_and_targets(things):
    fine = {
        "ordinary": ("kinds", {"BinaryCrossentropy", "MeanSquaredError"}),
        "three": ("classes", {"SparseCategoricalCrossentropy"}),
    }
    options = [
        value
        for value, _ in next(p for p in recipes.get("custom_loop").parameters if p.name == "loss").options
    ]
    for model, (y, expected) in fine.items():
        taken = {
            loss
            for loss in options
            if not problems("custom_loop", things, model=model, x="inputs", y=y, loss=loss)
        }
        assert taken == expected


@pytest.mark.costly
def test_shared_layers_masks_and_several_inputs_are_spread_over_devices(things):
    variables = dict(things)
    run(sequences.SETUP, variables)
    done("device_parallel", variables, model="mine", x="pairs", split="shared", epochs=1)
    sequences.computes_and_learns_alike(variables, variables["placed"])


def test_all_noise_is_switched_on(things):
    variables = dict(things)
    setup = """
start = keras.Input((5, 8))
noisy = keras.layers.SpatialDropout1D(0.5)(start)
noisy = keras.Model(start, keras.layers.GaussianNoise(1.0)(noisy))
recurrent = keras.Model(start, keras.layers.LSTM(2, dropout=0.5, name="memory")(start))
rows = np.ones((4, 5, 8), "float32")
"""
    run(setup, variables)
    done("training_argument", variables, model="noisy", x="rows", samples=8)
    # Whole columns are dropped, and everywhere is noise of its own.
    np.testing.assert_allclose(variables["spread"].mean(), np.sqrt(2), rtol=0.2)
    found = problems("training_argument", variables, model="recurrent", x="rows")
    assert found["way"].startswith("expected model(x, training=True), because memory has dropout within it")
    code = recipes.get("training_argument").code(line=active_line(), model="recurrent", x="rows")
    with pytest.raises(ValueError, match=r"use model\(x, training=True\)"):
        run(code, variables)


def test_one_of_a_thing_is_said_in_the_singular(capsys):
    code = recipes.get("sample_batch_epoch").code(samples=1, batch_size=32, epochs=1, validation_split=0.0)
    exec(code, {})  # noqa: S102 - our own code
    assert capsys.readouterr().out.splitlines() == [
        "1 sample an epoch, in 1 batch",
        "1 sample in the last batch of an epoch",
        "1 update of the weights in 1 epoch",
    ]


def test_a_short_series_is_an_error_in_the_code_too(things):
    code = recipes.get("stateful_rnn").code(line=active_line(), x="flat", steps=16)
    with pytest.raises(ValueError, match="expected more than 64 values, received 64"):
        run(code, dict(things))


@pytest.mark.parametrize(
    ("name", "values", "made"),
    [
        ("train_step", {"model": "ordinary", "x": "whole", "y": "kinds", "epochs": 1}, "history"),
        ("test_step", {"model": "ordinary", "x": "whole", "y": "kinds"}, "results"),
        ("gan_freezing", {"x": "whole", "epochs": 1}, "history"),
        ("stateful_rnn", {"x": "tensor", "epochs": 1, "steps": 5, "units": 2}, "history"),
    ],
)
def test_whole_numbers_and_tensors_will_do(things, name, values, made):
    variables = dict(things)
    result = done(name, variables, **values)[made]
    losses = getattr(result, "history", result)
    assert np.isfinite([losses[each] for each in losses]).all()
