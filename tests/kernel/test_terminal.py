"""A real terminal: one line that is drawn anew, Ctrl-C as in a notebook, plain lines in a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
import keras, nbkeras, numpy as np
x = np.ones((320, 4), "float32")
y = np.arange(320) % 2
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")], name="small")
model.compile("adam", "sparse_categorical_crossentropy")
monitor = nbkeras.Monitor()
history = model.fit(x, y, epochs=int(sys.argv[1]), verbose=0, callbacks=[monitor])
print("AFTER", monitor.run.status, len(history.history["loss"]) >= 1, flush=True)
"""
# The same view, without seconds for TensorFlow.
LOOP = """
import nbkeras, time
for epoch in nbkeras.track(range(4), epochs=3, name="loop"):
    for step in epoch:
        epoch.log(loss=1 / (1 + step))
        time.sleep(0.05)
"""


@pytest.fixture
def program(tmp_path, environment):
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TERM": "xterm-256color",
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def terminal(tmp_path, environment):
    """Start programs in a terminal of 100 columns."""
    started = []

    def start(*command):
        started.append(
            pexpect.spawn(
                sys.executable,
                [str(word) for word in command],
                cwd=str(tmp_path),
                env=environment,
                dimensions=(30, 100),
                encoding="utf-8",
                timeout=60,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.close(force=True)


def test_one_line_is_drawn_anew_and_ctrl_c_ends_the_training(terminal, program):
    process = terminal(program, 1_000_000)
    process.expect(r"Epoch \d+/1000000[^\n]*loss")
    for _ in range(3):
        process.expect(r"\r[^\n]*Epoch \d+/1000000")
    process.sendintr()
    process.expect(r"AFTER (\w+) (\w+)")
    assert process.match.groups() == ("stopped", "True")
    process.expect(pexpect.EOF)
    process.wait()
    assert process.exitstatus == 0


def test_a_pipe_gets_plain_lines(tmp_path, environment):
    done = subprocess.run(
        [sys.executable, "-c", LOOP],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "\r" not in done.stdout
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    # One line an epoch, at most one a second, and the last one always.
    assert lines[0] == "Epoch 1/3  loss 0.2500"
    assert lines[-2] == "Epoch 3/3  loss 0.2500"
    assert lines[-1].startswith("loop: finished, 3 epochs in ")


def test_cell_magic_in_terminal_ipython(terminal, program):
    process = terminal("-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--classic")
    process.expect(">>> ")
    setup = PROGRAM.partition("monitor =")[0].strip().replace("\n", "; ")
    for line in (setup, "%load_ext nbkeras"):
        process.sendline(line)
        process.expect(r"\n>>> ")
    process.sendline(
        "%%fit --epochs 1000000\nhistory = model.fit(x, y); print('AFTER', nbkeras.runs.latest().status)\n\n"
    )
    process.expect(r"Epoch \d+/1000000[^\n]*loss")
    process.sendintr()
    process.expect(r"AFTER (\w+)")
    assert process.match.group(1) == "stopped"
    process.expect(r"\n>>> ")
    process.sendline("len(history.history['loss']) >= 1")
    process.expect("True")
    process.sendline("exit()")
    process.expect(pexpect.EOF)
