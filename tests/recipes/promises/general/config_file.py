"""The file of KERAS_HOME is shown, or one field of it is changed: the rest stays, so does a backup, and Keras reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path

OLD = {"epsilon": 1e-3, "mine": [1], "floatx": "float16", "image_data_format": "channels_last"}


def before(values, variables):
    """Keep away from this machine's own file."""
    kept_home = os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = str(Path("home").absolute())
    Path("home").mkdir()
    Path("home/keras.json").write_text(json.dumps(OLD))
    return kept_home


def kept(values, variables, line):
    home = Path(os.environ.pop("KERAS_HOME"))
    if variables["before"] is not None:
        os.environ["KERAS_HOME"] = variables["before"]
    change = values["change"]
    expected = OLD if change == "nothing" else {**OLD, change: values[change]}
    assert variables["path"] == (home / "keras.json").resolve()
    assert json.loads((home / "keras.json").read_text()) == variables["config"] == expected
    backups = [json.loads(path.read_text()) for path in home.iterdir() if path.name != "keras.json"]
    assert backups == ([OLD] if expected != OLD else [])
    assert variables["wrong"] == ["mine"]
    assert variables["running"]["floatx"] == "float32"
    if change == "epsilon" and values["epsilon"] == 1e-5:
        assert _read_by_a_new_process(home) == ["float16", "1e-05", "channels_last"]


def _read_by_a_new_process(home):
    code = "from tensorflow import keras; b = keras.backend; print(b.floatx(), b.epsilon(), b.image_data_format())"
    environment = {**os.environ, "KERAS_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()
