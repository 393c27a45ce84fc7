"""What is known of where the parts of a model are, as plain objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbkeras.devices.facts import MISSING, aligned

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = ("layer", "class", "variables", "operations", "gradients")
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LayerPlacement:
    """Where a layer is.

    Attributes:
        name: the layer's, behind those of the models that it is in: ``encoder/dense``.
        kind: its class.
        variables: number of variables by device.
        forward: number of operations of the forward pass by device; those that only move values don't count.
        gradients: number of operations of the gradients by device.
    """

    name: str
    kind: str
    variables: Mapping[str, int]
    forward: Mapping[str, int]
    gradients: Mapping[str, int]

    @property
    def is_apart(self) -> bool:
        """Whether its variables, operations and gradients are on more than one device."""
        return len({*self.variables, *self.forward, *self.gradients}) > 1

    def cells(self) -> tuple[str, ...]:
        """Return the layer as a row under `HEADER`."""
        return (
            self.name,
            self.kind,
            *(devices(each) for each in (self.variables, self.forward, self.gradients)),
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the layers of a model are.

    Attributes:
        layers: the layers in the model's order.
        outside: number of operations by device that belong to no layer, such as sums of gradients.
        weights: bytes of the model's weights by device.
        optimizer: bytes of the optimizer's variables by device.
    """

    layers: tuple[LayerPlacement, ...]
    outside: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    optimizer: Mapping[str, int] = field(default_factory=dict)

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that have variables or operations."""
        layers = [{*each.variables, *each.forward, *each.gradients} for each in self.layers]
        return tuple(sorted({*self.outside, *self.weights, *self.optimizer}.union(*layers)))

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each layer that is on several devices."""
        return tuple(
            f"{each.name}: variables on {_names(each.variables)}, operations on "
            f"{_names({**each.forward, **each.gradients})}: values go from one to the other in every step"
            for each in self.layers
            if each.is_apart
        )

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what is said below the table: a device, and what it has in all."""
        return tuple((name, self._total(name)) for name in self.devices)

    def __repr__(self) -> str:
        """Return the table as text."""
        table = aligned([HEADER, *(each.cells() for each in self.layers)])
        return "\n".join([*table, "", *aligned(self.facts()), *(f"note: {note}" for note in self.notes)])

    def _total(self, name: str) -> str:
        forward, gradients = (
            sum(kind.get(name, 0) for kind in kinds)
            for kinds in ([each.forward for each in self.layers], [each.gradients for each in self.layers])
        )
        parts = [f"{mebibytes(self.weights.get(name, 0))} of weights"]
        if self.optimizer:
            parts.append(f"{mebibytes(self.optimizer.get(name, 0))} of the optimizer")
        parts += [f"{forward} operations", f"{gradients} of gradients"]
        return ", ".join([*parts, f"{self.outside.get(name, 0)} outside of layers"])


def devices(counts: Mapping[str, int]) -> str:
    """Return devices as text, with counts where there are several.

    Example:
        >>> devices({"GPU:1": 3}), devices({"GPU:1": 3, "GPU:0": 1}), devices({})
        ('GPU:1', 'GPU:1 (3), GPU:0 (1)', '-')
    """
    if len(counts) == 1:
        return next(iter(counts))
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return ", ".join(f"{name} ({counts[name]})" for name in ordered) or MISSING


def mebibytes(count: int) -> str:
    """Return bytes as text.

    Example:
        >>> mebibytes(3 * 2**19)
        '1.5 MiB'
    """
    return f"{count / _MIB:.1f} MiB"


def _names(counts: Mapping[str, int]) -> str:
    return " and ".join(sorted(counts)) or "no device"
