"""Two runs agree to the bit, in one process and in two; each epoch has its order, each seed its result."""

import hashlib
import subprocess
import sys
from pathlib import Path

from nbkeras import fitting, recipes

# Deterministic operations can't be switched off again.
OWN = [
    (
        {"model": "mine", "x": "inputs", "y": "targets", "batch_size": 7, "epochs": 2, "seed": 7},
        """
import numpy as np
from tensorflow import keras
inputs, targets = np.random.normal(size=(40, 2)).astype("float32"), np.ones((40, 1), "float32")
mine = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
mine.compile(loss="mse")
""",
    ),
]


def fresh(values):
    return True


def kept(values, variables, line):
    code = recipes.get("reproducible").code(line=line, **values)
    first = variables["fingerprint"]
    model = variables[values["model"] or "model"]
    assert _fingerprint(code, variables) == first
    assert _distinct_orders(variables["data"], values["epochs"]) == values["epochs"]
    if values["model"]:
        # It was a copy that was trained.
        assert model.optimizer.iterations == 0
    else:
        assert model is not variables["model"]
    if values["determinism"] and not values["model"]:
        Path("again.py").write_text(code)
        done = subprocess.run([sys.executable, "again.py"], capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1] == first
    with_magics = recipes.get("reproducible").code(line=line, magics=True, **values)
    magic, _, body = with_magics.partition("\n")
    if not values["determinism"]:
        assert with_magics == recipes.get("reproducible").code(line=line, **values)
    elif not values["model"]:
        # The magic gives the epochs other orders than the plain code, and the same ones again.
        assert magic == f"%%fit --seed {values['seed']}"
        one, again = (_with_seed(body, values["seed"], variables) for _ in range(2))
        assert one == again != _with_seed(body, values["seed"] + 1, variables)
    other = recipes.get("reproducible").code(line=line, **{**values, "seed": 43})
    assert _fingerprint(other, variables) != first


def _fingerprint(code, variables):
    exec(compile(code, "<again>", "exec"), variables)  # noqa: S102 - what the promise is about
    return variables["fingerprint"]


def _with_seed(code, seed, variables):
    with fitting(seed=seed, quiet=True):
        exec(compile(code, "<magic>", "exec"), variables)  # noqa: S102 - what the promise is about
    weights = b"".join(array.tobytes() for array in variables["model"].get_weights())
    return hashlib.sha256(weights).hexdigest()


def _distinct_orders(data, epochs):
    """Count the orders of fit's epochs, told by the losses of a model that does not learn."""
    from tensorflow import keras

    orders = []

    class Losses(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            orders.append([])

        def on_train_batch_end(self, batch, logs=None):
            # The loss that is logged is the mean since the epoch began.
            orders[-1].append(round(float(logs["loss"]) * (batch + 1), 4))

    first = next(iter(data))[0]
    model = keras.Sequential([keras.Input(first.shape[1:]), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    model.fit(data, epochs=epochs, callbacks=[Losses()], verbose=0)
    return len(set(map(tuple, orders)))
