"""The file of KERAS_HOME is shown or one field changed; the rest and a backup stay, and Keras reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path

OLD = {"epsilon": 1e-3, "mine": [1], "floatx": "float16", "image_data_format": "channels_first"}
OWN = [
    ({"change": "epsilon", "epsilon": 1e-5}, ""),
    ({"change": "image_data_format", "image_data_format": "channels_first"}, ""),
]


def before(values, variables):
    """Keep away from this machine's own file, and Keras from the one that is edited here."""
    from tensorflow import keras

    assert keras.backend.floatx() == "float32"
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
    if values["epsilon"] == 1e-5:
        assert _read_by_a_new_process(home) == ["float16", "1e-05", "channels_first"]


def _read_by_a_new_process(home):
    code = "from tensorflow.keras import backend as b; print(b.floatx(), b.epsilon(), b.image_data_format())"
    environment = {**os.environ, "KERAS_HOME": str(home)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
