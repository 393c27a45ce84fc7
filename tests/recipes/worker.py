"""Runs recipes' code, one case after the other, in a process with one line of Keras.

Cases come as lines of JSON on stdin, and each is answered with one line on stdout, its error or null.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import io
import json
import os
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

PROMISES = Path(__file__).parent / "promises"
LINE = "tf_keras" if os.environ.get("TF_USE_LEGACY_KERAS") else "keras"


def main():
    importlib.import_module(LINE)
    # Keras looks for garbage between sessions; TensorFlow's modules are a million objects and none.
    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(outcome(json.loads(line))) + "\n")
        answers.flush()


def outcome(case):
    """Return a case's error with what it printed, None for none."""
    printed = io.StringIO()
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="recipe-") as folder:
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                try_case(case)
        except BaseException:  # noqa: BLE001 - SystemExit of the code under test is its error, too
            return f"{case}\n{printed.getvalue()[-2000:]}\n{traceback.format_exc()}"
        finally:
            os.chdir(home)
            tidy()
    return None


def try_case(case):
    from nbkeras import recipes
    from nbkeras.recipes.notebook import Notebook

    recipe = recipes.get(case["recipe"])
    promise = promises(case["recipe"])
    variables = {"__name__": "__main__"}
    values = {**recipe.defaults, **{name: tupled(value) for name, value in case["values"].items()}}
    setup = case.get("setup", "")
    if setup:
        exec(compile(setup, "<setup>", "exec"), variables)  # noqa: S102 - what this program is for
    if hasattr(promise, "before"):
        variables["before"] = promise.before(values, variables)
    assert recipe.problems(values, Notebook(variables)) == {}
    code = recipe.code(line=case["line"], notebook=Notebook(variables), **values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "<recipe>", "exec"), variables)  # noqa: S102
        promise.kept(values, variables, case["line"])


def promises(name):
    """Import the file that says what a recipe promises."""
    path = next(PROMISES.glob(f"*/{name}.py"))
    spec = importlib.util.spec_from_file_location(f"promises_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tupled(value):
    """JSON has no tuples."""
    return tuple(value) if isinstance(value, list) else value


def tidy():
    """Take back what a recipe may have set for the whole process."""
    keras = sys.modules[LINE]
    keras.mixed_precision.set_global_policy("float32")
    keras.backend.clear_session()
    gc.collect()


if __name__ == "__main__":
    main()
