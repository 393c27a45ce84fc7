"""What was looked for and found, what to choose where, and whether TensorFlow and the TPU go together."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from nbkeras.devices.tensorflow_build import distributions, package_version
from nbkeras.devices.tpu.probing import holders
from nbkeras.devices.tpu.targets import OLD_VARIABLES, VARIABLES
from nbkeras.runtime.frontend import Frontend, frontend
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.devices.tpu.targets import Target
    from nbkeras.devices.tpu_hardware import TpuHardware

_COLAB, _KAGGLE = "Runtime > Change runtime type", "Settings > Accelerator"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for, and what came of it."""

    looked_for: str
    found: str


class NoTpu(Refusal):
    """There is no TPU, or it can't be used; nothing of the notebook was changed.

    Attributes:
        findings: what was looked for, and what came of it.
    """

    def __init__(self, text: str, findings: tuple[Finding, ...] = ()) -> None:
        """Take the line and the findings."""
        super().__init__(text)
        self.findings = findings

    def table(self) -> list[str]:
        """Return the findings as lines of text."""
        width = max((len(each.looked_for) for each in self.findings), default=0)
        return [f"{each.looked_for.ljust(width)}  {each.found}" for each in self.findings]


def findings(
    hardware: TpuHardware, environment: Mapping[str, str], failed: Mapping[Target, str]
) -> tuple[Finding, ...]:
    """Return all that was looked for: variables, this machine, TensorFlow.

    Args:
        hardware: what speaks for a TPU in this machine.
        environment: the variables.
        failed: the places that were tried, with why they failed.
    """
    tried = [Finding(target.words(), why) for target, why in failed.items()]
    return (
        *tried,
        Finding("what TensorFlow reads", _of_variables(VARIABLES, environment)),
        Finding("this machine", _of_machine(hardware)),
        Finding("what Colab once set", _of_variables(OLD_VARIABLES, environment)),
        Finding("TensorFlow", _of_tensorflow(hardware)),
    )


def no_tpu(found: tuple[Finding, ...], failed: Mapping[Target, str]) -> NoTpu:
    """Return the refusal: why, and what to do where this notebook runs."""
    target, why = next(iter(failed.items()), (None, ""))
    head = "no TPU was found" if target is None else f"no TPU at {target.words()}: {why}"
    # To somebody who names an address, the menus have nothing to say.
    mend = "" if target is not None and not target.is_local else f"; {_menu()}"
    return NoTpu(f"{head}{mend}; --or-else mirrored  goes on without one", found)


def mismatch_of_libtpu() -> str:
    """Say that TensorFlow and libtpu, which drives the TPU of this machine, are not of one release."""
    try:
        needs = metadata.requires("tensorflow-tpu") or []
    except metadata.PackageNotFoundError:
        return ""
    wanted = next((found[1] for each in needs if (found := re.match(r"libtpu\s*==\s*([\w.]+)", each))), "")
    has = package_version("libtpu")
    if not wanted or not has or wanted == has:
        return ""
    return (
        f"libtpu {has} does not go with tensorflow-tpu {package_version('tensorflow-tpu')}, which is for "
        f"{wanted}: type  %pip install libtpu=={wanted}  and restart the kernel"
    )


def mismatch_of_runtime(version: str) -> str:
    """Say that a TPU in the network runs another TensorFlow than this notebook.

    Example:
        >>> mismatch_of_runtime("")
        ''
    """
    mine = next((each.split()[1] for each in distributions()), "")
    if not version or not mine or _release(version) == _release(mine):
        return ""
    return f"the TPU runs TensorFlow {version}, and this notebook {mine}: they must be of one release"


def _of_variables(names: tuple[str, ...], environment: Mapping[str, str]) -> str:
    given = [f"{name}={environment[name]}" for name in names if environment.get(name)]
    missing = [name for name in names if not environment.get(name)]
    return "; ".join(filter(None, [*given, f"{', '.join(missing)} not set" if missing else ""]))


def _of_machine(hardware: TpuHardware) -> str:
    chips = ", ".join(f"{count} x {model}" for model, count in hardware.chips.items())
    parts = [f"{chips} on the PCI bus" if chips else "no TPU on the PCI bus"]
    parts.append(", ".join(hardware.files) or "no /dev/accel* or /dev/vfio/*")
    parts += [f"{name}={value}" for name, value in hardware.variables.items()]
    parts.append(f"libtpu {hardware.libtpu}" if hardware.libtpu else "no libtpu")
    others = holders(hardware.files) if hardware.files else ()
    if others:
        parts.append(f"in use by {', '.join(others)}")
    return "; ".join(parts)


def _of_tensorflow(hardware: TpuHardware) -> str:
    installed = distributions()
    if not installed:
        return "not installed: type  %pip install 'nbkeras[tpu]'"
    text = " and ".join(installed)
    if any(each.startswith("tensorflow-tpu ") for each in installed):
        return mismatch_of_libtpu() or text
    lacks = " for a TPU of this machine it must be tensorflow-tpu: %pip install 'nbkeras[tpu]'"
    return f"{text};{lacks}" if hardware.is_likely else text


def _menu() -> str:
    if frontend() is Frontend.COLAB or "COLAB_RELEASE_TAG" in os.environ:
        return f"choose one in the menu {_COLAB}"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return f"choose one in the menu {_KAGGLE}"
    return f"Colab has them in the menu {_COLAB}, Kaggle in {_KAGGLE}"


def _release(version: str) -> list[str]:
    return version.split(".")[:2]
