"""In which precisions a device computes fast, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_KERAS = "Keras's guide to mixed precision: float16 is fast from compute capability 7.0 on"
_NVIDIA = "NVIDIA's CUDA programming guide: tensor cores take bfloat16 from compute capability 8.0 on"
_INTEL = "the processor's own list of instructions (/proc/cpuinfo), which oneDNN uses"
_TPU = "Keras's guide to mixed precision: TPUs compute in bfloat16"
_PLAIN = "no instructions for a shorter format are known of it"

_TENSOR_CORES, _BFLOAT16_CORES = (7, 0), (8, 0)
# A Pascal GPU of the data centre (P100) has float16 at twice the speed without tensor cores.
_HALF_RATE = {(5, 3), (6, 0), (6, 2)}


@dataclass(frozen=True, slots=True)
class Precision:
    """What a device is good at, the best first, with the policy of Keras for it and the source."""

    good_at: tuple[str, ...]
    policy: str
    source: str


PLAIN = Precision(("float32",), "float32", _PLAIN)


def of_gpu(capability: tuple[int, int] | None) -> Precision:
    """Return what a GPU of NVIDIA is good at.

    From compute capability 8.0 on its tensor cores take both formats. Keras's guide takes float16 there too,
    so it is named first; bfloat16 has float32's range and needs no loss scaling.

    Example:
        >>> of_gpu((9, 0)).good_at, of_gpu((7, 5)).good_at, of_gpu((6, 1)).good_at
        (('float16', 'bfloat16', 'tf32'), ('float16',), ('float32',))
    """
    if capability is None:
        return PLAIN
    if capability >= _BFLOAT16_CORES:
        return Precision(("float16", "bfloat16", "tf32"), "mixed_float16", _NVIDIA)
    if capability >= _TENSOR_CORES or capability in _HALF_RATE:
        return Precision(("float16",), "mixed_float16", _KERAS)
    return PLAIN


def of_tpu() -> Precision:
    """Return what every TPU is good at."""
    return Precision(("bfloat16",), "mixed_bfloat16", _TPU)


def of_cpu(instructions: frozenset[str]) -> Precision:
    """Return what a CPU is good at, by the names of its instructions in /proc/cpuinfo.

    Example:
        >>> of_cpu(frozenset({"avx512_bf16"})).good_at, of_cpu(frozenset({"avx2"})).good_at
        (('float32', 'bfloat16'), ('float32',))
    """
    shorter = []
    if instructions & {"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}:
        shorter.append("bfloat16")
    if instructions & {"avx512_fp16", "amx_fp16", "asimdhp"}:
        shorter.append("float16")
    if not shorter:
        return PLAIN
    # Whether a model gains by them depends on its operations: float32 stays first, %mixed_precision measures.
    return Precision(("float32", *shorter), "float32", _INTEL)


def cpu_instructions(root: Path = Path("/")) -> frozenset[str]:
    """Return the names of the processor's instructions, empty where the system does not list them."""
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    found = (line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features")))
    return frozenset(next(found, "").split())
