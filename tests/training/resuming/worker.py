"""Trains the cases in processes of their own, and kills them.

TensorFlow is imported once; each training is a fork made before TensorFlow's first operation.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np


def train(keras, name, folder, every, started, watch):
    """Train a case to its end, and return what came of it."""
    import tensorflow as tf

    import nbkeras
    from tests.training.resuming.cases import CASES, EPOCHS

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(7)
    legacy = keras.__name__ == "tf_keras"
    if legacy:
        keras.backend.experimental.enable_tf_random_generator()
    model, arguments = CASES[name](keras, folder)
    own = arguments.pop("callbacks", [])
    begin = keras.callbacks.LambdaCallback(
        **{
            "on_batch_begin" if legacy else "on_train_batch_begin": lambda batch, logs: os.write(
                started, b"."
            )
        }
    )
    backup = [] if every is None else [nbkeras.ExactBackup(folder / "backup", every=every)]
    watch()
    history = model.fit(**{"epochs": EPOCHS, "verbose": 0, **arguments, "callbacks": [*backup, *own, begin]})
    variables = [*model.variables, *model.optimizer.variables]
    log = folder / "log.csv"
    return {
        "weights": _sha(np.asarray(each) for each in variables),
        "history": {key: [float(each) for each in values] for key, values in history.history.items()},
        "epochs": [int(epoch) for epoch in history.epoch],
        "csv": log.read_text() if log.exists() else "",
        "events": _events(folder / "events"),
    }


def _events(folder):
    """What TensorBoard's own reader finds: step and value of each scalar, and the steps of all else."""
    if not folder.exists():
        return {}
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for part in ("train", "validation"):
        read = EventAccumulator(str(folder / part), size_guidance={"tensors": 0}).Reload()
        for tag in set(read.Tags()["tensors"]) - {"keras"}:
            points = [(each.step, tf.make_ndarray(each.tensor_proto)) for each in read.Tensors(tag)]
            found[f"{part} {tag}"] = [(step, _sha([value])) for step, value in points]
    return found


def _sha(arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def fork(keras, name, folder, every, kill=None):
    """Train in a child; return its result, or None when it was killed, and the seconds that it trained.

    ``kill`` is seconds after the first step (which takes the longest), a negative number of syncs to the disk
    (so that it comes in the midst of a backup), or None for never.
    """
    read, write = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(read)
            watch = _kill_at_sync(-kill) if kill is not None and kill < 0 else lambda: None
            result = train(keras, name, folder, every, write, watch)
            (folder / "result.json").write_text(json.dumps(result))
            status = 0
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(write)
    steps = os.read(read, 1) + os.read(read, 1)
    began = time.monotonic()
    if kill is not None and kill >= 0 and steps:
        time.sleep(kill)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(read)
    if status and not os.WIFSIGNALED(status):
        sys.exit(f"{name}: the training failed")
    result = None if status else json.loads((folder / "result.json").read_text())
    return result, time.monotonic() - began


def _kill_at_sync(count):
    """Let the process kill itself at its n-th sync to the disk: in the midst of a backup."""

    def watch():
        left = [count]
        fsync = os.fsync

        def syncing(handle):
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            fsync(handle)

        os.fsync = syncing

    return watch


def run(line, name, every, kills, seed, place):
    """Train once without a kill, then with so many of them; return both results, and what happened.

    Kills before the first backup are not counted, but for the tenth: what follows them begins anew.
    """
    keras = importlib.import_module(line)
    rng = random.Random(seed)  # noqa: S311 - moments
    whole, cut = place / "whole", place / "cut"
    for folder in (whole, cut):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    expected, length = fork(keras, name, whole, None)
    killed = early = resumed = 0
    while killed < kills:
        resumed += any((cut / "backup").glob("*.json"))
        in_backup = rng.random() < 0.4
        kill = -rng.randint(1, 16) if in_backup else rng.uniform(length / 5, length)
        received, _ = fork(keras, name, cut, every, kill)
        if received is None and not _is_finished(cut):
            if any((cut / "backup").glob("*.json")):
                killed += 1
            else:
                early += 1
                killed += early > 9
                # It begins anew, and TensorBoard's files of the killed one are another training's.
                shutil.rmtree(cut / "events", ignore_errors=True)
        else:
            # It was through before it could be killed: as it should be, or the difference is told.
            if received not in (None, expected):
                break
            shutil.rmtree(cut)
            cut.mkdir()
    else:
        resumed += any((cut / "backup").glob("*.json"))
        received, _ = fork(keras, name, cut, every)
    return {"expected": expected, "received": received, "kills": killed, "resumed": resumed}


def _is_finished(folder):
    newest = max((folder / "backup").glob("*.json"), default=None)
    return newest is not None and json.loads(newest.read_text())["about"]["finished"]


def main():
    line = sys.argv[1]
    importlib.import_module("tensorflow")
    importlib.import_module(line)
    importlib.import_module("nbkeras.callbacks.backup.exact")
    for text in sys.stdin:
        order = json.loads(text)
        place = Path(order.pop("place"))
        print(json.dumps(run(line, **order, place=place)), flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
