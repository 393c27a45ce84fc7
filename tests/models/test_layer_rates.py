"""Each layer learns at its own rate: as if it had an optimizer of its own with that rate."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras.models.layer_factors import weight_factors
from nbkeras.models.layer_rates import layer_rates

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
GRID = os.environ.get("GRID") == "pairwise"
BOTH = [
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "Nadam",
    "Ftrl",
    "Adafactor",
    "Lion",
]
OPTIMIZERS = [("keras", name) for name in (*BOTH, "Lamb", "Muon", "ScheduleFreeAdamW")]
OPTIMIZERS += [("tf_keras", name) for name in BOTH]
# A second or two each: `make grid` asks for all of them.
QUICK = [("keras", "AdamW"), ("keras", "Ftrl"), ("tf_keras", "AdamW"), ("tf_keras", "Ftrl")]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(16, 4)).astype("float32")
Y = RANDOM.normal(size=(16, 2)).astype("float32")
FACTORS = {"base": 0.1, "mid": 0.5}
EACH = [0.1, 0.1, 0.5, 0.5, 1, 1]


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def made(keras, dtype=None):
    keras.utils.set_random_seed(1)
    low = [keras.layers.Dense(3, name=name, activation="tanh", dtype=dtype) for name in ("low", "mid")]
    model = keras.Sequential(
        [keras.Sequential(low, name="base"), keras.layers.Dense(2, name="head")], name="whole"
    )
    model.build((None, 4))
    return model


def step(model, i):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(X[i : i + 8], training=True) - Y[i : i + 8]) ** 2)
    return tape.gradient(loss, model.trainable_variables)


def trained(model, optimizer, epochs=2, **options):
    # Nadam of tf_keras 2.21 counts its steps where it is traced, and rightly only without a graph. The
    # ScheduleFreeAdamW of Keras 3.15 begins elsewhere when `fit` has to build it. Both without factors, too.
    eager = type(optimizer).__name__.endswith("Nadam")
    model.compile(optimizer, "mse", run_eagerly=eager)
    optimizer.build(model.trainable_variables)
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **options)
    return model


def apart(first, second):
    return max(
        float(np.abs(a - b).max()) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


@pytest.mark.parametrize(("line", "name"), OPTIMIZERS if GRID else QUICK)
def test_a_layer_learns_as_with_an_optimizer_of_its_own(line, name):
    keras = importlib.import_module(line)
    kind, options = getattr(keras.optimizers, name), {"weight_decay": 0.01, "clipvalue": 0.5}
    options |= {"momentum": 0.9} if name == "SGD" else {}
    model, apiece = made(keras), made(keras)
    model = trained(model, layer_rates(kind(0.01, **options), model, FACTORS))
    own = [kind(0.01 * factor, **options) for factor in EACH]
    for optimizer, variable in zip(own, apiece.trainable_variables, strict=True):
        optimizer.build([variable])
    for _ in range(2):
        for i in (0, 8):
            pairs = list(zip(step(apiece, i), apiece.trainable_variables, strict=True))
            for optimizer, pair in zip(own, pairs, strict=True):
                optimizer.apply_gradients([pair])
    for optimizer, variable in zip(own, apiece.trainable_variables, strict=True):
        optimizer.finalize_variable_values([variable])
    assert apart(model, apiece) < 1e-6
    assert apart(model, made(keras)) > 1e-5
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_one_step_by_hand(keras):
    model = made(keras)
    before, gradients = [v.numpy() for v in model.trainable_variables], step(model, 0)
    layer_rates(keras.optimizers.SGD(0.5), model, FACTORS).apply_gradients(
        zip(gradients, model.trainable_variables, strict=True)
    )
    for variable, old, gradient, factor in zip(
        model.trainable_variables, before, gradients, EACH, strict=True
    ):
        np.testing.assert_allclose(variable.numpy(), old - 0.5 * factor * gradient.numpy(), atol=1e-7)


def test_weights_in_another_order_keep_their_factors(keras):
    """A loop of one's own may hand over the head's first: as many weights, in another order."""
    model = made(keras)
    before, gradients = [v.numpy() for v in model.trainable_variables], step(model, 0)
    optimizer = layer_rates(keras.optimizers.SGD(0.5), model, FACTORS)
    optimizer.apply_gradients([*zip(gradients, model.trainable_variables, strict=True)][::-1])
    for variable, old, gradient, factor in zip(
        model.trainable_variables, before, gradients, EACH, strict=True
    ):
        np.testing.assert_allclose(variable.numpy(), old - 0.5 * factor * gradient.numpy(), atol=1e-7)
    others = layer_rates(keras.optimizers.SGD(0.5), model, FACTORS)
    model.layers[0].layers[0].trainable = False
    with pytest.raises(nbkeras.Refusal, match="received 6 others"):
        others.build([*model.trainable_variables, *made(keras).trainable_variables[:2]])


def test_what_was_left_out_of_weight_decay_stays_so(keras):
    model = made(keras)
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[model.trainable_variables[0]], var_names=["bias"])
    rated = layer_rates(optimizer, model, FACTORS)
    before = [v.numpy() for v in model.trainable_variables]
    nothing = [tf.zeros(v.shape) for v in model.trainable_variables]
    rated.apply_gradients(zip(nothing, model.trainable_variables, strict=True))
    decays = [0, 0, 1, 0, 1, 0]
    for variable, old, factor, decay in zip(model.trainable_variables, before, EACH, decays, strict=True):
        np.testing.assert_allclose(variable.numpy(), old * (1 - 0.1 * 0.5 * factor * decay), rtol=1e-6)


def test_keras_s_own_multi_optimizer_agrees():
    import keras

    model, other = made(keras), made(keras)
    rates = {
        "whole/base/low/.*": 0.001,
        "whole/base/mid/.*": 0.005,
        "base/low/.*": 0.001,
        "base/mid/.*": 0.005,
    }
    own = {path: keras.optimizers.Adam(rate) for path, rate in rates.items()}
    several = keras.optimizers.OptimizerMap(keras.optimizers.Adam(0.01), own)
    trained(model, layer_rates(keras.optimizers.Adam(0.01), model, FACTORS))
    trained(other, keras.optimizers.MultiOptimizer(several))
    assert apart(model, other) < 1e-7


def test_a_schedule_and_a_callback_s_rate_are_multiplied(keras):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    model, rates = made(keras), [0.1, 0.05]
    optimizer = layer_rates(keras.optimizers.SGD(schedule), model, FACTORS)
    hand = made(keras)
    for i, rate in zip((0, 8), rates, strict=True):
        for variable, gradient, factor in zip(hand.trainable_variables, step(hand, i), EACH, strict=True):
            variable.assign(variable.numpy() - rate * factor * gradient.numpy())
    assert apart(trained(model, optimizer, epochs=1), hand) < 1e-6

    model = made(keras)
    optimizer = layer_rates(keras.optimizers.SGD(7.0), model, FACTORS)
    trained(model, optimizer, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)])
    plain = trained(made(keras), keras.optimizers.SGD(0.1))
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    first = layer_rates(keras.optimizers.SGD(0.1), made(keras), {"*": 1})
    assert apart(plain, trained(made(keras), first)) == 0
    assert apart(model, plain) > 1e-3


def test_with_a_loss_scale(keras):
    model, plain = made(keras, "mixed_float16"), made(keras, "mixed_float16")
    policy = keras.mixed_precision if hasattr(keras, "mixed_precision") else keras.optimizers
    rated = policy.LossScaleOptimizer(layer_rates(keras.optimizers.SGD(0.1), model, {"base": 0.25}))
    model.compile(rated, "mse")
    plain.compile(policy.LossScaleOptimizer(keras.optimizers.SGD(0.1)), "mse")
    for each in (model, plain):
        each.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
    start = made(keras).get_weights()
    # One step from the same weights: a quarter of the plain one's where there is a factor.
    for mine, its, before, factor in zip(
        model.get_weights(), plain.get_weights(), start, [0.25] * 4 + [1] * 2, strict=True
    ):
        assert np.abs(mine - before).max() > 0
        np.testing.assert_allclose(mine - before, factor * (its - before), atol=1e-6)


def test_saved_and_loaded_it_goes_on_as_it_was(keras, tmp_path):
    model = made(keras)
    trained(model, layer_rates(keras.optimizers.Adam(0.01), model, FACTORS))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.optimizer.factors == tuple(EACH)
    for each in (model, again):
        each.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    assert apart(model, again) == 0


def test_a_backup_goes_on_bit_for_bit_and_knows_other_factors(keras, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1" if keras.__name__ == "tf_keras" else "0")

    def fitted(folder, epochs, factors=FACTORS):
        model = made(keras)
        optimizer = layer_rates(keras.optimizers.Adam(0.01), model, factors)
        return trained(model, optimizer, epochs, callbacks=[nbkeras.ExactBackup(tmp_path / folder, "epoch")])

    whole = fitted("whole", 4)
    fitted("parts", 2)
    assert apart(fitted("parts", 4), whole) == 0
    with pytest.raises(nbkeras.Refusal, match="optimizer"):
        fitted("parts", 6, {"base": 0.2})
    capsys.readouterr()


MIRRORED = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = sys.argv[1]
import numpy as np, tensorflow as tf
from nbkeras.devices.logical_cpus import logical_cpus
from nbkeras.models.layer_rates import layer_rates
from nbkeras.runtime.refusal import Refusal
logical_cpus(2)
keras = tf.keras
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")

def weights(strategy):
    with strategy.scope():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Dense(3, name="low"), keras.layers.Dense(1)])
        model.build((None, 4))
        optimizer = layer_rates(keras.optimizers.AdamW(0.01, weight_decay=0.1), model, {"low": 0.1})
        model.compile(optimizer, "mse")
    model.fit(x, x[:, :1], batch_size=8, epochs=2, shuffle=False, verbose=0)
    try:
        layer_rates(model.optimizer, model, {"low": 0.1})
    except Refusal as refusal:
        assert "after 8 steps" in str(refusal)
    return np.concatenate([each.ravel() for each in model.get_weights()])

mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
one, two = weights(tf.distribute.get_strategy()), weights(mirrored)
assert np.abs(one - two).max() < 1e-6, (one, two)

# By hand: two layers without activations, SGD with momentum and decay; each batch is that of both replicas.
with mirrored.scope():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(3, name="low"), keras.layers.Dense(1)])
    model.build((None, 4))
    sgd = keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.1)
    model.compile(layer_rates(sgd, model, {"low": 0.1}), "mse")
held = [each.astype("float64") for each in model.get_weights()]
moments = [0.0] * 4
for at in (0, 8, 16, 24) * 2:
    a, b, c, d = held
    batch = x[at : at + 8]
    hidden = batch @ a + b
    error = 2 * (hidden @ c + d - batch[:, :1]) / 8
    back = error @ c.T
    gradients = [batch.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
    for i, rate in enumerate((0.005, 0.005, 0.05, 0.05)):
        held[i] = held[i] * (1 - 0.1 * rate)
        moments[i] = 0.9 * moments[i] - rate * gradients[i]
        held[i] = held[i] + moments[i]
model.fit(x, x[:, :1], batch_size=8, epochs=2, shuffle=False, verbose=0)
for mine, its in zip(held, model.get_weights()):
    np.testing.assert_allclose(its, mine, atol=1e-5)
with mirrored.scope():
    used = keras.optimizers.SGD(0.1)
    model.compile(used, "mse")
model.fit(x, x[:, :1], batch_size=8, verbose=0)
try:
    layer_rates(used, model, {"low": 0.1})
except Exception as refused:
    assert "received SGD after 4 steps" in str(refused), repr(refused)
else:
    raise AssertionError("not refused")
"""


@pytest.mark.parametrize("legacy", ["0", pytest.param("1", marks=pytest.mark.costly)])
def test_two_replicas_learn_as_one(legacy):
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, legacy], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_innermost_name_counts_and_names_go_before_patterns(keras):
    model = made(keras)
    mid = next(each for each in model.layers[0].layers if each.name == "mid")
    assert weight_factors(model, {"*": 0.3, "base": 0.1, mid: 0.5}) == [0.3, 0.3, 0.5, 0.5, 0.3, 0.3]
    assert weight_factors(model, {"b*": 0.1}) == [0.1, 0.1, 0.1, 0.1, 1, 1]
    mid.trainable = False
    assert weight_factors(model, FACTORS) == [0.1, 0.1, 1, 1]


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"bas": 0.1}, "expected a layer of 'whole', received 'bas': it has "),
        ({"base": 0}, "expected a factor above 0 for 'base', received 0"),
        ({"base": float("nan")}, "received nan"),
        ({"base": True}, "received True"),
        ({"m*": 0.1, "mi*": 0.2}, "expected one factor for layer 'mid', received those of 'm*' and 'mi*'"),
    ],
)
def test_factors_that_do_not_fit_are_refused(keras, factors, words):
    with pytest.raises(nbkeras.Refusal) as caught:
        layer_rates(keras.optimizers.SGD(0.1), made(keras), factors)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_weight_in_two_layers_has_one_factor(keras):
    shared = keras.layers.Dense(4, name="shared")
    parts = [keras.Sequential([shared], name=name) for name in ("left", "right")]
    model = keras.Sequential(parts)
    model.build((None, 4))
    with pytest.raises(nbkeras.Refusal, match=r"received 0\.1 of layer 'left' and 0\.2 of layer 'right'"):
        weight_factors(model, {"left": 0.1, "right": 0.2})
    assert weight_factors(model, {"left": 0.1, "right": 0.1}) == [0.1, 0.1]


def test_what_is_no_fresh_optimizer_is_refused(keras):
    model = made(keras)
    used = trained(made(keras), keras.optimizers.SGD(0.1)).optimizer
    rated = layer_rates(keras.optimizers.SGD(0.1), model, FACTORS)
    for optimizer, words in ((used, "after 4 steps"), ("adam", "received str"), (rated, "give all at once")):
        with pytest.raises(nbkeras.Refusal, match=words):
            layer_rates(optimizer, model, FACTORS)
    model.layers[0].trainable = False
    model.compile(rated, "mse")
    # TensorFlow wraps what is raised while it traces.
    with pytest.raises(
        Exception, match="expected the 6 trainable weights of the model as it was, received 2"
    ):
        model.fit(X, Y, verbose=0)
