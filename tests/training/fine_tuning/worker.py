"""A fine-tuning with augmentation, dropout and early stopping, that SIGKILL may end after a step.

Arguments: the step, 0 for none, and folders, in each of which the fine-tuning is done anew or goes on. In
those whose name begins with "kept" there is no augmentation: the outputs of the base are computed once.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys

import numpy as np
import tensorflow as tf

import nbkeras

KILL, FOLDERS = int(sys.argv[1]), sys.argv[2:]
keras = tf.keras
layers = keras.layers
if os.environ["TF_USE_LEGACY_KERAS"] == "1":
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


def fine_tuned(folder):
    """Make the model as a cell does, fine-tune it, and tell all that came of it."""
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
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    before = [np.array(each) for each in model.get_weights()]
    stages = [
        nbkeras.Stage("head", epochs=2),
        nbkeras.Stage("c2", epochs=2, learning_rate=1e-3, early_stopping=1),
        nbkeras.Stage("all", epochs=2, learning_rate=1e-3, depth_factor=0.1, batch_norm=True),
    ]
    options = {"validation_split": 0.25, "batch_size": 16, "quiet": True}
    if not folder.startswith("kept"):
        options["augmentation"] = layers.RandomFlip("horizontal", seed=7)
    backup = {"backup": folder, "every": 1, "seed": 5}
    result = nbkeras.fine_tune(model, x, y, stages=stages, callbacks=[Kill()], **options, **backup)
    held = [*model.variables, *model.optimizer.variables]
    values = b"".join(np.ascontiguousarray(each.numpy()).tobytes() for each in held)
    run = result.run
    told = {
        "weights": hashlib.sha256(values).hexdigest(),
        "history": result.history,
        "curve": run.history,
        "epochs": run.epoch_numbers("loss"),
        "steps": run.progress.done,
        "events": [[each.step, each.text] for each in run.events],
        "kept": result.plan.stages[0].kept is not None,
        "runs": [each.id for each in nbkeras.runs.all()].count(run.id),
    }
    result.undo()
    pairs = zip(before, model.get_weights(), strict=True)
    return {**told, "undone": all((was == now).all() for was, now in pairs)}


for each in FOLDERS:
    sys.stdout.write("TOLD " + json.dumps(fine_tuned(each)) + "\n")
