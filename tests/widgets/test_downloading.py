"""A download is one line: replaced in a notebook, drawn over in a terminal, told once in a file."""

from __future__ import annotations

import sys
from pathlib import Path

import IPython.display

from nbkeras.widgets.pretrained import downloading
from nbkeras.widgets.pretrained.downloading import DownloadLine

MB = 1 << 20
FOLDER = Path("/kept")


def brought():
    line = DownloadLine("MobileNetV2")
    for done in range(8):
        line(done * 2 * MB, 14 * MB)
    line.close(FOLDER)


def test_a_file_gets_the_end_alone_and_nothing_where_nothing_was_brought(capsys):
    brought()
    DownloadLine("VGG16").close(FOLDER)
    assert capsys.readouterr().out == "MobileNetV2: downloaded to /kept\n"


def test_a_terminal_gets_one_line_and_covers_what_stood_there(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    brought()
    drawn = capsys.readouterr().out
    assert drawn.count("\n") == 1
    first, *others = drawn.removeprefix("\r").split("\r")
    assert first == "MobileNetV2: 0.0 of 14.0 MB"
    assert any(each.startswith("MobileNetV2: 14.0 of 14.0 MB") for each in others)
    assert len(others[-1].rstrip("\n")) >= len(others[-2].rstrip())
    assert others[-1].rstrip() == "MobileNetV2: downloaded to /kept"


def test_a_notebook_gets_one_output_that_is_replaced(capsys, monkeypatch):
    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle)

    def display(bundle, *, raw, display_id):
        shown.append(bundle)
        return Handle()

    monkeypatch.setattr(downloading, "in_kernel", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    brought()
    assert shown[0]["text/plain"] == "MobileNetV2: 0.0 of 14.0 MB"
    assert shown[-1]["text/plain"] == "MobileNetV2: downloaded to /kept"
    assert "downloaded to /kept" in shown[-1]["text/html"]
    assert capsys.readouterr().out == ""
