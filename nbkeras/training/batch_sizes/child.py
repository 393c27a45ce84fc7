"""The process that tries batch sizes: ``python -m nbkeras.training.batch_sizes.child JOB``.

It says what it does on standard output, one JSON object a line, and ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.identity import steps_at_once
from nbkeras.models.layer_rates import rated_class
from nbkeras.models.one_cycle import one_cycle_class
from nbkeras.runtime.keras_lines import keras_module
from nbkeras.training.batch_sizes.job import tiled
from nbkeras.training.batch_sizes.parts import imported
from nbkeras.training.precision.timing import Steps

if TYPE_CHECKING:
    from nbkeras.training.batch_sizes.job import Job

# Seconds in which a size is measured, and in how many runs: the fastest counts, what disturbs makes slower.
_SECONDS = 0.6
_RUNS = 3
_MOST_STEPS = 200


def _main(job: Job, said: Any) -> None:
    def tell(**words: Any) -> None:
        said.write(json.dumps(words) + "\n")
        said.flush()

    import tensorflow as tf

    try:
        model = _made(job)
    except Exception as error:  # noqa: BLE001 - the notebook tells what it is
        tell(error=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}")
        return
    for size in job.sizes:
        tell(begins=size)
        try:
            seconds = _measured(model, tiled(job.batch, size))
        except (tf.errors.ResourceExhaustedError, MemoryError):
            tell(full=size)
            return
        except Exception as error:  # noqa: BLE001 - as above
            tell(error=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}")
            return
        tell(size=size, seconds=seconds, device_memory=_device_memory())


def _made(job: Job) -> Any:
    keras = keras_module(job.line)
    keras.backend.set_floatx(job.floatx)
    for name in set(re.findall(r'"LayerRates(\w+)"', job.config)):
        # Such classes are made, and made known to Keras, when they are asked for.
        rated_class(getattr(keras.optimizers, name), job.line)
    one_cycle_class(job.line)
    with keras.utils.custom_object_scope(imported(job.parts)):
        return keras.saving.deserialize_keras_object(json.loads(job.config), safe_mode=False)


def _measured(model: Any, batch: Any) -> float:
    """Return the seconds of one training step."""
    steps, at_once = Steps(model, batch), steps_at_once(model)
    began = time.perf_counter()
    steps.run(1)
    once = max(time.perf_counter() - began, 1e-6)
    count = max(1, min(_MOST_STEPS, int(_SECONDS / _RUNS / once)))
    taken = []
    for _ in range(_RUNS if once < _SECONDS else 1):
        began = time.perf_counter()
        steps.run(count)
        taken.append((time.perf_counter() - began) / count)
    return min(taken) / at_once


def _device_memory() -> int | None:
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    peak = int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    tf.config.experimental.reset_memory_stats("GPU:0")
    return peak


def _end_with_the_notebook() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    # Should memory run out before anybody has seen it, Linux is to end this process and not the notebook.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    threading.Thread(target=_end_with_the_notebook, daemon=True).start()
    # What TensorFlow and the user's own code print goes elsewhere.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as words:
        os.dup2(2, 1)
        _main(pickle.loads(Path(sys.argv[1]).read_bytes()), words)  # noqa: S301 - our own notebook wrote it
