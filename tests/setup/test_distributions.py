"""The wheel and the sdist carry what an install without Node.js needs, and no more."""

from __future__ import annotations

import email
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from tests.setup.project import ROOT, metadata

if TYPE_CHECKING:
    from pathlib import Path

LAB = "nbkeras-0.1.0.data/data/share/jupyter/labextensions/nbkeras"


def names_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_module_and_the_marker_of_types(wheel: Path) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nbkeras").rglob("*.py")}
    assert modules | {"nbkeras/py.typed"} <= names_of(wheel)


def test_the_wheel_has_the_view_of_the_widget(wheel: Path) -> None:
    assert [
        name
        for name in names_of(wheel)
        if name.startswith("nbkeras/widgets/static/") and name.endswith(".js")
    ]


def test_the_wheel_has_the_lab_extension_in_share_alone(wheel: Path) -> None:
    names = names_of(wheel)
    assert {f"{LAB}/install.json", f"{LAB}/package.json"} <= names
    assert [name for name in names if name.startswith(f"{LAB}/static/remoteEntry")]
    assert not [name for name in names if name.startswith("nbkeras/labextension")]
    with zipfile.ZipFile(wheel) as archive:
        install = json.loads(archive.read(f"{LAB}/install.json"))
    assert install["packageManager"] == "python"
    assert install["packageName"] == "nbkeras"


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in names_of(wheel)}
    assert tops == {"nbkeras", "nbkeras-0.1.0.data", "nbkeras-0.1.0.dist-info"}


def test_the_metadata_are_those_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("nbkeras-0.1.0.dist-info/METADATA").decode()
    written = email.message_from_string(text)
    assert written["Requires-Python"] == ">=3.10"
    assert written["License-Expression"] == "Apache-2.0"
    extras = set(metadata()["optional-dependencies"])
    assert set(written.get_all("Provides-Extra")) == extras
    assert {"cpu", "gpu", "tpu", "legacy", "cluster", "tuner", "lab", "test"} <= extras


def test_every_machine_gets_exactly_one_tensorflow_from_the_extra_cpu() -> None:
    requirements = [Requirement(text) for text in metadata()["optional-dependencies"]["cpu"]]
    for platform, machine, expected in [
        ("linux", "x86_64", "tensorflow-cpu"),
        ("linux", "aarch64", "tensorflow"),
        ("darwin", "arm64", "tensorflow"),
        ("win32", "AMD64", "tensorflow"),
    ]:
        here = {"sys_platform": platform, "platform_machine": machine}
        chosen = [each.name for each in requirements if each.marker and each.marker.evaluate(here)]
        assert chosen == [expected], here


def test_the_sdist_has_the_built_view_and_its_sources(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"extension/.built-from", "extension/package-lock.json", "hatch_build.py", "LICENSE"} <= names
    assert [name for name in names if name.startswith("extension/src/")]
    assert "nbkeras/labextension/package.json" in names
    assert not [name for name in names if name.startswith(("extension/node_modules", "tests/", ".venv"))]
