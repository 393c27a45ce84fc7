"""A real ``fit`` whose run log cannot be written: it ends well, and says so once."""

from __future__ import annotations

import nbkeras


def test_training_ends_well_and_says_it_once(keras, model, data, tmp_path, capfd):
    from nbkeras.callbacks.monitor import monitor_class
    from nbkeras.widgets.live import install, open_view

    # A file in place of the log's directory; full disks are tried in tests/runs/log/test_no_disk.py.
    (tmp_path / "file").write_text("in the way")
    nbkeras.runs.set_log(tmp_path / "file" / "runs.sqlite")
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
