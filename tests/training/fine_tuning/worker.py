"""A fine-tuning with augmentation, dropout and early stopping, killed at a step: SIGKILL, as by the system."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys

FOLDER, LEGACY, KILL = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["TF_USE_LEGACY_KERAS"] = LEGACY

import numpy as np
import tensorflow as tf

import nbkeras

keras = tf.keras
layers = keras.layers
if LEGACY == "1":
    # Its dropout draws from a state that nobody can read, otherwise.
    keras.backend.experimental.enable_tf_random_generator()
STEPS = [0]


class Kill(keras.callbacks.Callback):
    """Kills this process after a step, counted over all stages that this process trains."""

    def on_train_batch_end(self, batch, logs=None):
        STEPS[0] += 1
        if STEPS[0] == KILL:
            os.kill(os.getpid(), signal.SIGKILL)

    def get_state(self):
        return {}

    def set_state(self, state):
        pass


keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(64, 6, 6, 1)).astype("float32")
y = np.arange(64) % 3
base = [
    layers.Conv2D(2, 3, name="c1"),
    layers.BatchNormalization(name="bn"),
    layers.MaxPooling2D(),
    layers.Conv2D(3, 2, name="c2"),
    layers.GlobalAveragePooling2D(),
]
parts = [keras.Sequential(base, name="base"), layers.Dropout(0.3), layers.Dense(3, name="head")]
model = keras.Sequential([keras.Input((6, 6, 1)), *parts], name="net")
model.compile(
    keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"]
)
before = [np.array(each) for each in model.get_weights()]
stages = [
    nbkeras.Stage("head", epochs=2),
    nbkeras.Stage("c2", epochs=2, learning_rate=1e-3, early_stopping=1),
    nbkeras.Stage("all", epochs=2, learning_rate=1e-3, depth_factor=0.1, batch_norm=True),
]
result = nbkeras.fine_tune(
    model,
    x,
    y,
    validation_split=0.25,
    batch_size=16,
    stages=stages,
    augmentation=layers.RandomFlip("horizontal", seed=7),
    seed=5,
    backup=FOLDER,
    every=1,
    quiet=True,
    callbacks=[Kill()],
)
held = [*model.variables, *model.optimizer.variables]
digest = hashlib.sha256(b"".join(np.ascontiguousarray(each.numpy()).tobytes() for each in held)).hexdigest()
run = result.run
told = {
    "weights": digest,
    "history": result.history,
    "curve": run.history,
    "epochs": run.epoch_numbers("loss"),
    "steps": run.progress.done,
    "events": [[each.step, each.text] for each in run.events],
    "runs": [each.id for each in nbkeras.runs.all()].count(run.id),
}
result.undo()
told["undone"] = all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
sys.stdout.write("TOLD " + json.dumps(told) + "\n")
