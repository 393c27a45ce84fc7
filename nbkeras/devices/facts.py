"""What is known of the devices of a machine, as plain objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = "-"
_GIB = 1 << 30

HEADER = (
    *("device", "name", "in TensorFlow", "good at"),
    *("compute capability", "memory used", "memory free", "memory"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """One processor of this machine, or one TPU.

    Attributes:
        kind: ``"CPU"``, ``"GPU"`` or ``"TPU"``.
        name: the maker's name of it.
        seen_as: TensorFlow's names of it, such as ``("GPU:0",)``; empty where TensorFlow does not see it.
        good_at: the precisions that it computes fast in, the best one first.
        policy: Keras's dtype policy that uses the best of them.
        source: who says so.
        compute_capability: of a GPU of NVIDIA, such as ``(9, 0)``.
        memory: bytes in all, None where nobody can tell.
        used: bytes that all programs together use.
        free: bytes that can still be had.
        why_not_seen: why TensorFlow does not see it, and what to do; empty where it does.
    """

    kind: Literal["CPU", "GPU", "TPU"]
    name: str
    seen_as: tuple[str, ...] = ()
    good_at: tuple[str, ...] = ("float32",)
    policy: str = "float32"
    source: str = ""
    compute_capability: tuple[int, int] | None = None
    memory: int | None = None
    used: int | None = None
    free: int | None = None
    why_not_seen: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the device as a row under `HEADER`."""
        capability = self.compute_capability
        return (
            self.kind,
            self.name,
            _names(self.seen_as) or "not seen",
            ", ".join(self.good_at),
            MISSING if capability is None else "{}.{}".format(*capability),
            *(gibibytes(each) for each in (self.used, self.free, self.memory)),
        )


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices of this machine, TensorFlow's build, and why what is there is not seen.

    Example:
        >>> import nbkeras
        >>> nbkeras.devices().gpus  # doctest: +SKIP
        ()

    Attributes:
        all: the devices, CPU first.
        tensorflow: facts of TensorFlow's build by name, as text.
        notes: one line for whatever is not as it could be.
    """

    all: tuple[Device, ...]
    tensorflow: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def cpus(self) -> tuple[Device, ...]:
        """The processors that are no accelerators: one entry for all cores."""
        return tuple(each for each in self.all if each.kind == "CPU")

    @property
    def gpus(self) -> tuple[Device, ...]:
        """The GPUs of this machine, those that TensorFlow does not see among them."""
        return tuple(each for each in self.all if each.kind == "GPU")

    @property
    def tpus(self) -> tuple[Device, ...]:
        """The TPUs of this machine, and those that the notebook is connected to."""
        return tuple(each for each in self.all if each.kind == "TPU")

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what is said beside the table: name and text."""
        sources = dict.fromkeys(f"{each.kind}: {each.source}" for each in self.all if each.source)
        return (*self.tensorflow.items(), ("sources", "; ".join(sources)))

    def __repr__(self) -> str:
        """Return the table as text."""
        table = aligned([HEADER, *(each.cells() for each in self.all)])
        return "\n".join([*table, "", *aligned(self.facts()), *(f"note: {note}" for note in self.notes)])


def gibibytes(count: int | None) -> str:
    """Return bytes as text.

    Example:
        >>> gibibytes(85 * 2**30 // 2), gibibytes(None)
        ('42.5 GiB', '-')
    """
    return MISSING if count is None else f"{count / _GIB:.1f} GiB"


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table as lines of text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _names(seen_as: tuple[str, ...]) -> str:
    """Name many devices shortly: ``CPU:0 to CPU:7``."""
    few = 2
    return ", ".join(seen_as) if len(seen_as) <= few else f"{seen_as[0]} to {seen_as[-1]}"
