"""A machine as a person who clones the project has it: a copy of the tree, no Node.js, no packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.setup.project import ROOT


def clone(folder: Path) -> Path:
    """Copy what git tracks; node_modules is linked, to spare the download."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    modules = Path("extension", "node_modules")
    if (ROOT / modules).is_dir():
        shutil.copytree(ROOT / modules, folder / modules, symlinks=True, copy_function=os.link)
    return folder


def environment_without_node(folder: Path) -> dict[str, str]:
    """Environment variables whose PATH has every command of this machine but Node.js's."""
    commands = folder / "commands"
    commands.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for command in Path(place).glob("*"):
            link = commands / command.name
            if command.name not in {"corepack", "node", "nodejs", "npm", "npx"} and not link.exists():
                link.symlink_to(command)
    return os.environ | {"PATH": str(commands)}


def empty_environment(folder: Path) -> Path:
    """Make a virtual environment and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin" / "python"


def pip_install(python: Path, *arguments: str | Path, **options: object) -> None:
    """Install with the pip of an environment."""
    command = [python, "-m", "pip", "install", "--quiet", "--no-compile", *arguments]
    subprocess.run(command, check=True, **options)
