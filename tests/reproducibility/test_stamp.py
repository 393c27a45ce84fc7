"""Environment stamps, with real git, real pip, and real packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nbkeras
from nbkeras.reproducibility import stamp_packages
from nbkeras.reproducibility.stamp import Stamp, of_record, stamp
from nbkeras.reproducibility.stamp_git import git_facts
from nbkeras.runtime.refusal import Refusal
from tests.recipes.cases import PAIRWISE

ROOT = Path(__file__).resolve().parents[2]


def run(*command, cwd=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout.strip()


def test_nothing_is_loaded_for_it():
    code = (
        "import sys, nbkeras.reproducibility.stamp as s; text = repr(s.stamp()); assert 'python' in text;"
        "print([name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules])"
    )
    assert run(sys.executable, "-c", code) == "[]"


def test_loaded_tensorflow_is_asked():
    import tensorflow as tf

    tf.random.set_seed(5)
    found = nbkeras.stamp()
    assert found["versions"]["tensorflow"] == tf.__version__
    assert found["seeds"]["tensorflow"] == "5"
    assert found["machine"]["devices"]
    assert found["flags"]["op determinism"] in {"on", "off"}
    assert f"tensorflow                 {tf.__version__}"[:20].split()[0] in repr(found)


def test_git_commit_and_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_facts() == {}
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    run(*git, "init")
    assert git_facts() == {}
    (tmp_path / "a.py").write_text("1")
    run(*git, "add", "a.py")
    run(*git, "commit", "-m", "first")
    commit = run("git", "rev-parse", "HEAD")
    (tmp_path / "new.py").write_text("not tracked")
    assert git_facts() == {"commit": commit, "changed files": "none"}
    (tmp_path / "a.py").write_text("2")
    assert git_facts() == {"commit": commit, "changed files": "1"}


def test_no_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_facts() == {}


def test_pip_finds_the_requirements_satisfied_by_this_very_environment(tmp_path):
    """Without an index: a wrong name or version would not be found."""
    file = tmp_path / "requirements.txt"
    text = stamp().requirements(file)
    assert file.read_text("utf-8") == text
    assert len(text.splitlines()) > 20
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-index",
        "--no-deps",
        "-r",
        str(file),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
    file.write_text(text.replace("h5py==", "h5py==0."))
    assert subprocess.run(command, check=False, capture_output=True, text=True).returncode == 1


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "own==1.2"),
        (
            {"url": "file:///some/folder", "dir_info": {"editable": True}},
            "# own 1.2 editable from a local folder",
        ),
        ({"url": "file:///some/folder", "dir_info": {}}, "# own 1.2 from a local folder"),
        (
            {"url": "file:///some/folder", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "# own 1.2 at commit abc from a local folder",
        ),
        ({"url": "https://host/own-1.2.tar.gz", "archive_info": {}}, "own @ https://host/own-1.2.tar.gz"),
        (
            {"url": "https://me:secret@host/own", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "own @ git+https://host/own@abc",
        ),
        ("{broken", "own==1.2"),
    ],
)
def test_packages_that_came_from_elsewhere(tmp_path, monkeypatch, origin, line):
    folder = tmp_path / "own-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.2\n")
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (folder / "direct_url.json").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert list(stamp_packages.requirement_lines(stamp_packages.installed())) == [line]


def test_a_package_of_conda_is_known_by_its_version(tmp_path, monkeypatch):
    """It writes down the folder in which it was built, as conda-build does."""
    folder = tmp_path / "own-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.2\n")
    (folder / "INSTALLER").write_text("conda\n")
    (folder / "direct_url.json").write_text(json.dumps({"url": "file:///croot/own/work", "dir_info": {}}))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert stamp_packages.installed() == {"own": "1.2"}


def test_a_version_that_is_on_no_public_index_is_named():
    (line,) = stamp_packages.requirement_lines({"own": "1.2+cu12"})
    assert line == "own==1.2+cu12  # not on PyPI: name its index with --extra-index-url"


@pytest.mark.skipif(not PAIRWISE, reason="makes two environments from PyPI: make grid")
def test_the_file_rebuilds_an_environment(tmp_path):
    """A small environment with a package from PyPI, one from git, a folder and an editable folder."""
    for name in ("plainly", "editably", "versioned"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "1.5"\n[build-system]\nrequires = ["setuptools"]\n'
            'build-backend = "setuptools.build_meta"\n[tool.setuptools]\npy-modules = []\n'
        )
    repository = tmp_path / "versioned"
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
    run(*git, "init", cwd=repository)
    run(*git, "add", "pyproject.toml", cwd=repository)
    run(*git, "commit", "-m", "first", cwd=repository)
    commit = run("git", "rev-parse", "HEAD", cwd=repository)
    first, again, file = tmp_path / "first", tmp_path / "again", tmp_path / "requirements.txt"

    def python(folder):
        run(sys.executable, "-m", "venv", str(folder))
        return str(folder / "bin" / "python")

    def installed(interpreter):
        listed = json.loads(run(interpreter, "-m", "pip", "list", "--format", "json"))
        return {each["name"].lower(): each["version"] for each in listed}

    one = python(first)
    install = (one, "-m", "pip", "install", "--quiet")
    run(*install, "six==1.16.0", "packaging==23.2", str(tmp_path / "plainly"), f"git+file://{repository}")
    run(*install, "--editable", str(tmp_path / "editably"))
    code = "import sys; from nbkeras.reproducibility.stamp import stamp; stamp().requirements(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([one, "-c", code, str(file)], check=True, env=environment, cwd=tmp_path)
    text = file.read_text("utf-8")
    local = "from a local folder"
    assert f"# plainly 1.5 {local}\n" in text
    assert f"# editably 1.5 editable {local}\n" in text
    assert f"# versioned 1.5 at commit {commit} {local}\n" in text
    other = python(again)
    run(other, "-m", "pip", "install", "--quiet", "-r", str(file))
    own = {"plainly", "editably", "versioned"}
    expected = {name: version for name, version in installed(one).items() if name not in own}
    assert expected["six"] == "1.16.0"
    assert installed(other) == expected


def test_a_package_installed_meanwhile_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert stamp_packages.installed() == {}
    folder = tmp_path / "late-2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 2\n")
    assert stamp_packages.installed() == {"late": "2"}


def test_unwritable_file_and_stamp_without_packages_are_refused(tmp_path):
    with pytest.raises(Refusal, match="requirements: expected a file that can be written, received"):
        stamp().requirements(tmp_path / "none" / "r.txt")
    with pytest.raises(Refusal, match="expected a stamp with its packages"):
        Stamp().requirements()


def test_differences_name_each_fact():
    one = Stamp(seeds={"tensorflow": "1"}, packages={"numpy": "2.0", "old": "1"})
    other = {"seeds": {"tensorflow": "1"}, "packages": {"numpy": "2.1"}, "git": {"commit": "a"}}
    assert one.differences(other) == [
        ("packages.numpy", "2.0", "2.1"),
        ("packages.old", "1", "-"),
        ("git.commit", "-", "a"),
    ]
    assert one.differences(one) == []


def test_run_of_an_older_nbkeras_has_none():
    with pytest.raises(Refusal, match="an older nbkeras recorded"):
        of_record({"python": "3.11"})
