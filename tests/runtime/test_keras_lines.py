"""Which Keras is meant, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbkeras.runtime import keras_lines
from nbkeras.runtime.refusal import Refusal


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, "keras"),
        ("", "keras"),
        ("0", "keras"),
        ("1", "tf_keras"),
        ("True", "tf_keras"),
        ("true", "tf_keras"),
    ],
)
def test_the_line_is_tensorflows_own_choice(monkeypatch, value, line):
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_USE_LEGACY_KERAS", value)
    assert keras_lines.active_line() == line


def test_missing_keras_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(Refusal, match=r"type  %pip install 'nbkeras\[cpu\]'  and restart the kernel"):
        keras_lines.keras_module("keras")


def test_asking_imports_nothing():
    code = (
        "import sys; from nbkeras.runtime import keras_lines, hardware, frontend;"
        "keras_lines.is_model(1), hardware.gpu_memory(), frontend.frontend();"
        "assert not {'keras', 'tf_keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
