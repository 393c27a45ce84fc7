"""Trainings whose end shall be the same, bit for bit, however often they are killed on the way.

Each case makes its model, its data and the arguments of ``fit`` anew, as the cell of a notebook does.
"""

from __future__ import annotations

import numpy as np

SAMPLES, FEATURES, BATCH, EPOCHS = 80, 6, 16, 5


def dropout_and_norm(keras, folder):
    """BatchNorm statistics, seed generators and an augmentation layer; a seeded shuffle."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(2, 2),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(1)
    x, y = rng.random((SAMPLES, 4, 4, 1)).astype("float32"), rng.integers(0, 3, SAMPLES)
    return model, {"x": _dataset(x, y)}


def unknown_length(keras, folder):
    """A dataset that does not say how long it is, with noise of its own; a validation set that shuffles."""
    import tensorflow as tf

    x, y = _data()
    data = _dataset(x, y).unbatch().filter(lambda a, b: a[0] < 0.9)
    data = data.map(lambda a, b: (a + tf.random.normal(tf.shape(a), stddev=0.1), b)).batch(BATCH)
    model = _dense(keras, "adam")
    return model, {"x": data, "validation_data": _dataset(x[:40], y[:40]).take(2)}


def steps_per_epoch(keras, folder):
    """A dataset that repeats for ever, several steps at once, and a schedule of the learning rate."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.9)
    model = _dense(keras, keras.optimizers.SGD(schedule, momentum=0.9), steps_per_execution=2)
    return model, {"x": _dataset(*_data()).repeat(), "steps_per_epoch": 6}


def py_dataset(keras, folder):
    """A PyDataset that shuffles by NumPy's own state at each epoch's end."""
    base = getattr(keras.utils, "PyDataset", keras.utils.Sequence)
    x, y = _data()

    class Batches(base):
        def __init__(self):
            if base.__name__ == "PyDataset":
                super().__init__()
            self.order = np.random.permutation(SAMPLES)  # noqa: NPY002 - as users draw

        def __len__(self):
            return SAMPLES // BATCH

        def __getitem__(self, index):
            part = self.order[index * BATCH : (index + 1) * BATCH]
            return x[part], y[part]

        def on_epoch_end(self):
            self.order = np.random.permutation(SAMPLES)  # noqa: NPY002 - as users draw

    return _dense(keras, "rmsprop"), {"x": Batches()}


def workers(keras, folder):
    """A PyDataset that two threads load, whose noise follows from the epoch and the place in it."""
    base = getattr(keras.utils, "PyDataset", keras.utils.Sequence)
    new = base.__name__ == "PyDataset"
    x, y = _data()

    class Noisy(base):
        def __init__(self):
            if new:
                super().__init__(workers=2)
            self.epoch = 0

        def __len__(self):
            return SAMPLES // BATCH

        def __getitem__(self, index):
            part = slice(index * BATCH, (index + 1) * BATCH)
            noise = np.random.default_rng([self.epoch, index]).normal(size=(BATCH, FEATURES))
            return x[part] + noise.astype("float32"), y[part]

        def on_epoch_end(self):
            self.epoch += 1

    return _dense(keras, "adam"), {"x": Noisy(), **({} if new else {"workers": 2, "shuffle": False})}


def everything(keras, folder):
    """Arrays that Keras shuffles, augmentation, dropout, plateaus and early stopping, all in one."""
    layers, made = keras.layers, keras.callbacks
    model = keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.RandomTranslation(0.2, 0.2),
            layers.Conv2D(2, 2),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"])
    x = np.random.default_rng(2).random((SAMPLES, 4, 4, 1)).astype("float32")
    return model, {
        "x": x,
        "y": x.sum((1, 2)),
        "batch_size": BATCH,
        "shuffle": True,
        "validation_split": 0.25,
        "epochs": 7,
        "callbacks": [
            made.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.5, min_delta=5.0),
            made.EarlyStopping(monitor="loss", patience=3, min_delta=5.0, restore_best_weights=True),
        ],
    }


def callbacks(keras, folder):
    """Plateaus, early stopping with its best weights, a CSV file, a schedule by epoch, one of one's own."""
    made = keras.callbacks

    class Seen(made.Callback):
        def __init__(self):
            super().__init__()
            self.batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1

        def on_epoch_end(self, epoch, logs=None):
            if logs is not None:
                logs["batches"] = self.batches

        def get_state(self):
            return {"batches": np.array(self.batches)}

        def set_state(self, state):
            self.batches = int(state["batches"])

    x, y = _data()
    return _dense(keras, "adam"), {
        "x": _dataset(x, y),
        "validation_data": (x[:30], y[:30]),
        "epochs": 9,
        "callbacks": [
            made.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            Seen(),
            made.ReduceLROnPlateau(patience=1, factor=0.7, min_delta=0.08, monitor="val_loss"),
            made.EarlyStopping(patience=1, min_delta=0.075, restore_best_weights=True, monitor="val_loss"),
            made.CSVLogger(str(folder / "log.csv")),
            made.ModelCheckpoint(
                str(folder / "best.weights.h5"), save_best_only=True, save_weights_only=True
            ),
        ],
    }


def logged(keras, folder):
    """TensorBoard by steps and by epochs, a layer with a generator of its own, and averaged weights.

    On Keras 3, the latter take their turns at epochs' ends.
    """
    made = keras.callbacks
    x, y = _data()
    callbacks = [made.TensorBoard(str(folder / "events"), update_freq=1, histogram_freq=2)]
    options = {}
    if hasattr(made, "SwapEMAWeights"):
        callbacks.append(made.SwapEMAWeights(swap_on_epoch=True))
        options = {"use_ema": True, "ema_momentum": 0.8}
    model = keras.Sequential([_noise(keras), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01, **options), "mse", metrics=["mae"])
    return model, {"x": _dataset(x, y), "validation_data": (x[:30], y[:30]), "callbacks": callbacks}


def stateful(keras, folder):
    """The states of a stateful RNN go on from batch to batch."""
    inputs = keras.layers.Input(batch_shape=(BATCH, 3, 2))
    hidden = keras.layers.GRU(3, stateful=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    x, y = _data()
    return model, {"x": x.reshape(SAMPLES, 3, 2), "y": y, "batch_size": BATCH, "shuffle": False}


def mixed(keras, folder):
    """Half precision, whose loss scale is state, too; a file that does not say how many records it has."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1, dtype="float32")])
        model.compile("adam", "mse")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    return model, {
        "x": _records(*_data(), str(folder / "data.tfrecord")),
        "validation_data": _dataset(*_data()),
    }


CASES = {
    case.__name__: case
    for case in (
        dropout_and_norm,
        unknown_length,
        steps_per_epoch,
        py_dataset,
        workers,
        everything,
        callbacks,
        logged,
        stateful,
        mixed,
    )
}


def _data():
    rng = np.random.default_rng(0)
    x = rng.random((SAMPLES, FEATURES)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def _dataset(x, y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(SAMPLES, seed=4).batch(BATCH)


def _records(x, y, path):
    import tensorflow as tf

    with tf.io.TFRecordWriter(path) as writer:
        for row in np.concatenate([x, y], axis=1):
            writer.write(row.tobytes())

    def parsed(text):
        row = tf.io.decode_raw(text, tf.float32)
        return tf.reshape(row[:FEATURES], [FEATURES]), row[FEATURES:]

    data = tf.data.TFRecordDataset(path).shuffle(30, seed=5).map(parsed, num_parallel_calls=2)
    return data.shuffle(20, seed=6).batch(BATCH).prefetch(1)


def _noise(keras):
    import tensorflow as tf

    class Noise(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = tf.random.Generator.from_seed(3)

        def call(self, x, training=None):
            return x + 0.1 * self.generator.normal(tf.shape(x)) if training else x

    return Noise()


def _dense(keras, optimizer, **compiled):
    layers = keras.layers
    model = keras.Sequential([layers.Dense(5, activation="relu"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"], **compiled)
    return model
