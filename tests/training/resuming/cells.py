"""Runs a notebook's cell in processes of its own, which may end by SIGKILL at any of its lines.

TensorFlow is imported once; each kernel is a fork made before TensorFlow's first operation.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

CELL = """%%fit --seed 5 --backup b --every 3 {option}
import os, signal
import numpy as np
keras = __import__({line!r})

def die_at(moment):
    if os.environ.get("DIES") == str(moment):
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(keras.callbacks.Callback):
    steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        die_at(self.steps)

    def get_state(self):
        return {{"steps": self.steps}}

    def set_state(self, state):
        self.steps = state["steps"]

layers = keras.layers
model = keras.Sequential([layers.Dense(4), layers.Dropout(0.3), layers.Dense(1)], name="net")
model.compile("adam", "mse")
x = np.random.rand(64, 4).astype("float32")
best = keras.callbacks.EarlyStopping(monitor="loss", patience=9, restore_best_weights=True)
history = model.fit(x, x.sum(1), batch_size=8, epochs=3, callbacks=[Dying(), best])
die_at("after fit")
{last}
"""


def kernel(line, place, cells):
    """Run cells in a new kernel; return what came of each, or None when the kernel was killed."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.dup2(2, 1)
            os.chdir(place)
            answers = [_run(line, **cell) for cell in cells]
            Path("answers.json").write_text(json.dumps(answers))
            status = 0
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if status:
        return None if os.WIFSIGNALED(status) else sys.exit("a kernel failed")
    return json.loads((Path(place) / "answers.json").read_text())


def _run(line, option="", dies="", last=""):
    from IPython.core.interactiveshell import InteractiveShell

    import nbkeras

    nbkeras.runs.set_log("runs.sqlite")
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbkeras")
    os.environ["DIES"] = dies
    result = shell.run_cell(CELL.format(line=line, option=option, last=last))
    error = result.error_before_exec or result.error_in_exec
    if error is not None:
        return {"error": str(error)}
    run = nbkeras.runs.latest()
    return {
        "weights": _digest(shell.user_ns["model"]),
        "history": shell.user_ns["history"].history,
        "curve": run.history["loss"],
        "epochs": run.epoch_numbers("loss"),
        "run": run.id,
        "notes": list(run.notes),
    }


def _digest(model):
    import numpy as np

    from tests.training.resuming.worker import _sha

    return _sha(np.asarray(each) for each in [*model.variables, *model.optimizer.variables])


def main():
    line, place = sys.argv[1:]
    importlib.import_module("tensorflow")
    importlib.import_module(line)
    for name in ("whole", "cut"):
        (Path(place) / name).mkdir()
    whole, cut = Path(place, "whole"), Path(place, "cut")
    answers = {"whole": kernel(line, whole, [{}])}
    answers["killed in the fit"] = kernel(line, cut, [{"dies": "11"}])
    answers["killed after it"] = kernel(line, cut, [{"dies": "after fit"}])
    cells = [{"last": "1 / 0"}, {}, {}, {"option": "--reuse"}, {"option": "--restart"}]
    answers["again"] = kernel(line, cut, cells)
    print(json.dumps(answers))  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
