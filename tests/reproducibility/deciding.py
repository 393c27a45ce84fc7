"""What decides the bits of a seeded training besides its seed: ``python -m tests.reproducibility.deciding``.

One small training with ``nbkeras.fitting(seed=7)`` runs in new processes that differ in one setting each. The
table says for each setting whether the weights came out with the bits of the first process.
"""

from __future__ import annotations

import os
import subprocess
import sys

TRAINING = """
import hashlib, importlib, os, sys
import numpy as np, tensorflow as tf
line, setting = sys.argv[1:]
keras = importlib.import_module(line)
import nbkeras
if setting == "one thread":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
x = np.random.default_rng(0).random((256, 12, 12, 1)).astype("float32")
y = (x.sum(axis=(1, 2, 3)) > 72).astype("int32")
with nbkeras.fitting(seed=8 if setting == "another seed" else 7, quiet=True):
    layers = [
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
    model = keras.Sequential([keras.Input((12, 12, 1)), *layers])
    compiled = {"jit_compile": True} if setting == "jit_compile=True" else {}
    model.compile("adam", "sparse_categorical_crossentropy", **compiled)
    model.fit(x, y, epochs=2, verbose=0)
weights = b"".join(np.asarray(each).tobytes() for each in model.get_weights())
print("weights", hashlib.sha256(weights).hexdigest()[:16])
"""
SETTINGS: dict[str, dict[str, str]] = {
    "nothing changed": {},
    "another PYTHONHASHSEED": {"PYTHONHASHSEED": "1"},
    "one thread": {},
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "jit_compile=True": {},
    "another seed": {},
}


def weights(line: str, setting: str, changed: dict[str, str]) -> str:
    """Train in a new process and return the fingerprint of the weights."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "TF_CPP_MIN_LOG_LEVEL": "3", **changed}
    command = [sys.executable, "-c", TRAINING, line, setting]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def main() -> None:
    """Print the table."""
    print(f"{'setting':24}{'Keras 3':12}tf_keras")  # noqa: T201 - the answer
    first = {line: weights(line, "first", {}) for line in ("keras", "tf_keras")}
    for setting, changed in SETTINGS.items():
        same = [weights(line, setting, changed) == bits for line, bits in first.items()]
        said = ["same" if each else "other" for each in same]
        print(f"{setting:24}{said[0]:12}{said[1]}", flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
