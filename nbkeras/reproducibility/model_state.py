"""The values of a model and its optimizer, to take them back later in the same process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ModelState:
    """Variables with the values that they had."""

    variables: list[Any]
    values: list[Any]

    @classmethod
    def of(cls, model: Any) -> ModelState | None:
        """Keep the values of a model and its optimizer, None where it has no weights yet.

        An optimizer that has not begun is given its variables now, as ``fit`` would, so that their first
        values are known.
        """
        if not model.built or not _optimizer_is_built(model):
            return None
        return cls._now([*_variables(model), *_of_optimizer(model)])

    @classmethod
    def of_part(cls, layer: Any) -> ModelState:
        """Keep the values of a layer, or of a model that is a part of another one: it has no optimizer."""
        return cls._now(list(_variables(layer)))

    @classmethod
    def _now(cls, variables: list[Any]) -> ModelState:
        return cls(variables, [_value(variable) for variable in variables])

    def restore(self) -> None:
        """Give the variables their values back."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)


def digest_of(model: Any, *, part: bool = False) -> str:
    """Return a fingerprint of the values that `ModelState` keeps of a model, or of a part of one."""
    digest = hashlib.sha256()
    for variable in [*_variables(model), *([] if part else _of_optimizer(model))]:
        value = _value(variable)
        digest.update(f"{value.dtype} {value.shape};".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _of_optimizer(model: Any) -> list[Any]:
    # A method in tf_keras's legacy optimizers.
    held = model.optimizer.variables
    # tf_keras 2.21 does not count the scale of the loss among the variables, which moves with half precision,
    # and has no public name for the variables behind it.
    scale = getattr(model.optimizer, "_loss_scale", None)
    moving = [getattr(scale, name, None) for name in ("_current_loss_scale", "_counter")]
    return [*(held() if callable(held) else held), *(each for each in moving if each is not None)]


def _variables(model: Any) -> Iterator[Any]:
    yield from model.variables
    if line_of(model) == "tf_keras":
        # Keras 3 counts its seed generators among the variables.
        for layer in model._flatten_layers():  # noqa: SLF001 - no public name reaches layers in layers
            generator = getattr(getattr(layer, "_random_generator", None), "_generator", None)
            if generator is not None:
                yield generator.state


def _value(variable: Any) -> Any:
    # A copy: NumPy's view of a variable on the CPU would change with it.
    return variable.numpy().copy()


def _optimizer_is_built(model: Any) -> bool:
    optimizer = model.optimizer
    try:
        with model.distribute_strategy.scope():
            optimizer.build(model.trainable_variables)
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        # tf_keras's legacy optimizers make their variables only as they train.
        return False
    return True
