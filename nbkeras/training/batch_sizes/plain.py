"""The search for a batch size as plain Keras."""

from __future__ import annotations

_CODE = '''\
import subprocess
import sys
import tempfile
import time

import {keras}
import tensorflow as tf

# Each trial is a process of its own: memory that runs out ends that one. Import classes of your own in it.
TRIAL = """
import os, sys, time

os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
{limited}import {keras}
import tensorflow as tf

folder, size = sys.argv[1], int(sys.argv[2])
model = {keras}.models.load_model(folder + "/model.keras")
batch = next(iter(tf.data.Dataset.load(folder + "/samples").repeat().batch(size)))
batches = tf.data.Dataset.from_tensors(batch).repeat()
model.fit(batches, steps_per_epoch=2, verbose=0)
began = time.perf_counter()
model.fit(batches, steps_per_epoch=5, verbose=0)
print(5 * size / (time.perf_counter() - began))
"""


def samples_a_second(size):
    """Return how fast batches of a size train, None where they do not fit."""
    command = [sys.executable, "-c", TRIAL, folder, str(size)]
    done = subprocess.run(command, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


with tempfile.TemporaryDirectory() as folder:
    {model}.save(folder + "/model.keras")
    {samples}.save(folder + "/samples")
    size, fits, too_large, end = {smallest}, 0, None, time.monotonic() + {seconds:g}
    while time.monotonic() < end:
        rate = samples_a_second(size)
        if rate is None:
            too_large = size
        else:
            fits = size
            print(f"{{size}}: {{rate:,.0f}} samples a second")
        if too_large is None and size < {largest}:
            size = min(2 * size, {largest})
        elif too_large is not None and too_large - fits > max(1, fits // 16):
            size = (fits + too_large) // 2
        else:
            break
print("largest that fits:", fits)
'''
_LIMITED = """\
import resource

resource.setrlimit(resource.RLIMIT_DATA, ({memory}, {memory}))
"""


def plain_code(
    model: str,
    samples: str,
    *,
    keras: str,
    smallest: int,
    largest: int,
    memory: int | None,
    seconds: float,
) -> str:
    """Return plain Keras code that tries batch sizes, each in a process of its own.

    Args:
        model: the variable that holds the model.
        samples: code of a dataset of single samples.
        keras: the module of the Keras line.
        smallest: the first size.
        largest: no size above it is tried.
        memory: the most bytes that a trial may take, None for no limit.
        seconds: after which no further size is tried.
    """
    return _CODE.format(
        model=model,
        samples=samples,
        keras=keras,
        smallest=smallest,
        largest=largest,
        seconds=seconds,
        limited="" if memory is None else _LIMITED.format(memory=memory),
    )


def samples_code(names: tuple[str, str | None, str | None], kind: str) -> str:
    """Return code of a dataset of a few single samples.

    Example:
        >>> samples_code(("x", "y", None), "arrays")
        'tf.data.Dataset.from_tensor_slices((x[:32], y[:32]))'

    Args:
        names: the variables that hold inputs, targets and weights, None for those that there are none of.
        kind: ``"dataset"``, ``"sequence"`` of batches, ``"arrays"``, or ``"structures"`` of arrays.
    """
    if kind == "dataset":
        return f"{names[0]}.unbatch().take(32)"
    if kind == "sequence":
        return f"tf.data.Dataset.from_tensor_slices({names[0]}[0])"
    # Keras takes no weights without targets.
    given = [name for name in names[: 3 if names[1] else 1] if name]
    if kind == "arrays":
        parts = ", ".join(f"{name}[:32]" for name in given)
        return f"tf.data.Dataset.from_tensor_slices(({parts}{',' * (len(given) == 1)}))"
    whole = f"({', '.join(given)}{',' * (len(given) == 1)})"
    return f"tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(lambda each: each[:32], {whole}))"
