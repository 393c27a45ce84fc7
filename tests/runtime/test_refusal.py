from __future__ import annotations

import pytest

from nbkeras.runtime.refusal import Refusal


def test_a_script_may_catch_it_as_a_value_error():
    with pytest.raises(ValueError, match="must be 0 or more"):
        raise Refusal("patience must be 0 or more, not -1")


def test_ipython_shows_one_line_and_no_traceback(capsys):
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    shell = interactive.InteractiveShell()
    shell.push({"Refusal": Refusal})
    shell.run_cell("raise Refusal('patience must be 0 or more, not -1')")
    assert capsys.readouterr().out.strip() == "nbkeras: patience must be 0 or more, not -1"
