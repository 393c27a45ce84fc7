"""NBK103 to NBK110: planted faults in real models of both Keras lines, what they do, and what mends them."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import tensorflow as tf

from nbkeras.checks.half_precision import half_precision

ONES = np.ones((8, 4), "float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    module = importlib.import_module(request.param)
    module.mixed_precision.set_global_policy("mixed_float16")
    yield module
    module.mixed_precision.set_global_policy("float32")


def made(keras, *, loss="mse", optimizer=None, hidden=(), kind=None, last=None, **options):
    """Make a model whose weights are 1, so that its output is known."""
    ones = {"kernel_initializer": "ones", "use_bias": False}
    end = {"dtype": "float32"} if last is None else last
    layers = [keras.Input((4,)), keras.layers.Dense(8, **ones), *hidden, keras.layers.Dense(1, **ones, **end)]
    model = (kind or keras.Sequential)(layers)
    model.compile(optimizer or keras.optimizers.SGD(0.125), loss, **options)
    return model


def codes(model, **more):
    return [finding.code for finding in half_precision(model, **more)]


def moved(model, target=0.0):
    """Return how far one step moves the first weight."""
    before = model.get_weights()[0].copy()
    model.fit(ONES, np.full((8, 1), target, "float32"), verbose=0)
    return float(np.abs(model.get_weights()[0] - before).max())


def is_3(keras):
    return keras.__name__ == "keras"


def scaled(keras, optimizer):
    return keras.mixed_precision.LossScaleOptimizer(optimizer)


def test_a_good_model_has_nothing(keras):
    assert codes(made(keras), batch_size=8, tensor_cores=True) == []
    keras.mixed_precision.set_global_policy("float32")
    # In float32 nothing of this is a fault.
    plain = made(keras, hidden=[keras.layers.Dense(7)], last={})
    assert codes(plain, batch_size=7, tensor_cores=True) == []


def test_an_output_in_16_bits_and_the_loss_that_comes_of_it(keras):
    model = made(keras, last={"name": "end"})
    found = half_precision(model)
    # tf_keras computes the loss in what the output has; Keras 3 takes it to float32 first.
    assert [each.code for each in found] == ["NBK103"] + ["NBK104"] * (not is_3(keras))
    assert "output layer 'end'" in str(found[0])
    assert 'Dense(…, dtype="float32")' in found[0].fix
    target = np.full((8, 1), 400, "float32")
    # The output is 32: the square of the difference is above 65504.
    assert np.isfinite(model.evaluate(ONES, target, verbose=0)) == is_3(keras)
    assert np.isfinite(made(keras).evaluate(ONES, target, verbose=0))

    functional = keras.Model(
        model.inputs, keras.Sequential([*model.layers, keras.layers.Softmax(name="p")])(model.inputs[0])
    )
    functional.compile("sgd", "mse")
    assert "output layer 'p'" in str(half_precision(functional)[0])


def test_a_loss_that_was_given_16_bits():
    keras = importlib.import_module("keras")
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = made(keras, loss=[keras.losses.MeanSquaredError(dtype="float16")])
        assert codes(model) == ["NBK104"]
        target = np.full((8, 1), 400, "float32")
        assert not np.isfinite(model.evaluate(ONES, target, verbose=0))
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_gradients_that_nobody_scales(keras):
    keras.mixed_precision.set_global_policy("float32")
    # compile looks at the model's own policy, which is float32 here.
    layer = keras.layers.Dense(8, dtype="mixed_float16", kernel_initializer="ones")
    faulty = made(keras, hidden=[layer], loss=tiny)
    (found,) = half_precision(faulty)
    assert found.code == "NBK105"
    assert f"{layer.name} in float16, optimizer SGD" in str(found)
    layer = keras.layers.Dense(8, dtype="mixed_float16", kernel_initializer="ones")
    mended = made(keras, hidden=[layer], loss=tiny, optimizer=scaled(keras, keras.optimizers.SGD(2.0**20)))
    assert codes(mended) == []
    faulty.optimizer.learning_rate = 2.0**20
    # The gradients are 1e-8 or so.
    assert moved(faulty) == 0
    assert moved(mended) > 0
    if is_3(keras):
        keras.mixed_precision.set_global_policy("mixed_float16")
        assert codes(made(keras, auto_scale_loss=False)) == ["NBK105"]


def tiny(_, output):
    return 1e-11 * tf.reduce_mean(tf.cast(output, "float32"))


def own_step(keras, learn):
    class Own(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
                larger = self.scaled(loss)
            gradients = tape.gradient(larger, self.trainable_variables)
            learn(self.optimizer, gradients, self.trainable_variables)
            return {"loss": loss}

        def scaled(self, loss):
            return loss

    return Own


def apply(optimizer, gradients, variables):
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def unscale_and_apply(optimizer, gradients, variables):
    apply(optimizer, optimizer.get_unscaled_gradients(gradients), variables)


def test_a_step_of_ones_own_that_does_not_scale(keras):
    faulty = made(keras, kind=own_step(keras, apply))
    assert codes(faulty) == ["NBK106"]

    class Mended(own_step(keras, apply if is_3(keras) else unscale_and_apply)):
        def scaled(self, loss):
            return self.optimizer.scale_loss(loss) if is_3(keras) else self.optimizer.get_scaled_loss(loss)

    mended = made(keras, kind=Mended)
    # The step calls a method of the class, and that one scales.
    assert codes(mended) == []
    assert codes(made(keras, kind=type("Same", (keras.Sequential,), {}))) == []
    right = moved(made(keras), target=31.875)
    assert moved(mended, target=31.875) == pytest.approx(right, rel=1e-2)
    times = 1 / 2**15 if is_3(keras) else 1
    assert moved(faulty, target=31.875) == pytest.approx(right * times, rel=1e-2)


def test_an_optimizer_wrapped_twice(keras):
    if not is_3(keras):
        with pytest.raises(TypeError, match="cannot wrap another"):
            scaled(keras, scaled(keras, keras.optimizers.SGD()))
        return
    twice = made(keras, optimizer=scaled(keras, scaled(keras, keras.optimizers.SGD(0.125))))
    assert codes(twice) == ["NBK107"]
    right = moved(made(keras), target=31.875)
    assert moved(twice, target=31.875) == pytest.approx(right / 2**15, rel=1e-2)


def test_a_scale_that_bfloat16_does_not_need(keras):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    assert codes(made(keras)) == []
    (found,) = half_precision(made(keras, optimizer=scaled(keras, keras.optimizers.SGD())))
    assert (found.code, found.severity) == ("NBK108", "hint")


def test_sizes_that_do_not_fill_tensor_cores(keras):
    model = made(keras, hidden=[keras.layers.Dense(30, name="odd")])
    (found,) = half_precision(model, batch_size=33, tensor_cores=True)
    assert (found.code, found.evidence) == ("NBK109", "odd: 30, batches of 33")
    assert found.fix.startswith("32")
    assert codes(model, batch_size=33) == []


def test_an_epsilon_that_is_0_in_float16(keras):
    class Scale(keras.layers.Layer):
        epsilon = 1e-8

        def call(self, x):
            return x / (x - x + self.epsilon)

    scale = Scale()
    (found,) = half_precision(made(keras, hidden=[scale]))
    assert found.code == "NBK110"
    assert scale.name in str(found)
    assert not np.isfinite(scale(np.ones((1, 2), "float16"))).any()
    scale.epsilon = 1e-4
    assert codes(made(keras, hidden=[scale, keras.layers.LayerNormalization(epsilon=1e-8)])) == []
    keras.mixed_precision.set_global_policy("float16")
    adam = keras.optimizers.Adam(epsilon=1e-8)
    assert "NBK110" in codes(made(keras, optimizer=scaled(keras, adam)))
