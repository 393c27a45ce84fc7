"""Real kernels, of the ipykernel that is installed and of older ones beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[2]


class Kernel:
    """One kernel, driven as a front end would."""

    def __init__(self, directory, extra_path=()):
        self.directory = directory
        path = os.pathsep.join([*map(str, extra_path), str(ROOT)])
        env = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
        # Another run of the tests must not meet this kernel's ports.
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(directory / "kernel"))
        self.manager.start_kernel(env=env, cwd=str(directory), extra_arguments=["--log-level=50"])
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.messages = []
        self.run("%load_ext nbkeras")

    def send(self, code):
        """Start a cell and return its message id."""
        return self.client.execute(code, allow_stdin=False)

    def wait(self, message_id, timeout=60):
        """Return the reply to a cell, and keep what came on iopub."""
        deadline = time.monotonic() + timeout
        while True:
            reply = self.client.get_shell_msg(timeout=deadline - time.monotonic())
            if reply["parent_header"].get("msg_id") == message_id:
                break
        while True:
            message = self.client.get_iopub_msg(timeout=10)
            self.messages.append(message)
            done = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if done and message["parent_header"].get("msg_id") == message_id:
                return reply["content"]

    def run(self, code, timeout=60):
        """Run a cell to its end."""
        self.messages.clear()
        return self.wait(self.send(code), timeout)

    def value(self, expression):
        """Return the value of an expression."""
        reply = self.client.execute("", user_expressions={"value": f"repr({expression})"}, silent=True)
        content = self.wait(reply)["user_expressions"]["value"]
        assert content["status"] == "ok", content
        import ast

        return ast.literal_eval(ast.literal_eval(content["data"]["text/plain"]))

    def text(self):
        """Return what the last cell printed, and its errors."""
        streams = [m["content"]["text"] for m in self.messages if m["msg_type"] == "stream"]
        return "".join(streams)

    def outputs(self, kind):
        """Return the contents of one type of message of the last cell."""
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def until(self, condition, timeout=20):
        """Collect messages until one fulfils a condition."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            self.messages.append(message)
            if condition(message):
                return message

    def until_printed(self, word, timeout=20):
        """Wait until the running cell has printed a word."""
        self.until(lambda m: m["msg_type"] == "stream" and word in m["content"]["text"], timeout)

    def interrupt(self):
        """Press the notebook's stop button."""
        self.manager.interrupt_kernel()

    def subshell(self):
        """Make a subshell, as JupyterLab does for comms."""
        message = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(message)
        return self.client.get_control_msg(timeout=20)["content"]["subshell_id"]

    def comm(self, kind, content, subshell):
        """Send a message of a comm that the front end has opened."""
        message = self.client.session.msg(kind, content)
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def begin_anew(self, directory):
        """Forget the notebook so far, in another folder; what was imported stays."""
        names = "import keras, nbkeras; keras.backend.clear_session()"
        log = "nbkeras.runs.set_log('.nbkeras/runs.sqlite')"
        magics = ["%unload_ext nbkeras", "%load_ext nbkeras"]
        for code in (f"%cd -q {directory}", f"{names}; {log}", "%reset -f", *magics):
            assert self.run(code)["status"] == "ok", self.text()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start_kernel(tmp_path):
    """Start kernels that end with the test."""
    kernels = []

    def start(extra_path=()):
        kernels.append(Kernel(tmp_path, extra_path))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture(scope="module")
def start_module_kernel(tmp_path_factory):
    """Start kernels that end with the module, for tests that share TensorFlow."""
    kernels = []

    def start():
        kernels.append(Kernel(tmp_path_factory.mktemp("kernel")))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture(scope="session")
def session_kernel(tmp_path_factory):
    """The kernel of all tests that need Keras 3 in a kernel, and no other one: to import it takes seconds."""
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    yield kernel
    kernel.close()


@pytest.fixture(scope="module")
def shared_kernel(session_kernel, tmp_path_factory):
    """That kernel with the notebook of a module that begins."""
    session_kernel.begin_anew(tmp_path_factory.mktemp("notebook"))
    return session_kernel


@pytest.fixture(scope="session")
def ipykernel(tmp_path_factory):
    """Install one version of ipykernel into a folder that goes before the environment's own."""
    folders = {}

    def install(version):
        if version not in folders:
            folder = tmp_path_factory.mktemp(f"ipykernel-{version}")
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--target",
                str(folder),
            ]
            subprocess.run([*command, f"ipykernel=={version}"], check=True)
            folders[version] = folder
        return folders[version]

    return install
