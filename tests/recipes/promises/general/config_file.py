"""The file of KERAS_HOME is shown or one field changed; the rest and a backup stay, and Keras reads it."""

import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nbkeras import recipes

OLD = {"epsilon": 1e-3, "mine": [1], "floatx": "float16", "image_data_format": "channels_first"}
OWN = [
    ({"change": "epsilon", "epsilon": 1e-5}, ""),
    ({"change": "floatx", "floatx": "float32"}, ""),
    ({"change": "image_data_format", "image_data_format": "channels_first"}, ""),
]


def costly(values):
    return True


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
    if values["change"] != "nothing":
        backups_add_up(values, line)
        a_full_disk_leaves_the_file(values, line)
    broken_files_are_a_line(values, line)
    home = Path(os.environ.pop("KERAS_HOME"))
    if variables["before"] is not None:
        os.environ["KERAS_HOME"] = variables["before"]
    change = values["change"]
    expected = OLD if change == "nothing" else {**OLD, change: values[change]}
    assert variables["path"] == (home / "keras.json").resolve()
    assert json.loads((home / "keras.json").read_text()) == variables["config"] == expected
    backups = {
        path.name: json.loads(path.read_text()) for path in home.iterdir() if path.name != "keras.json"
    }
    assert backups == ({"keras.json.bak": OLD} if expected != OLD else {})
    # With Keras 3, tf.keras can't be imported with another backend.
    foreign = ["backend"] if line == "keras" and expected.get("backend", "tensorflow") != "tensorflow" else []
    assert variables["wrong"] == ["mine", *foreign]
    assert variables["running"]["floatx"] == "float32"
    if values["epsilon"] == 1e-5:
        assert _read_by_a_new_process(home) == ["float16", "1e-05", "channels_first"]


def a_full_disk_leaves_the_file(values, line):
    """Whatever ends the writing in the midst of it: the file is the old one, whole."""
    whole = Path.write_text

    def half(path, text, *args, **options):
        whole(path, text[: len(text) // 2], *args, **options)
        raise OSError(28, "No space left on device")

    kept_home, text = os.environ["KERAS_HOME"], json.dumps({**OLD, values["change"]: None})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keras.json")
        path.write_text(text)
        os.environ["KERAS_HOME"] = folder
        Path.write_text = half
        try:
            with pytest.raises(OSError, match="No space left"):
                exec(recipes.get("config_file").code(line=line, **values), {})  # noqa: S102
        finally:
            Path.write_text = whole
            os.environ["KERAS_HOME"] = kept_home
        assert path.read_text() == text


def again(values, line, text):
    """Run the code with a file of this text; return what it printed, and what the folder then holds."""
    kept_home = os.environ["KERAS_HOME"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keras.json")
        path.write_text(text)
        os.environ["KERAS_HOME"] = folder
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            for new in (values, {**values, "floatx": "float64"}):
                exec(recipes.get("config_file").code(line=line, **new), {})  # noqa: S102
        os.environ["KERAS_HOME"] = kept_home
        return said.getvalue(), {each.name: each.read_text() for each in Path(folder).iterdir()}


def broken_files_are_a_line(values, line):
    """What no edit can be made in stays as it is, and is told with its line."""
    for text, why in (("{\n bad", "line 2"), ("[1]", "line 1")):
        said, files = again(values, line, text)
        assert files == {"keras.json": text}
        told = next(each for each in said.splitlines() if why in each)
        assert "keras.json: " in told
        assert told.endswith("nothing was changed.")


def backups_add_up(values, line):
    """The first backup is the file as it was before all edits, however many there are."""
    if values["change"] == "floatx":
        _, files = again(values, line, json.dumps(OLD))
        floats = {name: json.loads(text)["floatx"] for name, text in files.items()}
        steps = ["float16", values["floatx"], "float64"]
        # What changes nothing makes no backup.
        changed = [old for old, new in itertools.pairwise(steps) if old != new]
        backups = {f"keras.json.bak{number or ''}": old for number, old in enumerate(changed)}
        assert floats == {**backups, "keras.json": "float64"}


def _read_by_a_new_process(home):
    code = "from tensorflow.keras import backend as b; print(b.floatx(), b.epsilon(), b.image_data_format())"
    environment = {**os.environ, "KERAS_HOME": str(home)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
