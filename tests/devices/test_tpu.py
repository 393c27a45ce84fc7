"""Where a TPU is looked for, in which order, how long, and what is said where there is none: all for real."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nbkeras.devices.tpu import connected, diagnosis
from nbkeras.devices.tpu.connecting import connect
from nbkeras.devices.tpu.engine import Engine
from nbkeras.devices.tpu.plain import plain_code
from nbkeras.devices.tpu.probing import holders, runtime_version, why_silent
from nbkeras.devices.tpu.targets import OLD_VARIABLES, VARIABLES, Target, named
from nbkeras.devices.tpu_hardware import tpu_hardware
from nbkeras.runtime.refusal import Refusal

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    monkeypatch.setattr(connected, "_connected", None)
    for name in (*VARIABLES, *OLD_VARIABLES, "TPU_ACCELERATOR_TYPE", "TPU_LIBRARY_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def refused(tmp_path):
    """Connect on a machine without a TPU, and return the refusal."""

    def refused(name=None, root=tmp_path, **options):
        before = dict(os.environ)
        with pytest.raises(Refusal) as caught:
            connect(name, 20, None, say=print, root=root, **options)
        assert dict(os.environ) == before
        assert "\n" not in str(caught.value)
        return caught.value

    return refused


@contextmanager
def listener(answer=b""):
    """A server on this machine that takes connections, and says one thing or nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as held:

        def serve():
            while True:
                try:
                    connection = held.enter_context(server.accept()[0])
                except OSError:
                    return
                if answer:
                    connection.recv(100)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # closing alone does not wake the accept of another thread
        thread.join()


@contextmanager
def web(text):
    """A web server on this machine with one page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def dead_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def machine(root, *, chip="0x0063", files=("accel0",)):
    """The files of a machine with a TPU."""
    for folder, text in (("vendor", "0x1ae0"), ("device", chip)):
        path = root / "sys/bus/pci/devices/0000:00:05.0" / folder
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    (root / "dev").mkdir(exist_ok=True)
    for name in files:
        (root / "dev" / name).touch()
    return root


def test_a_machine_without_a_tpu_says_what_it_looked_for(refused):
    refusal = refused()
    assert str(refusal).startswith(
        "no TPU was found; Colab has them in the menu Runtime > Change runtime type"
    )
    looked_for = {each.looked_for: each.found for each in refusal.findings}
    assert looked_for["what TensorFlow reads"] == f"{', '.join(VARIABLES)} not set"
    assert "no TPU on the PCI bus; no /dev/accel* or /dev/vfio/*" in looked_for["this machine"]
    assert looked_for["what Colab once set"] == f"{', '.join(OLD_VARIABLES)} not set"
    assert "2." in looked_for["TensorFlow"]
    assert [line.split("  ")[0] for line in refusal.table()] == list(looked_for)


@pytest.mark.parametrize(
    ("variable", "menu"),
    [
        ("COLAB_RELEASE_TAG", "choose one in the menu Runtime > Change runtime type;"),
        ("KAGGLE_KERNEL_RUN_TYPE", "choose one in the menu Settings > Accelerator;"),
    ],
)
def test_the_menu_is_that_of_the_place(refused, monkeypatch, variable, menu):
    monkeypatch.setenv(variable, "1")
    assert menu in str(refused("local"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("local", "no TPU at local: this machine has no TPU"),
        ("grpc://nohost.invalid:8470", "no machine has the name nohost.invalid"),
        ("127.0.0.1:9", "type  %tpu_connect grpc://127.0.0.1:9"),
        ("grpc://", "expected local, an address"),
        ("grpc://x:99999", "expected local, an address"),
        ("grpc://x y:1", "expected local, an address"),
        ("grpc://x:y", "expected local, an address"),
        ("grpc://::1", "expected local, an address"),
        ("grpc://[::1]:99999", "expected local, an address"),
        ("grpc://[x]:1", "expected local, an address"),
        ("my tpu", "expected local, an address"),
        ("-x", "expected local, an address"),
    ],
)
def test_what_is_named_and_not_there(refused, name, words):
    assert words in str(refused(name))


def test_an_address_where_nobody_listens(refused):
    port = dead_port()
    assert f"nothing answers at 127.0.0.1:{port}" in str(refused(f"grpc://127.0.0.1:{port}"))


def test_an_address_that_takes_the_connection_and_never_answers(refused):
    with listener() as port:
        assert f"127.0.0.1:{port} does not answer within 1 s" in str(refused(f"grpc://127.0.0.1:{port}"))


def test_an_address_where_something_else_answers(refused):
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "it does not speak gRPC" in str(refused(f"grpc://127.0.0.1:{port}"))


def test_a_name_of_the_cloud_from_outside(refused, monkeypatch):
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{dead_port()}")
    assert "(127.0.0.1 does not answer): give --zone and --project" in str(refused("my-tpu"))


@pytest.mark.skipif(importlib.util.find_spec("googleapiclient") is not None, reason="the client is here")
def test_a_name_of_the_cloud_without_google_s_client(refused, monkeypatch):
    assert "%pip install cloud-tpu-client" in str(refused("my-tpu", zone="z", project="p"))
    with web("my-project") as port:
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{port}")
        assert "%pip install cloud-tpu-client" in str(refused("my-tpu"))


def test_the_order_is_environment_machine_old_variables(refused, monkeypatch, tmp_path):
    ports = [dead_port() for _ in range(3)]
    monkeypatch.setenv("TPU_NAME", f"grpc://127.0.0.1:{ports[0]}")
    monkeypatch.setenv("TPU_CONFIG", json.dumps({"tpu_node_name": f"grpc://127.0.0.1:{ports[1]}"}))
    monkeypatch.setenv("XRT_TPU_CONFIG", f"tpu_worker;0;127.0.0.1:{ports[2]}")
    monkeypatch.setenv("COLAB_TPU_ADDR", f"127.0.0.1:{ports[0]}")  # the same place again

    class NoTpuAnyway(Engine):
        def resolver(self, target):
            raise RuntimeError("the local one")

    refusal = refused(root=machine(tmp_path), engine=NoTpuAnyway())
    assert [each.looked_for for each in refusal.findings][:4] == [
        f"grpc://127.0.0.1:{ports[0]} (TPU_NAME)",
        f"grpc://127.0.0.1:{ports[1]} (TPU_CONFIG)",
        "local (this machine)",
        f"grpc://127.0.0.1:{ports[2]} (XRT_TPU_CONFIG)",
    ]
    assert refusal.findings[2].found.startswith("RuntimeError: the local one")
    monkeypatch.setenv("TPU_CONFIG", "no json")
    assert "TPU_CONFIG=no json" in refused(root=tmp_path / "another").table()[-4]


def test_hardware_is_told_from_other_devices(tmp_path, monkeypatch):
    assert not tpu_hardware(tmp_path).is_likely
    machine(tmp_path, chip="0x0042")  # Google's network card, and another maker's accelerator
    assert not tpu_hardware(tmp_path).is_likely
    monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v5litepod-1")
    assert tpu_hardware(tmp_path).is_likely
    found = tpu_hardware(machine(tmp_path))
    assert found.is_certain
    assert (found.chips, found.files) == ({"TPU v5e": 1}, ("/dev/accel0",))


def test_who_holds_the_tpu_is_named(tmp_path):
    (tmp_path / "accel0").touch()
    assert holders([str(tmp_path / "accel0")]) == ()
    code = "import sys; f = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "accel0")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        (holder,) = holders([str(tmp_path / "accel0")])
        assert f"(process {process.pid})" in holder
        process.stdin.close()


def test_a_runtime_of_another_release_is_named(monkeypatch):
    with web('{"currentVersion": "2.8.0"}') as port:
        assert runtime_version("127.0.0.1", port) == "2.8.0"
    with web("no json") as port:
        assert runtime_version("127.0.0.1", port) == ""
    assert runtime_version("127.0.0.1", dead_port()) == ""
    monkeypatch.setattr(diagnosis, "distributions", lambda: ("tensorflow-tpu 2.18.1",))
    assert "the TPU runs TensorFlow 2.8.0, and this notebook 2.18.1" in diagnosis.mismatch_of_runtime("2.8.0")
    assert diagnosis.mismatch_of_runtime("2.18.0") == ""


def test_a_libtpu_of_another_release_is_named(monkeypatch):
    monkeypatch.setattr(diagnosis.metadata, "requires", lambda _: ["numpy", "libtpu==0.0.9; x == 'y'"])
    monkeypatch.setattr(diagnosis, "package_version", {"libtpu": "0.0.7", "tensorflow-tpu": "2.19.0"}.get)
    assert "type  %pip install libtpu==0.0.9" in diagnosis.mismatch_of_libtpu()
    monkeypatch.setattr(diagnosis, "package_version", {"libtpu": "0.0.9", "tensorflow-tpu": "2.19.0"}.get)
    assert diagnosis.mismatch_of_libtpu() == ""


SERVER = """
import socket, sys
import tensorflow as tf
with socket.create_server(("127.0.0.1", 0)) as probe:
    port = probe.getsockname()[1]
server = tf.distribute.Server({"worker": [f"127.0.0.1:{port}"]}, job_name="worker", task_index=0)
print(port, flush=True)
sys.stdin.read()
import os
os._exit(0)
"""


def test_a_server_of_tensorflow_without_a_tpu(refused):
    command = [sys.executable, "-c", SERVER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:
        port = int(server.stdout.readline())
        assert why_silent("127.0.0.1", port, 10) == ""
        target = named(f"grpc://127.0.0.1:{port}")
        assert Engine().rehearse(target, 120) == "a server of TensorFlow, without a TPU"
        server.stdin.close()


def test_what_never_connects_is_killed_at_the_deadline():
    with listener() as port:
        why = Engine().rehearse(named(f"grpc://127.0.0.1:{port}"), 1)
    assert why == "TensorFlow's connecting took longer than 1 s"


def test_a_connecting_that_ends_its_process_is_told(monkeypatch):
    monkeypatch.setattr("nbkeras.devices.tpu.engine._REHEARSAL", "import os; os.abort()")
    assert "ended its process with status -6" in Engine().rehearse(named("grpc://127.0.0.1:9"), 60)


def test_an_address_of_ipv6_stands_in_brackets(refused):
    assert "no machine has the name" not in str(refused("grpc://[::1]:9"))
    assert "nothing answers at [::1]:9 (" in str(refused("grpc://[::1]:9"))


@pytest.mark.parametrize("name", ["grpc://127.0.0.1:99999999", "grpc://127.0.0.1:0", "grpc://a b", "grpc://"])
def test_an_address_in_the_environment_that_there_cannot_be(refused, monkeypatch, name):
    for variable, value in (("TPU_NAME", name), ("TPU_CONFIG", json.dumps({"tpu_node_name": name}))):
        monkeypatch.setenv(variable, value)
        said = str(refused())
        assert said.startswith(
            f"{variable}: expected an address such as grpc://10.0.0.2:8470, received {name!r}"
        )
        assert "name the TPU:  %tpu_connect grpc://10.0.0.2:8470" in said
        monkeypatch.delenv(variable)


def test_the_plain_code_takes_what_the_environment_names(monkeypatch):
    assert 'TPUClusterResolver("local")' in plain_code()
    node = {"tpu_node_name": "mine", "zone": "z", "project": "p"}
    monkeypatch.setenv("TPU_CONFIG", json.dumps(node))
    assert "TPUClusterResolver(\"mine\", zone='z', project='p')" in plain_code()
    monkeypatch.setenv("TPU_NAME", "grpc://127.0.0.1:9")
    assert 'TPUClusterResolver("grpc://127.0.0.1:9")' in plain_code()
    assert 'TPUClusterResolver("local")' in plain_code("local")


def test_the_plain_code_takes_what_older_runtimes_name(monkeypatch, tmp_path):
    monkeypatch.setenv("XRT_TPU_CONFIG", "tpu_worker;0;10.0.0.3:8470")
    assert 'TPUClusterResolver("grpc://10.0.0.3:8470")' in plain_code(root=tmp_path)
    monkeypatch.setenv("COLAB_TPU_ADDR", "10.0.0.2:8470")
    assert 'TPUClusterResolver("grpc://10.0.0.2:8470")' in plain_code(root=tmp_path)
    assert 'TPUClusterResolver("local")' in plain_code("local", root=tmp_path)
    # As in %tpu_connect, the TPU of the machine and what TensorFlow reads go before them.
    assert 'TPUClusterResolver("local")' in plain_code(root=machine(tmp_path))
    monkeypatch.setenv("TPU_NAME", "mine")
    assert 'TPUClusterResolver("mine")' in plain_code(root=tmp_path)


def test_targets_have_addresses():
    assert named("grpc://[fe80::1%eth0]").address == ("fe80::1%eth0", 8470)
    assert named("grpc://[::1]:9").address == ("::1", 9)
    assert named("grpc://10.0.0.2").address == ("10.0.0.2", 8470)
    several = Target("grpc://10.0.0.2:8470,grpc://10.0.0.3:8470", "KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS")
    assert several.address == ("10.0.0.2", 8470)
    assert replace(several, name="my-tpu").address is None
