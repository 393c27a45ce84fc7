"""Keras's dtype policy: which one the hardware is good at, for a notebook or for a block of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.devices.current import current
from nbkeras.devices.precision import Precision, cpu_instructions, of_cpu, of_gpu, of_tpu
from nbkeras.devices.tensorflow_build import tensorflow
from nbkeras.runtime.keras_lines import LINES, Line, active_line, keras_module
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHORT = ("float16", "bfloat16")
# What a whole cell can be asked for.
WORDS = ("on", "off", "auto", *SHORT)
FLOAT32 = "float32"

_before: dict[Line, Any] = {}


@dataclass(frozen=True, slots=True)
class Hardware:
    """What models train on here, and what it computes fast in.

    Attributes:
        name: such as ``"NVIDIA L4"``.
        precision: its formats, with who says so.
    """

    name: str
    precision: Precision

    @property
    def short(self) -> str | None:
        """The 16-bit format that it is best at, None where none is known to be fast."""
        return next((each for each in self.precision.good_at if each in SHORT), None)

    @property
    def likely(self) -> str:
        """The policy that is likely the fastest: a CPU's gain depends on the model, so it is float32's."""
        return self.precision.policy


def checked_word(text: str) -> str:
    """Return the word for a cell's precision.

    Raises:
        Refusal: when it is none.
    """
    if text not in WORDS:
        raise Refusal(f"mixed_precision: expected {', '.join(WORDS)}, received {text!r}: give  on")
    return text


def here(root: Path = Path("/")) -> Hardware:
    """Return what the notebook's models train on; TensorFlow is imported and does not begin.

    Args:
        root: where the system's files are.
    """
    held = current()
    if held is not None and "TPU" in type(held.strategy).__name__:
        return Hardware("the TPU", of_tpu())
    config = tensorflow().config
    details = [config.experimental.get_device_details(gpu) for gpu in config.get_visible_devices("GPU")]
    return of_gpus(details) if details else Hardware("this CPU", of_cpu(cpu_instructions(root)))


def of_gpus(details: Sequence[dict[str, Any]]) -> Hardware:
    """Return several GPUs as one: all compute in what the oldest of them can.

    Example:
        >>> of_gpus([{"device_name": "A", "compute_capability": (9, 0)},
        ...          {"device_name": "B", "compute_capability": (6, 1)}]).name
        'B'

    Args:
        details: of each, as TensorFlow gives them.
    """
    oldest = min(details, key=lambda each: each.get("compute_capability") or (0, 0))
    return Hardware(oldest.get("device_name", "the GPU"), of_gpu(oldest.get("compute_capability")))


def policy_of(word: str, hardware: Hardware) -> str:
    """Return the name of the policy that a word means on some hardware: ``"mixed_bfloat16"``.

    Args:
        word: ``"on"``, ``"off"``, ``"float16"`` or ``"bfloat16"``.
        hardware: see `here`.

    Raises:
        Refusal: for ``"on"`` where no 16-bit format is known to be fast.
    """
    if word == "off":
        return FLOAT32
    short = hardware.short if word == "on" else word
    if short is None:
        raise Refusal(
            f"mixed_precision: expected a device that is fast in 16 bits, received {hardware.name} "
            f"({hardware.precision.source}): give  bfloat16  to use it all the same"
        )
    return f"mixed_{short}"


def why(policy: str, hardware: Hardware) -> str:
    """Say in a few words what speaks for a policy on some hardware, or that nothing does."""
    short = short_of(policy)
    name, source = hardware.name, hardware.precision.source
    if short is None:
        return f"{name} is good at {', '.join(hardware.precision.good_at)} ({source})"
    if short in hardware.precision.good_at:
        return f"{name} is good at {short} ({source})"
    return f"{name} is not known to be fast in {short} ({source})"


def short_of(policy: str) -> str | None:
    """Return the 16-bit format that layers of a policy compute in, None for others."""
    return next((each for each in SHORT if policy in {each, f"mixed_{each}"}), None)


def now() -> str:
    """Return the name of the policy in force; no Keras is imported for it."""
    loaded = [line for line in LINES if hasattr(sys.modules.get(line), "mixed_precision")]
    line = active_line() if active_line() in loaded else next(iter(loaded), None)
    return FLOAT32 if line is None else str(_module(line).global_policy().name)


def use(policy: str) -> None:
    """Let the layers that are made from now on have a policy; `take_back` knows what was there before."""
    for line in _lines():
        module = _module(line)
        _before.setdefault(line, module.global_policy())
        module.set_global_policy(policy)


def take_back() -> str:
    """Give back the policy that was there before the first `use`, and return its name."""
    for line in _lines():
        _module(line).set_global_policy(_before.pop(line, FLOAT32))
    return now()


@contextmanager
def under_policy(policy: str) -> Iterator[Policies]:
    """Let the layers that are made in a block have a policy; one that the block sets itself stays."""
    lines = _lines()
    before = {line: _module(line).global_policy() for line in lines}
    # Objects of the block's own: what was made in it has them.
    made = Policies(policy, {line: _module(line).Policy(policy) for line in lines})
    for line in lines:
        _module(line).set_global_policy(made.objects[line])
    try:
        yield made
    finally:
        for line in lines:
            if made.is_in_force(line):
                _module(line).set_global_policy(before[line])


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a block, one for each Keras line."""

    name: str
    objects: dict[Line, Any]

    def made(self, model: Any) -> bool:
        """Tell whether a model was made in the block."""
        return any(getattr(model, "dtype_policy", None) is each for each in self.objects.values())

    def is_in_force(self, line: Line) -> bool:
        """Tell whether the block has not set another one since."""
        return _module(line).global_policy() is self.objects.get(line)


def plain_code(policy: str) -> str:
    """Return the plain Keras that does the same.

    Example:
        >>> plain_code("mixed_bfloat16").splitlines()[-1]
        'keras.mixed_precision.set_global_policy("mixed_bfloat16")'
    """
    line = active_line()
    imported = "import keras" if line == "keras" else "import tf_keras as keras"
    return f'{imported}\n\nkeras.mixed_precision.set_global_policy("{policy}")'


def _lines() -> list[Line]:
    """Return the Keras lines that are loaded; where none is, the notebook's is loaded."""
    loaded = [line for line in LINES if hasattr(sys.modules.get(line), "mixed_precision")]
    if not loaded:
        keras_module()
        loaded = [active_line()]
    return loaded


def _module(line: Line) -> Any:
    return keras_module(line).mixed_precision
