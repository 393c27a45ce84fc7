"""PYTHONHASHSEED for one kernel: read only as Python starts, so it stands in the kernel's description."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "PYTHONHASHSEED"
# What Jupyter starts with its own interpreter, whatever it is.
_ANY_PYTHON = {"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}"}


def set_hash_seed(value: int, kernel: str | None = None) -> Path:
    """Write PYTHONHASHSEED into the description of this kernel, and return the file.

    All else in it stays. Where the description cannot be written, a copy in the user's own Jupyter folder
    takes its place. It counts when Jupyter starts the kernel again.

    Args:
        value: the seed of Python's hashes, from 0 to 4294967295.
        kernel: the name of the kernel (``jupyter kernelspec list``); by default the one whose Python this is.

    Raises:
        Refusal: when the kernel cannot be told or its description cannot be written.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    name = _this_kernel(specs) if kernel is None else kernel
    if name not in specs:
        known = ", ".join(sorted(specs))
        refusal = f"expected one of the kernels {known}; received {name!r}: type  --kernel {min(specs)}"
        raise Refusal(refusal)
    described = Path(specs[name]["resource_dir"]) / "kernel.json"
    # Where a kernel has no description, ipykernel makes one up.
    spec = json.loads(described.read_text("utf-8")) if described.exists() else dict(specs[name]["spec"])
    spec["env"] = {**(spec.get("env") or {}), VARIABLE: str(value)}
    text = json.dumps(spec, indent=1) + "\n"
    for folder in _places(specs[name]["resource_dir"], name):
        path = folder / "kernel.json"
        before = path.read_text("utf-8") if path.exists() else None
        made = _missing(folder)
        try:
            _write(path, text)
        except OSError:
            _remove(made)
            continue
        if _counts(name, value):
            return path
        # Jupyter finds another one before it: this one is as it was.
        if before is None:
            path.unlink()
            _remove(made)
        else:
            _write(path, before)
    tried = " and ".join(map(str, _places(specs[name]["resource_dir"], name)))
    refusal = (
        f"expected a folder of kernel {name} that can be written and that Jupyter reads first, received "
        f"{tried}: start Jupyter in a terminal with  {VARIABLE}={value} jupyter lab  and its kernels have it"
    )
    raise Refusal(refusal)


def _this_kernel(specs: Mapping[str, Any]) -> str:
    """Name the kernel whose Python this is."""
    names = [name for name, each in specs.items() if _is_this_python(each["spec"])]
    if len(names) == 1:
        return names[0]
    if not names:
        text = f"expected a kernel that runs {sys.executable}, received none: type  --kernel NAME"
    else:
        said = ", ".join(sorted(names))
        text = f"expected one kernel with this Python, received {said}: type  --kernel {min(names)}"
    raise Refusal(text)


def _is_this_python(spec: Mapping[str, Any]) -> bool:
    first = str((spec.get("argv") or [""])[0])
    if first in _ANY_PYTHON:
        return True
    try:
        return Path(first).samefile(sys.executable) and Path(first).parent == Path(sys.executable).parent
    except OSError:
        return False


def _places(resources: str, name: str) -> list[Path]:
    """Return where the description may be written: its own folder, else the user's."""
    import jupyter_core.paths

    own = Path(resources)
    users = Path(jupyter_core.paths.jupyter_data_dir()) / "kernels" / name
    return [own, users] if (own / "kernel.json").exists() else [users]


def _missing(folder: Path) -> list[Path]:
    """Return those of a folder and the folders above it that are not there, the lowest first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _write(path: Path, text: str) -> None:
    """Write a file that is whole at every moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        Path(aside).chmod(mode)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _counts(name: str, value: int) -> bool:
    """Tell whether Jupyter finds the description with the seed, and not another one before it."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = KernelSpecManager().get_all_specs().get(name, {}).get("spec", {})
    return bool((found.get("env") or {}).get(VARIABLE) == str(value))
