"""What happens on a TPU that is there.

No machine that runs the tests has one, so TensorFlow's calls are replaced: at one seam, the `Engine`, through
which alone nbkeras speaks to TensorFlow about TPUs.
"""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from nbkeras.devices import current as current_module
from nbkeras.devices import tensorflow_build
from nbkeras.devices.current import current, set_current
from nbkeras.devices.tpu import connected, connecting
from nbkeras.devices.tpu.connecting import connect
from nbkeras.devices.tpu.diagnosis import NoTpu
from nbkeras.devices.tpu.engine import Engine
from nbkeras.devices.tpu.plain import plain_code
from nbkeras.devices.tpu.targets import LOCAL, OLD_VARIABLES, VARIABLES, named
from nbkeras.runtime.refusal import Refusal


class Replaced(Engine):
    """TensorFlow's calls as they go on a TPU of eight cores, written down."""

    def __init__(self, *, fails=None, waits=None, known=()):
        object.__setattr__(self, "calls", [])
        object.__setattr__(self, "fails", fails)
        object.__setattr__(self, "waits", waits)
        object.__setattr__(self, "known", known)

    def rehearse(self, target, seconds):
        self.calls.append(("rehearse", target.name))
        return ""

    def resolver(self, target):
        self.calls.append(("resolver", target.name))
        return target.name

    def connect(self, resolver):
        self.calls.append(("connect", threading.current_thread() is threading.main_thread()))

    def is_initialized(self, target):
        return target.name in self.known

    def initialize(self, resolver):
        self.calls.append(("initialize", resolver))
        if self.waits:
            self.waits.wait(60)
        if self.fails:
            raise self.fails
        return True

    def strategy(self, resolver):
        self.calls.append(("strategy", resolver))
        return SimpleNamespace(num_replicas_in_sync=8)

    def make_default(self, strategy):
        self.calls.append(("make_default", strategy))

    def without_tpu(self, kind):
        return SimpleNamespace(num_replicas_in_sync=1), {"mirrored": "mirrored on CPU:0"}.get(kind, kind)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(connected, "_connected", None)
    monkeypatch.setattr(current_module, "_current", None)
    # A server of TensorFlow answers there, as far as cheap looks go.
    monkeypatch.setattr(connecting, "why_silent", lambda host, port: "")
    monkeypatch.setattr(connecting, "runtime_version", lambda host: "")
    for name in (*VARIABLES, *OLD_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tpu_machine(tmp_path):
    folder = tmp_path / "sys/bus/pci/devices/0000:00:05.0"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text("0x1ae0\n")
    (folder / "device").write_text("0x0063\n")
    return tmp_path


def test_the_tpu_of_this_machine(tpu_machine):
    said, engine = [], Replaced()
    made = connect(None, 60, None, say=said.append, engine=engine, root=tpu_machine)
    assert [name for name, _ in engine.calls] == [
        "resolver",
        "connect",
        "initialize",
        "strategy",
        "make_default",
    ]
    assert current().strategy is made.strategy
    assert current().words == "TPU local, 8 replicas"
    assert said == [
        "local (this machine): connecting, at most 1m",
        "TPU local, 8 replicas: the notebook's strategy from now on",
    ]


def test_an_address_is_rehearsed_and_connected_in_the_thread_of_the_cell(tmp_path):
    engine = Replaced()
    connect("grpc://10.0.0.2:8470", 60, None, say=print, engine=engine, root=tmp_path)
    assert [name for name, _ in engine.calls] == [
        "rehearse",
        "resolver",
        "connect",
        "initialize",
        "strategy",
        "make_default",
    ]
    # TensorFlow's default device is that of a thread.
    assert dict(engine.calls)["connect"] is True


def test_a_second_call_asks_nothing_and_keeps_the_strategy(tpu_machine, monkeypatch):
    engine, said = Replaced(), []
    first = connect(None, 60, None, say=print, engine=engine, root=tpu_machine)
    calls = list(engine.calls)
    set_current(None)
    for name in (None, "local"):
        assert connect(name, 60, None, say=said.append, engine=engine, root=tpu_machine) is first
    assert engine.calls == calls + [("make_default", first.strategy)] * 2
    assert current().strategy is first.strategy
    assert said[0] == "TPU local, 8 replicas: connected before, its variables are kept"
    with pytest.raises(Refusal, match="restart the kernel to connect to another one"):
        connect("grpc://10.0.0.2:8470", 60, None, say=print, engine=engine, root=tpu_machine)


def test_what_the_notebook_has_initialised_itself_is_not_initialised_again(tpu_machine):
    engine = Replaced(known=("local",))
    connect(None, 60, None, say=print, engine=engine, root=tpu_machine)
    assert [name for name, _ in engine.calls] == ["resolver", "strategy", "make_default"]


def test_an_initialising_that_never_ends_is_left_at_the_deadline(tpu_machine):
    end = threading.Event()
    with pytest.raises(Refusal, match=r"not initialised in time.*restart the kernel.*--timeout 5m"):
        connect(None, 0.1, "mirrored", say=print, engine=Replaced(waits=end), root=tpu_machine)
    end.set()
    assert current() is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("first\nsecond"), "ValueError: first second; TensorFlow has begun in this kernel"),
        (RuntimeError("No OpKernel was registered to support Op"), "%pip install tensorflow-tpu"),
        (RuntimeError("x" * 1000), "x…; TensorFlow has begun"),
    ],
)
def test_what_tensorflow_says_is_the_reason(tpu_machine, error, words):
    with pytest.raises(NoTpu) as caught:
        connect(None, 60, None, say=print, engine=Replaced(fails=error), root=tpu_machine)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert current() is None


def test_or_else_says_why_and_what_takes_its_place(tmp_path):
    said = []
    made = connect("local", 60, "mirrored", say=said.append, engine=Replaced(), root=tmp_path)
    line = "no TPU at local: this machine has no TPU: mirrored on CPU:0 takes its place"
    assert said == [line]
    assert current().strategy is made.strategy
    assert current().words == "mirrored on CPU:0"
    # A TPU may come: the next call looks again.
    assert connect("grpc://10.0.0.2:8470", 60, None, say=print, engine=Replaced(), root=tmp_path) is not made
    with pytest.raises(Refusal, match="--or-else: expected mirrored or cpu, received 'gpu'"):
        connect(None, 60, "gpu", say=print, engine=Replaced(), root=tmp_path)


def test_the_engine_calls_tensorflow_by_its_public_names(monkeypatch):
    calls = []

    def note(name, value=None):
        return lambda *given, **options: calls.append((name, given, options)) or value

    experimental = SimpleNamespace(initialize_tpu_system=note("initialize"))
    tf = SimpleNamespace(
        config=SimpleNamespace(experimental_connect_to_cluster=note("connect")),
        tpu=SimpleNamespace(experimental=experimental),
        distribute=SimpleNamespace(
            cluster_resolver=SimpleNamespace(TPUClusterResolver=note("resolver", "made")),
            TPUStrategy=note("strategy", "strategy"),
            experimental_set_strategy=note("make_default"),
        ),
    )
    monkeypatch.setattr(tensorflow_build, "tensorflow", lambda: tf)
    engine = Engine()
    resolver = engine.resolver(named("my-tpu", "z", "p"))
    engine.connect(resolver)
    assert engine.initialize(resolver) is True
    assert engine.strategy(resolver) == "strategy"
    engine.make_default("strategy")
    assert calls == [
        ("resolver", ("my-tpu",), {"zone": "z", "project": "p"}),
        ("connect", ("made",), {}),
        ("initialize", ("made",), {}),
        ("strategy", ("made",), {}),
        ("make_default", ("strategy",), {}),
    ]
    assert not engine.is_initialized(named(LOCAL))


def test_the_plain_code_is_code():
    for name in (None, "grpc://10.0.0.2:8470", "my-tpu"):
        for or_else in (None, "mirrored", "cpu"):
            compile(plain_code(name, or_else, "z", "p"), "plain", "exec")
    assert "TPUClusterResolver(\"my-tpu\", zone='z', project='p')" in plain_code("my-tpu", None, "z", "p")
