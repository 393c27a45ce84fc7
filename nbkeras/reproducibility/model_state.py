"""The values of a model and its optimizer, to take them back later in the same process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# Those of metrics and counters begin anew with each fit, and an evaluate between two runs changes them.
_KEPT = ("model", "states", "random", "held")


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
        return cls._now(list(_variables(model, part=False)))

    @classmethod
    def of_part(cls, layer: Any) -> ModelState:
        """Keep the values of a layer, or of a model that is a part of another one: it has no optimizer."""
        return cls._now(list(_variables(layer, part=True)))

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
    for variable in _variables(model, part=part):
        value = _value(variable)
        digest.update(f"{value.dtype} {value.shape};".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def has_state(layer: Any) -> bool:
    """Tell whether a layer has anything that a training changes."""
    return next(_variables(layer, part=True), None) is not None


def _variables(model: Any, *, part: bool) -> Iterator[Any]:
    """Give what a training changes: what layers hold as attributes, and the learning rate, count too."""
    groups = variables_of(model)
    for name in _KEPT if part else (*_KEPT, "optimizer"):
        yield from groups[name]


def _value(variable: Any) -> Any:
    # A copy: NumPy's view of a variable on the CPU would change with it.
    return variable.numpy().copy()


def _optimizer_is_built(model: Any) -> bool:
    optimizer = model.optimizer
    others = (each for each in vars(model).values() if hasattr(each, "apply_gradients"))
    if not all(has_begun(each) for each in others if each is not optimizer):
        # The two of a GAN: which variables each will train only its train_step knows.
        return False
    try:
        with model.distribute_strategy.scope():
            optimizer.build(model.trainable_variables)
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        # tf_keras's legacy optimizers make their variables only as they train.
        return False
    return True


def has_begun(optimizer: Any) -> bool:
    """Tell whether an optimizer has its slots."""
    # The first is Keras 3's, the second that of tf_keras.
    return bool(getattr(optimizer, "built", getattr(optimizer, "_built", False)))
