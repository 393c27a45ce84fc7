"""The papers of the project agree with the project."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
from typing import TYPE_CHECKING

import nbformat
import pytest
import yaml

from tests.setup.project import ROOT, metadata

if TYPE_CHECKING:
    from pathlib import Path

VERSION = metadata()["version"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_the_installed_package_has_this_version() -> None:
    import nbkeras

    assert nbkeras.__version__ == importlib.metadata.version("nbkeras") == VERSION


def test_the_view_has_this_version() -> None:
    assert json.loads(read("extension/package.json"))["version"] == VERSION


def test_the_citation_is_complete() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == VERSION
    assert citation["license"] == metadata()["license"]
    assert citation["authors"] == [{"name": metadata()["authors"][0]["name"]}]
    assert citation["repository-code"] == metadata()["urls"]["Source"]
    assert {"message", "title"} <= citation.keys()


def test_the_changelog_names_this_version_and_what_is_coming() -> None:
    changelog = read("CHANGELOG.md")
    assert "## [Unreleased]" in changelog
    assert VERSION in changelog


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_the_papers_exist(paper: str) -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", read("Makefile"), re.MULTILINE))
    blocks = re.findall(r"```console\n(.*?)```", read(paper), re.DOTALL)
    commands = set(re.findall(r"^make (\w+)", "\n".join(blocks), re.MULTILINE))
    assert commands
    assert commands <= targets


def test_readme_shows_the_two_commands_the_picture_and_ten_lines_of_code() -> None:
    readme = read("README.md")
    first_screen = readme.partition("\n## ")[0]
    assert re.search(r"^make lab\b", first_screen, re.MULTILINE)
    assert re.search(r"^make test\b", first_screen, re.MULTILINE)
    # A cell each, to be copied as they are.
    cells = re.findall(r"```python\n(.*?)```", first_screen, re.DOTALL)
    assert [cell.startswith("%%fit") for cell in cells] == [False, True]
    assert len([line for cell in cells for line in cell.splitlines() if line]) <= 10


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_and_pictures_of_the_papers_exist(paper: str) -> None:
    text = read(paper)
    links = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    here = [link for link in links if "://" not in link]
    assert not [link for link in here if not (ROOT / link).exists()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_saved_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), cell.source


# In pieces, so that this file does not find itself.
MACHINE = r"(?<![\w~./])/(?:root|work|farm)" + r"/\w|\.py" + "env/"
REGISTRY = r"pypi\." + r"org|pythonhosted\." + r"org|npmjs\." + r"(?:org|com)"


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    forbidden = re.compile(f"{MACHINE}|{REGISTRY}")
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in forbidden.finditer(text)]
    assert not found


def test_every_public_name_has_a_docstring_with_an_example() -> None:
    import nbkeras

    names = [name for name in nbkeras.__all__ if not name.startswith("__")]
    assert not [name for name in names if "Example" not in (getattr(nbkeras, name).__doc__ or "")]
