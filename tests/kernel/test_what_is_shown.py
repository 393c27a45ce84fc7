"""What a real kernel displays, and what it keeps to itself: Monitor(), %monitor, --quiet, status, the log."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.kernel.conftest import ROOT

pytestmark = pytest.mark.kernel

MIME = "application/vnd.nbkeras.monitor+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
SILENT = {"status", "execute_input"}

MODEL = """
import nbkeras, keras, numpy as np
x = np.random.default_rng(0).random((320, 8)).astype("float32")
y = (x.sum(axis=1) > 4).astype("int32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
THREAD = """
import threading, time
ended = threading.Event()
def loop():
    tracked = nbkeras.track(range(50), epochs=1000, name="behind")
    for epoch in tracked:
        for step in epoch:
            epoch.log(loss=1 / (1 + step))
            time.sleep(0.002)
            if ended.is_set():
                tracked.run.control.stop()
thread = threading.Thread(target=loop)
thread.start()
while not nbkeras.runs.get("behind").history:
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def kernel(shared_kernel):
    assert shared_kernel.run(MODEL)["status"] == "ok"
    return shared_kernel


def test_plain_monitor_shows_the_widget_and_ends_as_html(kernel):
    kernel.run("history = model.fit(x, y, epochs=2, verbose=0, callbacks=[nbkeras.Monitor(name='plain')])")
    (shown,) = kernel.outputs("display_data")
    assert {MIME, WIDGET_MIME, "text/plain"} == set(shown["data"])
    (last,) = kernel.outputs("update_display_data")
    assert sorted(last["data"]) == ["text/html", "text/plain"]
    assert last["transient"] == shown["transient"]
    assert "plain" in last["data"]["text/plain"]
    assert kernel.text() == ""
    # Shown again, it has the same for whoever reads the file without the widget.
    kernel.run("%monitor plain")
    (again,) = kernel.outputs("display_data")
    assert {MIME, WIDGET_MIME} < set(again["data"])
    assert {kind: again["data"][kind] for kind in last["data"]} == last["data"]


@pytest.mark.parametrize("line", ["%%fit --quiet --name still", "%%fit --name still"])
def test_quiet_displays_nothing_and_records(kernel, line):
    if "--quiet" not in line:
        kernel.run("%config NBKeras.quiet = True")
    kernel.run(f"{line}\nhistory = model.fit(x, y, epochs=2)")
    assert {message["msg_type"] for message in kernel.messages} <= SILENT
    assert kernel.value("nbkeras.runs.get('still').history == history.history")
    kernel.run("%config NBKeras.quiet = False")
    kernel.run("%%fit\nhistory = model.fit(x, y)")
    assert len(kernel.outputs("display_data")) == 1
    kernel.run("%runs --delete still")


def test_status_says_whether_the_notebook_is_monitored(kernel):
    def status():
        kernel.run("%nbkeras status")
        return kernel.text()

    off = "nbkeras is off: cells with %%fit are monitored; run log: "
    assert status().startswith(off)
    kernel.run("%nbkeras on")
    assert status().startswith("nbkeras is on: every training is monitored; run log: ")
    kernel.run("%nbkeras off")
    assert status().startswith(off)
    kernel.run("%nbkeras")
    assert kernel.text().startswith(off)


def test_log_is_where_config_says(kernel, tmp_path):
    kernel.run(f"%config NBKeras.log = '{tmp_path}/mine/own.sqlite'")
    kernel.run("%%fit --quiet --name elsewhere\nhistory = model.fit(x, y)")
    kernel.run("%nbkeras status")
    assert kernel.text().strip().endswith(f"run log: {tmp_path}/mine/own.sqlite")
    assert (tmp_path / "mine" / "own.sqlite").stat().st_size > 0
    kernel.run("%config NBKeras.log = ''\n%nbkeras status")
    assert kernel.text().strip().endswith("run log: off")
    kernel.run("%config NBKeras.log = '.nbkeras/runs.sqlite'")
    assert kernel.value("str(nbkeras.runs.log_path())").endswith("/.nbkeras/runs.sqlite")


def test_log_is_beside_the_notebook_wherever_the_cells_go(kernel, tmp_path):
    """Jupyter Server tells a kernel its notebook; here the test does."""
    (tmp_path / "notebook.ipynb").touch()
    (tmp_path / "deeper").mkdir()
    path = f"{tmp_path}/.nbkeras/runs.sqlite"
    kernel.run(
        "import os; from nbkeras.runs.log import place\n"
        f"os.environ['JPY_SESSION_NAME'] = '{tmp_path}/notebook.ipynb'\n"
        f"before = os.getcwd(), place._chosen\nplace._settled = False\n%cd -q {tmp_path}/deeper",
    )
    try:
        assert kernel.value("str(nbkeras.runs.log_path())") == path
        kernel.run("%config NBKeras.log = 'own.sqlite'")
        assert kernel.value("str(nbkeras.runs.log_path())") == f"{tmp_path}/own.sqlite"
    finally:
        kernel.run("del os.environ['JPY_SESSION_NAME']; os.chdir(before[0]); place.choose(before[1])")


def test_live_run_is_shown_again_and_goes_on(kernel):
    assert kernel.run(THREAD)["status"] == "ok"
    try:
        kernel.run("%monitor behind")
        (again,) = kernel.outputs("display_data")
        run = again["data"][MIME]["content"]["run"]
        assert (run["name"], run["status"]) == ("behind", "running")
        assert again["data"][MIME]["content"]["series"], "the history from before is there"
        comm = again["data"][MIME]["comm"]
        kernel.run("time.sleep(0.5)")
        posted = [m["content"]["data"] for m in kernel.messages if m["content"].get("comm_id") == comm]
        assert "tick" in {data.get("content", {}).get("type") for data in posted}
    finally:
        kernel.run("ended.set(); thread.join()")
    assert kernel.value("nbkeras.runs.get('behind').status") == "stopped"


def test_a_run_of_another_kernel_has_no_buttons(kernel):
    """They would reach this kernel: Stop would interrupt what it is doing."""
    code = (
        "import sys; from nbkeras import runs; from nbkeras.runs.log import writer; runs.set_log(sys.argv[1])"
        "\nrun = runs.begin('fit', 'theirs', {'learning_rate': 0.1}, {}); run.record_epoch(1, {'loss': 0.5})"
        "\nrun.tick(); print(writer.flush(runs.log_path()), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, kernel.value("str(nbkeras.runs.log_path())")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes) as other:
        assert other.stdout.readline() == "True\n"
        kernel.run("%monitor theirs")
        (shown,) = kernel.outputs("display_data")
        assert sorted(shown["data"]) == ["text/html", "text/plain"]
        assert "running" in shown["data"]["text/plain"]
        assert kernel.text().startswith("another kernel is training this run")
        other.stdin.close()
    kernel.run("%monitor theirs")
    assert MIME in kernel.outputs("display_data")[0]["data"]


def test_a_plain_import_is_enough(kernel):
    """The extension brings the magics; runs end and buttons are heard without it, too."""
    loop = "for epoch in nbkeras.track([1], name='alone'):\n    for _ in epoch:\n        int('bad')"
    kernel.run("%unload_ext nbkeras")
    try:
        kernel.run(loop)
        (last,) = kernel.outputs("update_display_data")
        assert sorted(last["data"]) == ["text/html", "text/plain"]
        status = "(nbkeras.runs.get('alone').status, nbkeras.runs.get('alone').reason)"
        assert kernel.value(status) == ("failed", "ValueError: invalid literal for int() with base 10: 'bad'")
        assert kernel.value("'nbkeras.control' in get_ipython().kernel.comm_manager.targets")
    finally:
        kernel.run("%load_ext nbkeras")
