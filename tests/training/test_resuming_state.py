"""What optimizers, layers and models hold beside their own list of variables is kept, too."""

from __future__ import annotations

import hashlib
import inspect
import os

import numpy as np
import pytest

import nbkeras

GRID = os.environ.get("GRID") == "pairwise"
# No optimizers to train with, or made of others.
ABSTRACT = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}
ODD = ["MultiOptimizer", "LossScaleOptimizer", "Nadam"]
IMAGES = {
    "RandomZoom": {"height_factor": 0.2},
    "RandomRotation": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomBrightness": {"factor": 0.2, "value_range": (0, 1)},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomShear": {"x_factor": 0.2, "y_factor": 0.2},
    "RandomCrop": {"height": 4, "width": 4},
    "RandomPosterization": {"factor": 4, "value_range": (0, 1)},
    **{name: {} for name in ("RandomFlip", "RandomErasing", "RandomGaussianBlur", "RandomGrayscale")},
    **{name: {} for name in ("RandomPerspective", "RandomElasticTransform", "MixUp", "CutMix")},
    **{
        name: {"value_range": (0, 1)}
        for name in ("RandomInvert", "RandomColorJitter", "RandAugment", "AugMix")
    },
    **{
        name: {"factor": 0.2, "value_range": (0, 1)}
        for name in ("RandomHue", "RandomSaturation", "RandomSharpness", "RandomColorDegeneration")
    },
}


@pytest.fixture
def ends(keras, tmp_path, capsys):
    """Train what is made, whole and interrupted; return what both came to."""
    import tensorflow as tf
    from tensorflow.python.framework import config

    class Ending(keras.callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            if self.seen == self.last:
                raise KeyboardInterrupt

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    def train(make, shape, callbacks, last=None):
        keras.utils.set_random_seed(4)
        rng = np.random.default_rng(0)
        x = rng.random((24, *shape)).astype("float32")
        y = x.reshape(24, -1).sum(1, keepdims=True)
        model = make()
        ending = Ending()
        ending.last = last
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
        history = model.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=[*callbacks, ending])
        held = [each for each in found(model) if each.dtype != "string"]
        digest = hashlib.sha256(b"".join(np.asarray(each).tobytes() for each in held))
        return digest.hexdigest(), history.history

    def ends(make, shape=(6,), callbacks=list):
        tf.config.experimental.enable_op_determinism()
        legacy = keras.__name__ == "tf_keras"
        if legacy:
            keras.backend.experimental.enable_tf_random_generator()
        try:
            whole = train(make, shape, callbacks())
            # In the midst of the second epoch; three steps to come make every slip visible.
            with pytest.raises(KeyboardInterrupt):
                train(make, shape, [nbkeras.ExactBackup(tmp_path / "b", every=2), *callbacks()], last=5)
            resumed = train(make, shape, [nbkeras.ExactBackup(tmp_path / "b"), *callbacks()])
        finally:
            config.disable_op_determinism()
            tf.random.set_seed(None)
            if legacy:
                keras.backend.experimental.disable_tf_random_generator()
        said = capsys.readouterr().out
        assert "resumes at epoch 2, step 1" in said
        return whole, resumed, said

    return ends


def found(model):
    owners = [model, *model.submodules] if hasattr(model, "submodules") else [model]
    optimizers = [each for each in vars(model).values() if callable(getattr(each, "apply_gradients", None))]
    held = [each for owner in [*owners, *optimizers] for each in values_of(owner)]
    return {id(each): each for each in held}.values()


def values_of(owner):
    held = owner.variables
    return held() if callable(held) and not isinstance(held, list) else held


def optimizers(keras):
    names = [
        name
        for name, cls in vars(keras.optimizers).items()
        if inspect.isclass(cls) and name not in ABSTRACT and callable(getattr(cls, "apply_gradients", None))
    ]
    legacy = [
        f"legacy.{name}" for name in dir(getattr(keras.optimizers, "legacy", None)) if name[0].isupper()
    ]
    older = [name for name in legacy if keras.__name__ == "tf_keras" and name != "legacy.Optimizer"]
    return sorted({*names, *older, *ODD}) if GRID else ODD


def made(keras, name):
    if name == "LossScaleOptimizer":
        held = keras.mixed_precision if keras.__name__ == "tf_keras" else keras.optimizers
        return held.LossScaleOptimizer(keras.optimizers.Adam(0.01))
    if name == "MultiOptimizer":
        several = getattr(keras.optimizers, name, None)
        if several is None:
            return keras.optimizers.AdamW(0.01, use_ema=True, ema_overwrite_frequency=4)
        both = [keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.01, momentum=0.9)]
        return several(lambda variable: both["kernel" not in variable.path])
    place = keras.optimizers
    for part in name.split("."):
        place = getattr(place, part)
    return place()


@pytest.mark.costly("tf_keras")
def test_optimizers(keras, ends, tmp_path):
    layers, different = keras.layers, []
    for name in optimizers(keras):

        def make(name=name):
            model = keras.Sequential([layers.Input((6,)), layers.Dense(4), layers.Dense(1)], name="net")
            model.compile(made(keras, name), "mse")
            return model

        whole, resumed, _ = ends(make)
        if whole != resumed:
            different.append(name)
        for path in (tmp_path / "b").iterdir():
            path.unlink()
    assert different == []


@pytest.mark.skipif(not GRID, reason="a part of make grid")
def test_random_layers(keras, ends, tmp_path):
    layers, different = keras.layers, []
    others = {
        "noise": lambda: [layers.GaussianNoise(0.1), layers.GaussianDropout(0.1), layers.AlphaDropout(0.2)],
        "norms": lambda: [layers.BatchNormalization(), layers.SpatialDropout2D(0.1)],
        "lstm": lambda: [layers.Reshape((8, 24)), layers.Bidirectional(layers.LSTM(3, dropout=0.2))],
        "attention": lambda: [layers.Reshape((8, 24)), layers.LSTM(4, return_sequences=True, dropout=0.1)],
    }
    if hasattr(layers, "SpectralNormalization"):
        others["spectral"] = lambda: [layers.SpectralNormalization(layers.Dense(4))]
    images = {name: lambda name=name: [getattr(layers, name)(**IMAGES[name])] for name in IMAGES}
    for name, some in {**others, **images}.items():
        if name in IMAGES and not hasattr(layers, name):
            continue

        def make(some=some):
            model = keras.Sequential(
                [layers.Input((8, 8, 3)), *some(), layers.Flatten(), layers.Dense(1)], name="net"
            )
            model.compile("sgd", "mse")
            return model

        whole, resumed, _ = ends(make, (8, 8, 3))
        if whole != resumed:
            different.append(name)
        for path in (tmp_path / "b").iterdir():
            path.unlink()
    assert different == []


def test_two_optimizers_and_a_variable_of_a_layer(keras, ends):
    import tensorflow as tf

    class Counting(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = tf.Variable(0.0, trainable=False)

        def call(self, x):
            self.seen.assign_add(1.0)
            return x * (1 + 0.01 * self.seen)

    class Pair(keras.Model):
        def __init__(self):
            super().__init__(name="pair")
            self.one = keras.Sequential([keras.layers.Input((6,)), Counting(), keras.layers.Dense(3)])
            self.two = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])

        def compile(self, both):
            super().compile()
            self.both = both

        def call(self, x):
            return self.two(self.one(x))

        def train_step(self, data):
            x, y = data
            for part, optimizer in zip((self.one, self.two), self.both, strict=True):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
                slopes = tape.gradient(loss, part.trainable_variables)
                optimizer.apply_gradients(zip(slopes, part.trainable_variables, strict=True))
            return {"loss": loss}

    def make():
        model = Pair()
        model.compile([keras.optimizers.Adam(0.01), keras.optimizers.RMSprop(0.01)])
        return model

    whole, resumed, _ = ends(make)
    assert resumed == whole
