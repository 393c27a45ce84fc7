"""All variables of a model and its optimizer that training changes, on both Keras lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbkeras.callbacks.backup.packing import Array

_COUNTERS = ("_train_counter", "_test_counter", "_predict_counter")
_OF_LOSS_SCALES = ("_current_loss_scale", "_counter")


def variables_of(model: Any) -> dict[str, list[Any]]:
    """Return a model's variables by what they are for, each one once.

    Keras 3's ``model.variables`` has the states of seed generators and stateful RNNs, tf_keras keeps them
    apart, and both keep metrics apart. "held" is what else layers and models have as attributes: on Keras 3 a
    ``tf.Variable`` is no variable of its layer, and the two optimizers of a GAN are none of its model's.
    """
    layers = list(model._flatten_layers())  # noqa: SLF001 - no public name finds nested layers on both lines
    groups: dict[str, Iterable[Any]] = {
        "model": _of_model(model),
        "metrics": (each for metric in getattr(model, "metrics", ()) for each in metric.variables),
        "optimizer": _of_optimizer(getattr(model, "optimizer", None)),
        "counters": (getattr(model, name, None) for name in _COUNTERS),
        "states": (each for layer in layers if getattr(layer, "stateful", False) for each in _states(layer)),
        "random": (each for layer in layers for each in _generators(layer)),
        "held": (each for layer in layers for each in _held(layer)),
    }
    seen: set[int] = set()
    unique: dict[str, list[Any]] = {}
    for group, found in groups.items():
        unique[group] = []
        for each in found:
            if hasattr(each, "assign") and id(each) not in seen:
                seen.add(id(each))
                unique[group].append(each)
    return unique


def read_variables(model: Any) -> dict[str, list[Array]]:
    """Return the values of all variables."""
    return {
        group: [np.asarray(each.numpy()) for each in variables]
        for group, variables in variables_of(model).items()
    }


def write_variables(model: Any, values: dict[str, list[Array]]) -> None:
    """Give all variables their values back; they must be as many and of the same shapes."""
    for group, variables in variables_of(model).items():
        for variable, value in zip(variables, values[group], strict=True):
            variable.assign(value)


def read_replicas(model: Any) -> dict[str, dict[str, Array]]:
    """Return what each replica has of the variables that are summed up only when they are read, by place.

    Metrics and, on tf_keras, BatchNorm's statistics under a ``MirroredStrategy``: the value that all of them
    make is not enough, because floating-point sums depend on their parts.
    """
    return {
        group: {
            str(place): np.stack([np.asarray(each.numpy()) for each in parts])
            for place, variable in enumerate(variables)
            if (parts := replicas(variable))
        }
        for group, variables in variables_of(model).items()
    }


def write_replicas(model: Any, values: dict[str, dict[str, Array]]) -> None:
    """Give each replica its part back, where there are as many as then."""
    for group, variables in variables_of(model).items():
        for place, held in values[group].items():
            parts = replicas(variables[int(place)])
            for part, value in zip(parts, held, strict=True) if len(parts) == len(held) else ():
                part.assign(value)


def replicas(variable: Any) -> tuple[Any, ...]:
    """Return a variable's parts on the replicas of this process, () where all of them are the same."""
    # Keras 3's variable holds TensorFlow's.
    held: Any = getattr(variable, "_value", variable)
    if not any(cls.__name__ == "SyncOnReadVariable" for cls in type(held).__mro__):
        return ()
    parts = tuple(held.values)
    # Of several processes, each would know its own parts alone.
    return parts if len(parts) == held.distribute_strategy.num_replicas_in_sync else ()


class Kept:
    """Gives all variables of a model back as they were, when a step of it has been made inside of a ``with``.

    Args:
        model: the model.
    """

    def __init__(self, model: Any) -> None:
        """Keep nothing yet."""
        self._model = model
        self._values: list[tuple[Any, Array]] = []

    def __enter__(self) -> None:
        """Keep the values."""
        _make_slots(self._model)
        self._values = [(each, np.asarray(each.numpy())) for each in self._all()]

    def __exit__(self, *_: object) -> None:
        """Give the values back."""
        for variable, value in self._values:
            variable.assign(value)

    @property
    def is_whole(self) -> bool:
        """Whether the step has made nothing that was not there before, and has its values."""
        return len(self._values) == len(list(self._all()))

    def _all(self) -> Iterator[Any]:
        groups = variables_of(self._model)
        # Those of metrics begin anew with each epoch.
        kept = (each for name, found in groups.items() if name != "metrics" for each in found)
        return (part for each in kept for part in replicas(each) or (each,))


def _make_slots(model: Any) -> None:
    """Make an optimizer's slots as Keras's own first step would, so that their first values are known."""
    # tf_keras makes them only for what has a gradient, and a train_step of the user's for what it likes.
    own_step = type(model).train_step.__module__.partition(".")[0] == "keras"
    optimizer: Any = getattr(model, "optimizer", None)
    if own_step and getattr(model, "built", False) and not getattr(optimizer, "built", True):
        with model.distribute_strategy.scope():
            optimizer.build(model.trainable_variables)


def label(variable: Any) -> str:
    """Return what a variable is called in its layer: ``kernel``, whatever the layer's number is."""
    path = str(getattr(variable, "path", None) or getattr(variable, "name", ""))
    # A cell that is run again makes dense_3 of what was dense_1.
    return re.sub(r"_\d+", "", path.rpartition("/")[2].partition(":")[0])


def shape_of(variable: Any) -> tuple[int, ...]:
    """Return a variable's shape."""
    return tuple(int(size) for size in variable.shape)


def _of_model(model: Any) -> Any:
    # tf_keras raises where there are none yet.
    return model.variables if model.built or line_of(model) == "keras" else ()


def _of_optimizer(optimizer: Any) -> Iterator[Any]:
    if optimizer is None:
        return
    # A property in Keras 3, a method in tf_keras's older optimizers.
    held = optimizer.variables
    yield from held() if callable(held) and not isinstance(held, list) else held
    # The list leaves some out on one line or the other: learning rates, Nadam's product of momenta (tf_keras
    # 2.21), the hyperparameters of older optimizers, what a loss-scale optimizer or one of several holds.
    yield from _held(optimizer)
    scale = getattr(optimizer, "_loss_scale", None)
    for name in _OF_LOSS_SCALES:
        yield getattr(scale, name, None)


def _held(owner: Any) -> Iterator[Any]:
    """Give the variables that something has as attributes, and those of optimizers that it has there."""
    # Made in another order by another run, say, where some are made by the first step.
    for _, value in sorted(vars(owner).items()):
        for each in _leaves(value):
            if callable(getattr(each, "apply_gradients", None)):
                yield from _of_optimizer(each)
            elif _is_variable(each):
                yield each


def _is_variable(value: Any) -> bool:
    # A class has no value, and what stands for a variable while a graph is made none that can be read.
    return all(hasattr(type(value), name) for name in ("assign", "numpy", "shape"))


def _states(layer: Any) -> Iterator[Any]:
    yield from _leaves(getattr(layer, "states", None))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    elif value is not None:
        yield value


def _generators(layer: Any) -> Iterator[Any]:
    """Give the states of TensorFlow's generators, those of a layer of the user's too."""
    yield getattr(getattr(getattr(layer, "_random_generator", None), "_generator", None), "state", None)
    for held in vars(layer).values():
        if type(held).__name__ == "Generator" and type(held).__module__.startswith("tensorflow."):
            yield held.state
