"""Training a head on kept outputs of its base is training the whole model, or it is refused."""

from __future__ import annotations

import gc
import importlib

import h5py
import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras.models.cached import features as features_file
from nbkeras.models.cached.features import cache_features
from nbkeras.models.row_files import RowWriter

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 6, 6, 3)).astype("float32")
Y = RANDOM.integers(0, 3, 50)


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def made(keras, inside=(), before=(), *, frozen=True, dropout=0.5, **compiled):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    inner = [keras.Input((6, 6, 3)), layers.Conv2D(4, 3, name="conv")]
    base = keras.Sequential([*inner, layers.BatchNormalization(name="norm"), *inside], name="base")
    base.trainable = not frozen
    x = inputs = keras.Input((6, 6, 3))
    for layer in (layers.Rescaling(0.5), *before, base, layers.GlobalAveragePooling2D()):
        x = layer(x)
    x = layers.Dropout(dropout, seed=3)(layers.Dense(8, activation="relu", name="hidden")(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="end")(x), name="whole")
    options = {"metrics": ["accuracy"], **compiled}
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", **options)
    return model


def losses(keras, model, *data, **options):
    # The same seed, and with it the same dropout and, for arrays, the same shuffling.
    keras.utils.set_random_seed(5)
    history = model.fit(*data, epochs=3, verbose=0, **options).history
    return np.array([history[name] for name in sorted(history)])


def test_the_head_learns_what_the_whole_model_would(keras):
    plain, model = made(keras), made(keras)
    expected = losses(keras, plain, X, Y, batch_size=16, validation_data=(X[:9], Y[:9]))
    frozen = [each.numpy() for each in model.get_layer("base").weights]
    cached = cache_features(model, "base", X, batch_size=16)
    held_out = (cached.of(X[:9]), Y[:9])
    found = losses(keras, cached.head, cached.features, Y, batch_size=16, validation_data=held_out)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Joined already: the model itself has learned, to the bit where the base is frozen.
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for before, after in zip(frozen, model.get_layer("base").weights, strict=True):
        np.testing.assert_array_equal(before, after.numpy())
    assert model.optimizer is cached.head.optimizer
    assert int(model.optimizer.iterations) == 12
    np.testing.assert_allclose(
        model.predict(X, verbose=0), cached.head.predict(cached.features, verbose=0), atol=1e-6
    )


WAYS = {
    "several steps at once": ({"steps_per_execution": 3}, {}),
    "one step at a time": ({"run_eagerly": True}, {}),
    "weights of classes": ({}, {"class_weight": {0: 1.0, 1: 3.0, 2: 0.2}}),
    "weights of samples": ({"weighted_metrics": ["accuracy"]}, {"sample_weight": np.linspace(0, 2, 50)}),
    "a part to validate": ({"steps_per_execution": 2}, {"validation_split": 0.3}),
    "metrics and losses as objects": ("objects", {"validation_split": 0.3}),
    "half precision": ("mixed_float16", {}),
    "one replica": ("mirrored", {}),
}


def made_for(keras, way):
    if way == "mixed_float16":
        keras.mixed_precision.set_global_policy(way)
        try:
            return made(keras)
        finally:
            keras.mixed_precision.set_global_policy("float32")
    if way == "mirrored":
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            return made(keras)
    if way == "objects":
        model = made(keras, metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")])
        loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum", name="own")
        metrics = ["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="far")]
        model.compile(model.optimizer, loss, metrics=metrics)
        return model
    return made(keras, **way)


@pytest.mark.costly
@pytest.mark.parametrize("way", WAYS)
def test_the_losses_are_those_of_the_plain_way_however_it_is_trained(keras, way):
    compiled, fitted = WAYS[way]
    plain, model = made_for(keras, compiled), made_for(keras, compiled)
    expected = losses(keras, plain, X, Y, batch_size=16, **fitted)
    cached = cache_features(model, "base", X, batch_size=16)
    found = losses(keras, cached.head, cached.features, Y, batch_size=16, **fitted)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_model_is_saved_and_its_layers_are_found_as_before(keras, tmp_path):
    model = made(keras)
    output, summary = model.get_layer("hidden").output, model.to_json()
    for _ in range(2):
        cache_features(model, "base", X)
    assert model.get_layer("hidden").output is output
    assert model.to_json() == summary
    model.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras", compile=False)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.costly
def test_the_whole_model_goes_on_where_the_head_has_ended(keras):
    # tf_keras begins the noise of a Dropout with a seed again in each function that it traces.
    plain, model = made(keras, dropout=0), made(keras, dropout=0)
    losses(keras, plain, X, Y, shuffle=False)
    expected = losses(keras, plain, X, Y, shuffle=False)
    cached = cache_features(model, "base", X)
    losses(keras, cached.head, cached.features, Y, shuffle=False)
    np.testing.assert_allclose(losses(keras, model, X, Y, shuffle=False), expected, atol=1e-5)


@pytest.mark.costly
def test_a_dataset_keeps_its_batches_targets_and_weights_in_memory_and_on_disk(keras, tmp_path):
    weights = np.linspace(0, 2, 50).astype("float32")
    # A short batch in the middle, too.
    data = tf.data.Dataset.from_tensor_slices((X[:20], Y[:20], weights[:20])).batch(16)
    data = data.concatenate(tf.data.Dataset.from_tensor_slices((X[20:], Y[20:], weights[20:])).batch(16))
    expected = losses(keras, made(keras), data, shuffle=False)
    file = tmp_path / "kept.h5"
    for options in ({}, {"to": file}):
        cached = cache_features(made(keras), "base", data, **options)
        assert cached.is_on_disk == bool(options)
        assert [len(batch[1]) for batch in cached.batches()] == [16, 4, 16, 14]
        found = losses(keras, cached.head, cached.batches(), shuffle=False)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    with h5py.File(file) as opened:
        assert opened["features"].shape == (50, 4, 4, 4)


def test_a_temporary_file_goes_with_what_it_holds(keras):
    cached = cache_features(made(keras), "base", X, memory=1000)
    temporary = cached.features.path
    assert temporary.exists()
    del cached
    gc.collect()
    assert not temporary.exists()


def test_disk_and_memory_shuffle_alike_and_anew_each_epoch(keras, tmp_path):
    kinds = [
        cache_features(made(keras), "base", X, to=to).batches(Y, batch_size=16, shuffle=True, seed=2)
        for to in (None, tmp_path / "kept.h5")
    ]
    epochs = [[np.concatenate(batch) for batch in zip(*data, strict=True)] for data in kinds * 2]
    orders = [order for _, order in epochs]
    assert sorted(orders[0]) == sorted(Y)
    # The first epochs of both, then the second ones.
    for memory, disk in zip(epochs[0], epochs[1], strict=True):
        np.testing.assert_array_equal(memory, disk)
    np.testing.assert_array_equal(orders[2], orders[3])
    assert (orders[0] != orders[2]).any()
    plain = cache_features(made(keras), "base", X).features
    where = {row.tobytes(): label for row, label in zip(plain, Y, strict=True)}
    assert all(where[row.tobytes()] == label for row, label in zip(*epochs[2], strict=True))


@pytest.mark.costly
def test_a_flat_model_is_cut_at_the_last_layer_of_its_base(keras):
    def flat():
        keras.utils.set_random_seed(1)
        images, sizes = keras.Input((4,), name="images"), keras.Input((2,), name="sizes")
        joined = keras.layers.concatenate([keras.layers.Dense(3, name="low")(images), sizes], name="joined")
        both = [keras.layers.Dense(1, name="a")(joined), keras.layers.Dense(2, name="b")(joined)]
        model = keras.Model({"images": images, "sizes": sizes}, both)
        model.get_layer("low").trainable = False
        model.compile("sgd", {"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.25})
        return model

    x = {"images": X[:, 0, 0, :1].repeat(4, 1), "sizes": X[:, 0, :2, 0]}
    targets = {"a": X[:, 0, 0, :1], "b": X[:, 0, :2, 1]}
    model, plain = flat(), flat()
    keras.utils.set_random_seed(5)
    expected = plain.fit(x, targets, epochs=2, verbose=0).history["loss"]
    cached = cache_features(model, model.get_layer("joined"), x)
    keras.utils.set_random_seed(5)
    found = cached.head.fit(cached.features, targets, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(nbkeras.Refusal, match="something of 'sizes' that goes around it"):
        cache_features(model, "low", x)


def test_what_would_not_be_exact_is_refused_with_the_reason(keras):
    layers = keras.layers
    regular = layers.Conv2D(4, 3, activity_regularizer="l2", name="regular")

    class Counting(layers.Layer):
        def build(self, shape):
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, x, training=None):
            if training:
                self.count.assign_add(1.0)
            return x

    class Centred(layers.Layer):
        def call(self, x):
            return x - tf.reduce_mean(x)

    class Doubled(layers.Layer):
        def call(self, x, training=None):
            return x * 2 if training else x

    free = layers.BatchNormalization(center=False, scale=False, name="free")
    moving = made(keras, [free])
    free.trainable = True
    cases = [
        (made(keras, frozen=False), "received 'base' with trainable weights"),
        (moving, "received 'free', whose statistics move"),
        (made(keras, [layers.Dropout(0.1, name="drop")]), "received 'drop' (Dropout), which draws"),
        (made(keras, before=[layers.RandomFlip(name="flip")]), "received 'flip' (RandomFlip), which draws"),
        (made(keras, [regular]), "received 1 up to 'base', such as those of activity_regularizer"),
        (made(keras, [Counting()]), "received one up to 'base' that training changes"),
        (made(keras, [Centred()]), "some that depend on the other samples of a batch"),
        (made(keras, [Doubled()]), "the same outputs of 'base' in training and in inference"),
    ]
    for model, words in cases:
        before = [each.numpy() for each in model.weights]
        with pytest.raises(nbkeras.Refusal) as caught:
            cache_features(model, "base", X)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
    assert cache_features(made(keras, [layers.Dropout(0.0)]), "base", X).features.shape == (50, 4, 4, 4)

    late = made(keras, frozen=False)
    losses(keras, late, X, Y)
    late.get_layer("base").trainable = False
    with pytest.raises(nbkeras.Refusal, match="expected a model compiled after freezing"):
        cache_features(late, "base", X)


def test_a_mask_that_features_would_lose_is_refused(keras):
    def reader(*, mask_zero):
        keras.utils.set_random_seed(1)
        words = keras.layers.Embedding(9, 4, mask_zero=mask_zero, trainable=False, name="words")
        pool = keras.layers.GlobalAveragePooling1D()
        model = keras.Sequential([keras.Input((5,)), words, pool, keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    x = RANDOM.integers(0, 9, (50, 5))
    # In Keras 3 the mask is a part of the graph.
    says = "received 'words' with one, such as mask_zero makes|something of .* that goes around it"
    with pytest.raises(nbkeras.Refusal, match=says):
        cache_features(reader(mask_zero=True), "words", x)
    model = reader(mask_zero=False)
    cached = cache_features(model, "words", x)
    expected = losses(keras, reader(mask_zero=False), x, Y)
    np.testing.assert_allclose(losses(keras, cached.head, cached.features, Y), expected, atol=1e-5)


def test_a_model_for_batches_of_one_size(keras):
    sized = {"batch_size": 10, "shape": (3,)} if keras.__name__ == "tf_keras" else {"batch_shape": (10, 3)}
    inputs = keras.Input(**sized)
    base = keras.layers.Dense(2, name="low", trainable=False)
    model = keras.Model(inputs, keras.layers.Dense(1)(base(inputs)))
    cached = cache_features(model, "low", X[:, 0, 0], batch_size=10)
    np.testing.assert_allclose(cached.features, base(X[:, 0, 0]), atol=1e-6)


def test_training_false_in_the_graph_counts_where_keras_keeps_to_it(keras):
    def with_dropout():
        base = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)], name="base")
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))
        model.compile("sgd", "mse")
        return model

    x = np.ones((8, 4), "float32")
    if keras.__name__ == "tf_keras":
        assert (cache_features(with_dropout(), "base", x).features == 1).all()
    else:
        with pytest.raises(nbkeras.Refusal, match="which draws"):
            cache_features(with_dropout(), "base", x)


def test_data_that_change_are_refused(keras):
    model = made(keras)
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    noisy = data.map(lambda x, y: (x + tf.random.normal(x.shape), y))
    told = {
        "received one with shuffle: leave out  shuffle , and": data.shuffle(50).batch(16),
        "received one with RandomStandardNormal in map": noisy.batch(16),
        "received an endless Dataset": data.batch(16).repeat(),
        "received generator, whose data may differ": (x for x in [X]),
        "received one with a Python function in": tf.data.Dataset.from_generator(
            lambda: iter([X]), output_signature=tf.TensorSpec(X.shape)
        ),
    }
    for words, each in told.items():
        with pytest.raises(nbkeras.Refusal) as caught:
            cache_features(model, "base", each)
        assert words in str(caught.value)
    # What is drawn once, and kept, is the same in each epoch.
    assert len(cache_features(model, "base", noisy.batch(16).cache()).features) == 50


def test_a_base_that_is_none_is_refused(keras):
    class Own(keras.Model):
        def call(self, x):
            return x

    model = made(keras)
    told = {
        "expected the base, or its last layer, of 'whole', received 'bas': it has ": (model, "bas"),
        "expected a head behind the base, received 'end'": (model, "end"),
        "expected a built functional or sequential model, received Own": (Own(), "base"),
        "expected a built functional or sequential model, received ndarray": (X, "base"),
    }
    for words, (each, base) in told.items():
        with pytest.raises(nbkeras.Refusal) as caught:
            cache_features(each, base, X)
        assert words in str(caught.value)
    cached = cache_features(model, "base", X)
    with pytest.raises(nbkeras.Refusal, match="expected 50 targets"):
        cached.batches(Y[:4])
    odd = {
        "received some that it can't compute": X[:, 0],
        "received a RaggedTensor: give NumPy arrays": tf.ragged.constant([[1.0], [2.0, 3.0]]),
        "received a SparseTensor: give NumPy arrays": tf.sparse.from_dense([[1.0]]),
        "expected inputs of one length, received [2, 3]": [X[:2], X[:3]],
        "expected data, received none": X[:0],
    }
    for words, x in odd.items():
        for call in (lambda x=x: cache_features(model, "base", x), lambda x=x: cached.of(x)):
            with pytest.raises(nbkeras.Refusal) as caught:
                call()
            assert words in str(caught.value)
            assert "\n" not in str(caught.value)
    with pytest.raises(nbkeras.Refusal, match="received some that it can't compute"):
        cache_features(model, "base", tf.data.Dataset.from_tensor_slices((X, Y)))


def test_an_interrupted_computation_leaves_no_half_file(keras, tmp_path, monkeypatch):
    file = tmp_path / "kept.h5"
    cache_features(made(keras), "base", X, to=file)
    whole = file.read_bytes()

    class Interrupted(RowWriter):
        def append(self, arrays):
            super().append(arrays)
            raise KeyboardInterrupt

    monkeypatch.setattr(features_file, "RowWriter", Interrupted)
    for to in (file, tmp_path / "other.h5"):
        with pytest.raises(KeyboardInterrupt):
            cache_features(made(keras), "base", X + 1, to=to)
    assert [each.name for each in tmp_path.iterdir()] == ["kept.h5"]
    assert file.read_bytes() == whole


def test_a_file_that_holds_something_else_is_left_alone(tmp_path):
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["x"] = [1]
    for name, words in (
        ("mine.h5", "which holds something else"),
        ("a.npz", "ends with .h5"),
        ("no/a.h5", "make it"),
    ):
        with pytest.raises(nbkeras.Refusal, match=words):
            RowWriter(tmp_path / name)
