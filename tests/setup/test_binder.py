"""What Binder does with binder/, carried out in an empty environment on a machine without Node.js."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nbformat
import psutil
import pytest
from nbformat import v4

from tests.setup.machine import clone, empty_environment, environment_without_node, pip_install
from tests.setup.project import ROOT, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(900)]

MEMORY = 2 * 1024**3  # what Binder gives, in bytes
QUICKSTART = "/lab/tree/notebooks/quickstart.ipynb"
WRITE_PEAK = """
# ru_maxrss is in KiB on Linux
import pathlib, resource
pathlib.Path("peak").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""
# What nbkeras warns of is not how a tutorial trains.
NOTHING_FOUND = """
assert not [note for run in nbkeras.runs.all() for note in run.notes if note.startswith("NBK")]
"""


class Image(NamedTuple):
    """What Binder would have built."""

    tree: Path
    python: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Copy the repository, install binder/requirements.txt from its root, run binder/postBuild."""
    folder = tmp_path_factory.mktemp("binder")
    tree = clone(folder / "tree")
    environment = environment_without_node(folder)
    python = empty_environment(folder / "environment")
    pip_install(python, "--requirement", "binder/requirements.txt", cwd=tree, env=environment)
    environment["PATH"] = os.pathsep.join([str(python.parent), environment["PATH"]])
    for kind in ("CONFIG", "DATA", "RUNTIME"):
        environment[f"JUPYTER_{kind}_DIR"] = str(folder / kind.lower())
    subprocess.run([tree / "binder" / "postBuild"], cwd=tree, env=environment, check=True)
    return Image(tree, python, environment)


@contextmanager
def jupyter_lab(image: Image) -> Iterator[tuple[str, int]]:
    """Start JupyterLab; give its address, and the bytes of memory that it takes."""
    notes = Path(image.environment["JUPYTER_RUNTIME_DIR"])
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--IdentityProvider.token="]
    command = [image.python, "-m", "jupyter", "lab", *options]
    said = image.tree / "lab.log"
    with said.open("w") as log:
        process = subprocess.Popen(command, cwd=image.tree, env=image.environment, stdout=log, stderr=log)
    try:
        while not (note := next(notes.glob(f"jpserver-{process.pid}.json"), None)):
            assert process.poll() is None, said.read_text()
            time.sleep(0.1)
        yield json.loads(note.read_text())["url"], psutil.Process(process.pid).memory_info().rss
    finally:
        process.terminate()
        process.wait()


def test_jupyterlab_opens_on_the_quickstart(image: Image) -> None:
    with jupyter_lab(image) as (address, _), urllib.request.urlopen(address) as page:  # noqa: S310
        assert page.url.endswith(QUICKSTART)
        assert b"JupyterLab" in page.read()


def test_the_view_is_installed_and_its_tools_are_gone(image: Image) -> None:
    extension = image.python.parents[1] / "share" / "jupyter" / "labextensions" / "nbkeras"
    assert (extension / "package.json").exists()
    assert not (image.tree / "extension" / "node_modules").exists()


def test_the_quickstart_runs_from_top_to_bottom_in_the_memory_that_binder_gives(image: Image) -> None:
    path = image.tree / "notebooks" / "quickstart.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [v4.new_code_cell(NOTHING_FOUND), v4.new_code_cell(WRITE_PEAK)]
    nbformat.write(notebook, path)
    command = [image.python, image.tree / "scripts" / "lab.py", "--headless"]
    run = subprocess.run(
        command, cwd=image.tree, env=image.environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    progress = re.findall(r"^\[(\d+)/(\d+)\] .* ok +[\d.]+ s$", run.stdout, re.MULTILINE)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    assert progress == [(str(number), str(cells)) for number in range(1, cells + 1)]
    kernel = int((path.parent / "peak").read_text()) * 1024
    with jupyter_lab(image) as (_, server):
        assert kernel + server < MEMORY


def test_runtime_is_a_python_that_the_project_supports() -> None:
    version = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert f"Programming Language :: Python :: {version}" in metadata()["classifiers"]
