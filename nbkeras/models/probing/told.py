"""What is known of the gradients of a model's layers, as plain objects."""

from __future__ import annotations

from dataclasses import dataclass

from nbkeras.devices.facts import aligned

HEADER = ("layer", "class", "weights", "gradient", "gradient / weights", "zeros")


@dataclass(frozen=True, slots=True)
class LayerGradient:
    """The gradient of the loss by the trainable weights that a layer holds itself.

    Attributes:
        path: the layer's name behind those of the layers that it is in: ``base/conv``.
        kind: its class.
        weights: the Euclidean norm of the weights.
        gradient: the Euclidean norm of the gradient, None for a layer that is frozen.
        zeros: the share of the gradient that is exactly 0, from 0 to 1.
    """

    path: str
    kind: str
    weights: float
    gradient: float | None
    zeros: float = 0.0

    def cells(self) -> tuple[str, ...]:
        """Return the layer as a row under `HEADER`."""
        if self.gradient is None:
            return (self.path, self.kind, f"{self.weights:.3g}", "frozen", "", "")
        ratio = f"{self.gradient / self.weights:.3g}" if self.weights else ""
        return (
            self.path,
            self.kind,
            f"{self.weights:.3g}",
            f"{self.gradient:.3g}",
            ratio,
            f"{self.zeros:.0%}",
        )


@dataclass(frozen=True, slots=True)
class Probe:
    """The gradients of a model's loss for one batch.

    Attributes:
        loss: the loss, with the losses that layers add.
        samples: how many samples the batch has.
        layers: the layers that hold weights, from the inputs on.
    """

    loss: float
    samples: int
    layers: tuple[LayerGradient, ...]

    def __getitem__(self, path: str) -> LayerGradient:
        """Return a layer by its path."""
        return next(each for each in self.layers if each.path == path)

    def __repr__(self) -> str:
        """Return the table as text."""
        table = aligned([HEADER, *(each.cells() for each in self.layers)])
        return "\n".join([*table, "", f"loss {self.loss:.4g} on {self.samples} samples"])
