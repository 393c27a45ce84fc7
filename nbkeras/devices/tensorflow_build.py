"""What TensorFlow is installed here, how it was built, and whether it has begun."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from typing import Any

from nbkeras.runtime.refusal import Refusal

# All of them hold the folder "tensorflow": where two are installed, the files are those of the later one.
_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tensorflow-tpu", "tensorflow-rocm", "tf-nightly")


@dataclass(frozen=True, slots=True)
class Build:
    """A TensorFlow as it was built.

    Attributes:
        version: such as ``"2.21.0"``, empty without a TensorFlow.
        distributions: the packages that hold it, each with its version.
        cuda: the version of CUDA that it was built with, empty for a build without.
        cudnn: that of cuDNN.
        capabilities: the compute capabilities that it has code for, ``(6, 0)`` the lowest for one.
        onednn: whether its operations use oneDNN in this process.
        xla: whether XLA is in it.
    """

    version: str = ""
    distributions: tuple[str, ...] = ()
    cuda: str = ""
    cudnn: str = ""
    capabilities: tuple[tuple[int, int], ...] = ()
    onednn: bool = False
    xla: bool = False


def distributions() -> tuple[str, ...]:
    """Name the installed packages that hold TensorFlow, with their versions; imports nothing."""
    versions = {name: package_version(name) for name in _DISTRIBUTIONS}
    return tuple(f"{name} {version}" for name, version in versions.items() if version)


def package_version(name: str) -> str:
    """Return the version of an installed package, empty where it is not installed."""
    # Imported here: it takes 15 ms, a third of what loading nbkeras may take.
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def tensorflow() -> Any:
    """Import TensorFlow.

    Raises:
        Refusal: when it is not installed.
    """
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        text = (
            f"expected TensorFlow, received no module named {error.name!r}: "
            "type  %pip install 'nbkeras[cpu]'  and restart the kernel"
        )
        raise Refusal(text) from None
    return tf


def is_installed() -> bool:
    """Tell whether there is a TensorFlow to import."""
    return "tensorflow" in sys.modules or importlib.util.find_spec("tensorflow") is not None


def build_of(module: Any) -> Build:
    """Return how an imported TensorFlow was built."""
    facts = module.sysconfig.get_build_info()
    is_cuda = bool(facts.get("is_cuda_build"))
    capabilities = map(_capability, facts.get("cuda_compute_capabilities", []))
    return Build(
        version=str(module.__version__),
        distributions=distributions(),
        cuda=str(facts.get("cuda_version", "")) if is_cuda else "",
        cudnn=str(facts.get("cudnn_version", "")) if is_cuda else "",
        capabilities=tuple(sorted(filter(None, capabilities))),
        onednn=_uses_onednn(),
        xla=bool(module.test.is_built_with_xla()),
    )


def has_begun() -> bool:
    """Tell whether TensorFlow has been initialised in this process; never the first to load it.

    From then on its logical devices can't be changed. Making tensors, variables and datasets begins it; in
    Keras 3 models as well, while ``keras.Input``, seeds and dtype policies do not.
    """
    context = sys.modules.get("tensorflow.python.eager.context")
    # TensorFlow 2.21 has no public name that asks without beginning; 2.18 has the same private ones.
    current = getattr(context, "_context", None)
    return bool(getattr(current, "_initialized", False))


def facts(module: Any, build: Build) -> dict[str, str]:
    """Return the facts of a build as lines: name and text."""
    jit = module.config.optimizer.get_jit()
    clustering = f"automatic clustering {jit}" if jit else "automatic clustering off"
    cudnn = f", cuDNN {build.cudnn}" if build.cudnn else ""
    parts = f"CUDA {build.cuda}{cudnn}" if build.cuda else "no CUDA: it uses no GPU of NVIDIA"
    several = ", one installed over the other" if len(build.distributions) > 1 else ""
    return {
        "TensorFlow": f"{build.version} from {' and '.join(build.distributions) or 'no package'}{several}",
        "built with": parts,
        "oneDNN": "on" if build.onednn else "off",
        "XLA": f"in the build, {clustering}" if build.xla else "not in the build",
        "logical CPUs": "fixed until the kernel restarts: TensorFlow has begun"
        if has_begun()
        else "can still be made: %devices --logical-cpus N",
    }


def _capability(name: str) -> tuple[int, int] | None:
    digits = name.partition("_")[2]
    return (int(digits[:-1]), int(digits[-1])) if digits.isdigit() and len(digits) > 1 else None


def _uses_onednn() -> bool:
    # The environment alone does not tell: the default goes by the processor's instructions. TensorFlow
    # 2.21 has no public name for what came of it.
    try:
        from tensorflow.python.util import _pywrap_util_port
    except ImportError:
        return False
    return bool(getattr(_pywrap_util_port, "IsMklEnabled", bool)())
