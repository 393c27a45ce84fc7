"""What a real kernel displays, and what it keeps to itself: Monitor(), %monitor, --quiet, status, the log."""

from __future__ import annotations

import pytest

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
