"""A real ``fit`` whose run log cannot be written: it ends well, and says so once."""

from __future__ import annotations

import sys

import pytest

import nbkeras


@pytest.fixture(params=["a file in place of the directory", "a full disk"])
def log(request, tmp_path, monkeypatch):
    if request.param == "a full disk":
        resource = pytest.importorskip("resource")
        signal = pytest.importorskip("signal")
        if sys.platform == "win32":
            pytest.skip("no such limit there")
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        yield tmp_path / "runs.sqlite"
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    else:
        (tmp_path / "file").write_text("in the way")
        yield tmp_path / "file" / "runs.sqlite"


def test_training_ends_well_and_says_it_once(keras, model, data, log, capfd):
    from nbkeras.callbacks.monitor import monitor_class
    from nbkeras.widgets.live import install, open_view

    nbkeras.runs.set_log(log)
    install()
    try:
        monitor = monitor_class(keras.__name__)()
        history = model.fit(*data, epochs=3, verbose=0, callbacks=[monitor])
    finally:
        nbkeras.runs.openers.remove(open_view)
    assert len(history.history["loss"]) == 3
    assert monitor.run.status == "finished"
    assert monitor.run.history == history.history
    notes = [note for note in monitor.run.notes if note.startswith("the run log is off: ")]
    assert len(notes) == 1
    shown = capfd.readouterr()
    assert shown.out.count("the run log is off") == 1
    assert "Traceback" not in shown.err
