"""``--mixed-precision`` and `nbkeras.mixed_precision` on both Keras lines; the clock alone is replaced."""

from __future__ import annotations

import random

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras.checks.layer_dtypes import computing
from nbkeras.devices import policy as policies
from nbkeras.devices.policy import Hardware, of_gpus, policy_of
from nbkeras.devices.precision import of_cpu, of_gpu, of_tpu
from nbkeras.reproducibility import seeding
from nbkeras.runtime.keras_lines import LINES, keras_module
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code
from nbkeras.training.precision import in_cell, timing

# The other line by make grid alone.
pytestmark = pytest.mark.costly("tf_keras")

CPU = Hardware("this CPU", of_cpu(frozenset({"avx512_bf16"})))
OLD_CPU = Hardware("this CPU", of_cpu(frozenset({"avx2"})))
T4 = Hardware("Tesla T4", of_gpu((7, 5)))
POLICIES = ["mixed_float16", "mixed_bfloat16"]


@pytest.fixture(autouse=True)
def hardware(keras, monkeypatch):
    """Stand for what the machine has; Keras's policies are as at the start."""
    from tensorflow.python.framework import config

    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(is_legacy(keras))))
    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())

    def stand_for(one):
        for module in (policies, in_cell):
            monkeypatch.setattr(module, "here", lambda: one)

    for known in (in_cell._faster, in_cell._measured, policies._before):
        known.clear()
    stand_for(CPU)
    yield stand_for
    for line in LINES:
        keras_module(line).mixed_precision.set_global_policy("float32")
    # No public name does it, and the tests after these have not asked for it.
    config.disable_op_determinism()


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock: a step of float32 takes 1 ms, one in 16 bits what is set."""

    class Clock:
        short, calls, now = 0.0005, 0, 0.0

        def __call__(self):
            # The start, and two looks around the first steps; then each round has five, the first one four.
            at = self.calls % (3 + 9 * 5 - 1)
            self.now += 0.17 if at == 2 else 0.0 if at < 2 else (0, 0.003, 0, 3 * self.short, 0)[(at - 3) % 5]
            self.calls += 1
            return self.now

    scripted = Clock()
    monkeypatch.setattr(timing, "clock", scripted)
    return scripted


@pytest.fixture
def twins(monkeypatch):
    """Look at the models that were measured."""
    seen = []
    measured = timing.in_turn

    def looked_at(models, *arguments):
        times = measured(models, *arguments)
        seen.append({name: (policies.short_of(name), model) for name, model in models.items()})
        steps = {name: int(model.optimizer.iterations) for name, model in models.items()}
        # One to build it in Keras 3, two to trace it, one to estimate, then the runs.
        assert set(steps.values()) <= {k + times.rounds * times.steps for k in (3, 4)}, steps
        return times

    monkeypatch.setattr(timing, "in_turn", looked_at)
    return seen


def made(keras, *more, **last):
    last = last or {"dtype": "float32"}
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.2), *more]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax", **last)], name="small")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fitted(make, data, word, **options):
    with nbkeras.fitting(quiet=True, mixed_precision=word, **options) as session:
        model = make()
        model.fit(*data)
    return model, session.run.notes


def dtypes(model):
    return [layer.compute_dtype for layer in computing(model)]


@pytest.mark.parametrize(
    ("word", "machine", "policy"),
    [
        ("on", CPU, "mixed_bfloat16"),
        ("on", T4, "mixed_float16"),
        ("on", Hardware("the TPU", of_tpu()), "mixed_bfloat16"),
        ("on", of_gpus([{"compute_capability": (9, 0)}, {"compute_capability": (7, 0)}]), "mixed_float16"),
        ("bfloat16", OLD_CPU, "mixed_bfloat16"),
        ("off", T4, "float32"),
    ],
)
def test_the_format_is_the_hardware_s(word, machine, policy):
    assert policy_of(word, machine) == policy
    assert machine.name in policies.why(policy, machine)
    with pytest.raises(nbkeras.Refusal, match="give  bfloat16  to use it all the same"):
        policy_of("on", OLD_CPU)


def test_the_notebook_s_policy(keras, model, hardware):
    said = nbkeras.mixed_precision("on")
    assert (said.policy, keras.mixed_precision.global_policy().name) == ("mixed_bfloat16",) * 2
    assert "models that are made already stay as they are" in str(said)
    mixed = made(keras)
    lines = nbkeras.mixed_precision(model=mixed).lines
    assert lines[1] == "small: 2 layers in bfloat16, 1 in float32; output float32; its loss needs no scaling"
    assert "2 layers in float32" in str(nbkeras.mixed_precision(model=model)).replace("1 layer", "2 layers")
    assert nbkeras.mixed_precision("float16").policy == "mixed_float16"
    scales = str(nbkeras.mixed_precision(model=made(keras)))
    assert "its optimizer scales the loss" in scales
    assert nbkeras.mixed_precision("off").policy == "float32"
    # What was there before is not always float32.
    keras.mixed_precision.set_global_policy("mixed_float16")
    nbkeras.mixed_precision("bfloat16")
    assert nbkeras.mixed_precision("off").policy == "mixed_float16"
    hardware(OLD_CPU)
    with pytest.raises(nbkeras.Refusal, match="give  bfloat16"):
        nbkeras.mixed_precision("on")
    assert keras.mixed_precision.global_policy().name == "mixed_float16"
    with pytest.raises(nbkeras.Refusal, match="expected status, on, off"):
        nbkeras.mixed_precision("half")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_cell_s_models_have_its_precision(keras, data, policy):
    short = policy.removeprefix("mixed_")
    model, notes = fitted(lambda: made(keras), data, short)
    assert dtypes(model) == [short, short, "float32"]
    (note,) = [each for each in notes if "by --mixed-precision" in each]
    assert note.startswith(f"{policy}: 2 layers in {short}, 1 in float32")
    assert ("and the loss is scaled" in note) == (short == "float16")
    assert not [each for each in notes if each.startswith("NBK1")]
    assert {np.asarray(each).dtype for each in model.get_weights()} == {np.dtype("float32")}
    assert keras.mixed_precision.global_policy().name == "float32"
    # A cell of later on may train it, and so may one with the same option.
    fitted(lambda: model, data, None)
    fitted(lambda: model, data, short)
    _, notes = fitted(lambda: made(keras, name="end"), data, short)
    assert [each[:6] for each in notes if each.startswith("NBK1")] == ["NBK103", "NBK104"][
        : 1 + is_legacy(keras)
    ]


def is_legacy(keras):
    return keras.__name__ == "tf_keras"


def test_a_model_of_another_precision_is_refused(keras, data, model):
    before = [weight.copy() for weight in model.get_weights()]
    with nbkeras.fitting(quiet=True, mixed_precision="bfloat16"):
        mixed = made(keras)
    for word, given in (("bfloat16", model), ("off", mixed)):
        with pytest.raises(nbkeras.Refusal) as refused:
            fitted(lambda given=given: given, data, word)
        assert "received 'small' with" in str(refused.value)
        assert "\n" not in str(refused.value)
    # It may be evaluated all the same.
    with nbkeras.fitting(quiet=True, mixed_precision="bfloat16"):
        model.evaluate(*data)
    for was, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, weight)
    if not is_legacy(keras):

        def cleared():
            keras.backend.clear_session()
            return made(keras)

        with pytest.raises(nbkeras.Refusal, match="clear_session"):
            fitted(cleared, data, "bfloat16")


def everything(keras, word, data):
    """Return what a training comes to, and what is drawn after it."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(5)
    batches = tf.data.Dataset.from_tensor_slices(data).shuffle(96).batch(16)
    model = made(keras, keras.layers.BatchNormalization())
    # The optimizer is under way, and the dataset's order.
    model.fit(batches, verbose=0, shuffle=False)
    with nbkeras.fitting(quiet=True, mixed_precision=word) as session:
        history = model.fit(batches, epochs=2, shuffle=False)
        model.fit(*data)
    after = [random.getstate(), np.random.get_state()[1].tolist(), float(tf.random.uniform(()))]  # noqa: NPY002
    values = [np.asarray(each) for each in (*model.get_weights(), *model.optimizer.variables)]
    names = [keras.layers.Dense(1).name, keras.metrics.AUC().name]
    first = next(iter(batches))[1].numpy().tolist()
    return [each.tolist() for each in values], history.history, after, names, first, session.run.notes


@pytest.mark.costly("tf_keras")
def test_measuring_moves_nothing(keras, data, clock, twins):
    clock.short = 0.001
    plain = everything(keras, None, data)
    measured = everything(keras, "auto", data)
    assert measured[:-1] == plain[:-1]
    (note,) = [each for each in measured[-1] if "by --mixed-precision auto" in each]
    # A tie keeps float32.
    assert "1 ms a step here, float32 1 ms (9 runs of 3 steps each, in turn): 1.00 times as fast" in note
    assert "float32 stays (measured before)" in note or len(twins) == 2
    for pair in twins:
        (_, one), (_, other) = pair.values()
        assert set(dtypes(one)) == {"float32"}
        assert dtypes(other) == ["bfloat16"] * 3 + ["float32"]


@pytest.mark.costly("tf_keras")
def test_auto_keeps_the_faster(keras, data, clock, hardware):
    _, notes = fitted(lambda: made(keras), data, "auto")
    (note,) = [each for each in notes if "--mixed-precision auto" in each]
    assert "mixed_bfloat16 takes 0.5 ms a step here, float32 1 ms" in note
    assert "2.00 times as fast" in note
    assert note.endswith("run the cell again, and it is made under mixed_bfloat16")
    model, notes = fitted(lambda: made(keras), data, "auto")
    assert dtypes(model) == ["bfloat16", "bfloat16", "float32"]
    assert notes[-1].endswith("2.00 times as fast (measured before), by --mixed-precision auto")
    outside = made(keras)
    _, notes = fitted(lambda: outside, data, "auto")
    assert any("make it in the cell that trains it" in each for each in notes)

    # A GPU with tensor cores begins with what is likely.
    in_cell._faster.clear()
    hardware(T4)
    model, notes = fitted(lambda: made(keras), data, "auto")
    assert dtypes(model) == ["float16", "float16", "float32"]
    clock.short = 0.0002
    found = nbkeras.mixed_precision("auto", model, *data, batch_size=8)
    assert found.policy == keras.mixed_precision.global_policy().name == "mixed_float16"


def test_too_little_time_says_nothing_of_speed(keras, data, model):
    found = nbkeras.mixed_precision("auto", model, *data, max_time=0.0)
    assert (found.policy, found.measured.times.rounds) == ("float32", 1)
    assert "too few runs to tell, float32 stays" in str(found)


def awkward(keras):
    """Make models that are hard to copy, each with its data."""

    class Mine(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    def own(x):
        return tf.nn.relu(x)

    x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, activation=own), Mine()])
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    scale = keras.layers.Normalization()
    scale.adapt(x)
    joined = keras.layers.concatenate([inner(a), inner(b), scale(a)])
    end = keras.layers.Dense(1, name="one")(joined)
    yield keras.Model([a, b], [end, keras.layers.Dense(1, name="two")(joined)]), ([x, x], [y, y])
    words = keras.layers.TextVectorization(output_sequence_length=4)
    words.adapt(["a b c"])
    parts = [words, keras.layers.Embedding(9, 4), keras.layers.Bidirectional(keras.layers.SimpleRNN(3))]
    texts = tf.data.Dataset.from_tensor_slices((["a b"] * 8, y)).shuffle(8).batch(4)
    yield keras.Sequential([keras.Input((), dtype="string"), *parts, keras.layers.Dense(1)]), (texts,)
    yield keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(1)]), (x, y)

    class Sub(keras.Model):
        def __init__(self, units=3, **more):
            super().__init__(**more)
            self.units, self.parts = units, [keras.layers.Dense(units), keras.layers.Dense(1)]

        def call(self, x):
            return self.parts[1](self.parts[0](x))

        def get_config(self):
            return {"units": self.units}

    yield Sub(), (x, y)


@pytest.mark.costly("tf_keras")
def test_models_that_are_hard_to_copy(keras, clock, twins):
    for model, data in awkward(keras):
        nodes = [len(layer._inbound_nodes) for layer in model.layers]
        model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 9, 0.5)), "mse")
        nbkeras.mixed_precision("auto", model, *data)
        _, copy = twins[-1]["mixed_bfloat16"]
        assert "bfloat16" in dtypes(copy)
        assert "bfloat16" not in dtypes(model)
        assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
        nbkeras.mixed_precision("off")


def test_what_cannot_be_measured_is_refused(keras, data, model):
    x, y = data

    class Lost(keras.Model):
        def __init__(self, layer):
            super().__init__()
            self.part = layer

        def call(self, x):
            return self.part(x)

    lost = Lost(keras.layers.Dense(2))
    lost.compile("sgd", "sparse_categorical_crossentropy")
    open_shape = tf.data.Dataset.from_generator(
        lambda: iter([(x[:4], y[:4])]),
        output_signature=(tf.TensorSpec((None, None)), tf.TensorSpec((None,), tf.int32)),
    )
    for words, *asked in (
        ("received a generator", model, (batch for batch in [(x, y)])),
        ("batches of one known shape beside auto, received (None, None)", model, open_shape),
        ("that its configuration makes again, received", lost, x, y),
        ("received no model", None, x, y),
        ("received no data", model),
        ("compiled", keras.Sequential([keras.layers.Dense(1)]), x, y),
        ("received", model, x[:, :3], y),
    ):
        before = random.getstate()
        with pytest.raises(nbkeras.Refusal) as refused:
            nbkeras.mixed_precision("auto", *asked)
        assert words in str(refused.value)
        assert "\n" not in str(refused.value)
        assert random.getstate() == before
        assert keras.mixed_precision.global_policy().name == "float32"
    for option in ({"backup": "kept"}, {"seed": 1}):
        with pytest.raises(nbkeras.Refusal, match=r"beside --(backup|seed), received auto"):
            fit_options(mixed_precision="auto", **option)
    with pytest.raises(nbkeras.Refusal, match="mixed_precision: expected on, off, auto"):
        fit_options(mixed_precision="half")


def test_the_printed_code_does_the_same(keras, data):
    cell = "model = made(keras)\nhistory = model.fit(x, y, shuffle=False, verbose=0)\n"
    space = {"made": made, "keras": keras, "x": data[0], "y": data[1]}
    keras.utils.set_random_seed(3)
    with nbkeras.fitting(quiet=True, mixed_precision="float16", epochs=2):
        exec(cell, space)  # noqa: S102 - a cell
    armed = space["model"].get_weights()
    code = plain_code(cell, fit_options(mixed_precision="float16", epochs=2), {})
    assert "nbkeras" not in code
    assert 'keras.mixed_precision.set_global_policy("mixed_float16")\n' in code
    keras.utils.set_random_seed(3)
    exec(code, space)  # noqa: S102 - our own code
    for ours, theirs in zip(armed, space["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    begins = plain_code(cell, fit_options(mixed_precision="auto"), {})
    assert begins.startswith("# nbkeras: --mixed-precision auto measures")
    assert '"float32"' in begins


@pytest.mark.costly("tf_keras")
def test_a_backup_goes_on_with_the_scale_of_the_loss(keras, data):
    def trained(epochs, **options):
        keras.utils.set_random_seed(3)
        model, _ = fitted(lambda: made(keras), data, "float16", epochs=epochs, **options)
        return [np.asarray(each).tolist() for each in (*model.get_weights(), *model.optimizer.variables)]

    whole = trained(4, backup="whole", seed=1)
    trained(2, backup="parts", seed=1)
    assert trained(4, backup="parts", seed=1) == whole
    with pytest.raises(nbkeras.Refusal, match="the backup's is LossScaleOptimizer"):
        fitted(lambda: made(keras), data, "off", epochs=6, backup="parts", seed=1)
