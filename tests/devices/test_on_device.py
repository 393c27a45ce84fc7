"""Layers on devices of their own: they train, save and load as any layer, and are measured to be there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("placed_layers.py")


@pytest.mark.parametrize(
    "legacy", ["0", pytest.param("1", marks=pytest.mark.costly)], ids=["keras", "tf_keras"]
)
def test_layers_are_on_their_devices_and_train_as_on_one(tmp_path, legacy):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(PROGRAM), legacy]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    checks = re.findall(r"^def (check_\w+)", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
    assert done.stdout.splitlines() == checks
