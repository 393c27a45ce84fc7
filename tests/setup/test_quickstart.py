"""What `make lab HEADLESS=1` says, the example of the README, and the tutorials, in a real kernel.

The quickstart itself is executed by test_binder.py, by the same script.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from scripts import lab
from tests.setup.project import ROOT

pytestmark = pytest.mark.kernel


def save(path: Path, *cells: str) -> Path:
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells]), path)
    return path


def executed(name: str, folder: Path) -> tuple[dict[str, nbformat.NotebookNode], dict[str, str]]:
    """Execute a copy of one of the notebooks; return its cells by their ids, and what each has put out."""
    path = folder / name
    path.write_text((ROOT / "notebooks" / name).read_text(encoding="utf-8"), encoding="utf-8")
    cells = {cell.id: cell for cell in lab.execute(path).cells}
    shown = {
        id: "".join(str(output.get("data", output.get("text"))) for output in cell.get("outputs", []))
        for id, cell in cells.items()
    }
    return cells, shown


def test_a_failing_cell_ends_it_with_a_status_and_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "quickstart.ipynb", "1 + 1", "undefined_name", "print('not reached')")
    monkeypatch.setattr(lab, "QUICKSTART", path)
    assert lab.main(["--headless"]) == 1
    said = capsys.readouterr()
    assert "[2/3] undefined_name" in said.out
    assert "[3/3]" not in said.out
    assert "NameError" in said.err


def test_the_address_that_jupyterlab_prints_opens_the_quickstart(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a browser it is all that one has."""
    called: list[str] = []
    monkeypatch.setattr(lab.os, "execv", lambda _, command: called.extend(command))
    lab.open_lab(lab.QUICKSTART)
    given = dict(each.removeprefix("--").split("=") for each in called if "=" in each)
    address = given["LabApp.default_url"].removeprefix("/lab/tree/")
    assert Path(given["ServerApp.root_dir"], address) == ROOT / "notebooks" / "quickstart.ipynb"


@pytest.mark.slow
def test_the_example_of_the_readme_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```python\n(.*?)```", readme.partition("\n## ")[0], re.DOTALL)
    check = "assert nbkeras.runs.latest().history['val_accuracy'] == history.history['val_accuracy']"
    lab.execute(save(tmp_path / "readme.ipynb", first, second, f"import nbkeras\n{check}"))
    assert "[3/3]" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.costly
def test_the_notebook_on_fine_tuning_gains_what_it_says(tmp_path: Path) -> None:
    cells, _ = executed("fine_tuning.ipynb", tmp_path)
    (told,) = (
        output["data"]["text/plain"]
        for cell in cells.values()
        for output in cell.get("outputs", [])
        if "from scratch" in str(output.get("data"))
    )
    accuracy = ast.literal_eval(told)
    assert accuracy["fine-tuned"] > accuracy["from scratch"]


@pytest.mark.slow
@pytest.mark.costly
def test_the_notebook_that_looks_inside_a_network_shows_what_it_says(tmp_path: Path) -> None:
    cells, shown = executed("features.ipynb", tmp_path)
    assert "loss" in shown["train"]
    assert "before the cell" in shown["train"]
    assert "Feature maps of edges: 8 of 8 channels, sample 0" in shown["maps"]
    assert "Feature maps of shapes: 16 of 16 channels, sample 7" in shown["sample"]
    assert "Histogram of the outputs of digit" in shown["units"]
    assert "((2, 8, 8, 16), " in shown["file"]
    assert "how much its pixels move the score" in shown["saliency"]
    assert "(8, 8, 8, 1)" in shown["saliency-other"]
    assert "nbkeras" not in shown["code"]
    # It learns well enough for what it says of a trained network.
    accuracy = next(
        output["data"]["text/plain"]
        for output in cells["train"].outputs
        if "data" in output and "text/html" not in output["data"]
    )
    assert float(accuracy) > 0.9


@pytest.mark.slow
@pytest.mark.costly
def test_the_notebook_on_several_devices_trains_on_all_of_them(tmp_path: Path) -> None:
    cells, shown = executed("distribution.ipynb", tmp_path)
    assert "CPU:0, CPU:1" in shown["devices"]
    assert "2 replicas: each takes 32 samples of a batch of 64" in shown["mirrored"]
    (difference,) = (output["data"]["text/plain"] for output in cells["difference"].outputs)
    assert float(difference) < 1e-5
    assert "CPU:0" in shown["placement"]
    assert "2 replicas" in shown["train"]
    (told,) = (output["data"]["text/plain"] for output in cells["get"].outputs if "data" in output)
    assert ast.literal_eval(told)["accuracy"] > 0.9
    assert "2 workers ended" in shown["stop"]
    assert "TF_CONFIG" in shown["code"]
    assert "nbkeras" not in shown["code"]
