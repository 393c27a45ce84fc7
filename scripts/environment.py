"""Make .venv and install nbkeras with extras into it: `python scripts/environment.py cpu lab`.

The install is editable, so a changed Python file is in use at once. A second call does nothing
while pyproject.toml and the sources of the view are what they were.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys

import build_view

ROOT = build_view.ROOT
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NOTE = VENV / "nbkeras-installed.json"


def main(extras: set[str]) -> None:
    """Bring .venv to the state that `extras` asks for, saying each step that takes time."""
    digest = _digest()
    done = json.loads(NOTE.read_text()) if NOTE.exists() else {"digest": "", "extras": []}
    if done["digest"] == digest and extras <= set(done["extras"]) and build_view.is_built():
        say(f"The environment is up to date ({', '.join(sorted(done['extras']))}).")
        return
    if not _is_this_python():
        _make_venv()
        done = {"digest": "", "extras": []}
    if not build_view.is_built():
        _build_view()
    _install(extras := extras | set(done["extras"]))
    NOTE.write_text(json.dumps({"digest": digest, "extras": sorted(extras)}))


def say(step: str) -> None:
    """Print one step, at once."""
    print(f"==> {step}", flush=True)


def pip(*arguments: str) -> None:
    """Run the environment's pip; end with its status when it fails."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    # Modules are compiled when they are first imported: most of them never are.
    options = ["--disable-pip-version-check", "--no-compile", *quiet]
    command = [PYTHON, "-m", "pip", "install", *options, *arguments]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status:
        sys.exit(f"nbkeras: `pip install {' '.join(arguments)}` failed; its lines above say why.")


def _digest() -> str:
    """Hash what an installed environment depends on."""
    digest = hashlib.sha256(f"{sys.version}{sys.base_prefix}".encode())
    for name in ("pyproject.toml", "hatch_build.py", "scripts/environment.py"):
        digest.update((ROOT / name).read_bytes())
    digest.update(build_view.digest_of_sources().encode())
    return digest.hexdigest()


def _is_this_python() -> bool:
    """Tell whether .venv is there, whole, and was made by the Python that runs this."""
    # pip comes last: a .venv without it was interrupted while it was made.
    code = "import pip, sys; print(sys.version, sys.base_prefix)"
    if not PYTHON.exists():
        return False
    run = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return run.stdout.rstrip("\n") == f"{sys.version} {sys.base_prefix}"


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            f"nbkeras: Python {version} has no module to make virtual environments with. "
            f"On Debian and Ubuntu type: apt install python{version}-venv"
        )
    say(f"Making .venv with Python {sys.version.split()[0]}")
    # Cleared by venv, not before it: .venv's own Python may be the one that runs this.
    status = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False).returncode
    if status:
        sys.exit("nbkeras: .venv could not be made; the lines above say why.")


def _build_view() -> None:
    """Build the view with the machine's Node.js, else with one from PyPI."""
    if build_view.find_npm() is None:
        say(f"Taking Node.js from PyPI (none of version {build_view.OLDEST_NODE} or newer here)")
        pip(build_view.NODE_FROM_PYPI)
    say("Building the view (extension/)")
    build = [PYTHON, ROOT / "scripts" / "build_view.py"]
    status = subprocess.run(build, check=False).returncode
    if status:
        sys.exit(status)


def _install(extras: set[str]) -> None:
    say(f"Installing nbkeras[{','.join(sorted(extras))}] (the first time takes minutes)")
    pip("--editable", f".[{','.join(sorted(extras - {'legacy'}))}]")
    if "legacy" in extras:
        # tf_keras asks for the plain tensorflow wheel, which would overwrite tensorflow-cpu's
        # files. So it comes alone, in the release that belongs to the TensorFlow that is there.
        code = "import importlib.metadata as m; print(m.packages_distributions()['tensorflow'][0])"
        name = _output("-c", code)
        version = _output("-c", f"import importlib.metadata as m; print(m.version({name!r}))")
        pip("--no-deps", f"tf_keras~={'.'.join(version.split('.')[:2])}.0")


def _output(*arguments: str) -> str:
    command = [PYTHON, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main(set(sys.argv[1:]))
