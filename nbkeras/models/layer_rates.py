"""`layer_rates`: an optimizer that trains some layers faster than others."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.models.layer_factors import weight_factors
from nbkeras.models.weight_decay import leave_out_the_same
from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.runtime.keras_lines import Line

    # An optimizer of one line or the other.
    Optimizer: Any
else:
    Optimizer = object


def layer_rates(optimizer: Any, model: Any, factors: Mapping[Any, float]) -> Any:
    """Return an optimizer like the given one, with its learning rate multiplied by a factor for each layer.

    Early layers of a pretrained model hold what is common to all images or texts, and want small steps; a new
    head wants large ones. The optimizer's own learning rate, a number or a schedule, stays the rate of all
    layers that are not named; callbacks read and set it as ever. Everything in which the optimizer uses its
    rate follows the factor, weight decay too. A layer inside a named one can have a factor of its own.

    Example:
        >>> import keras, nbkeras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="low")], name="base")
        >>> model = keras.Sequential([base, keras.layers.Dense(2, name="head")])
        >>> optimizer = nbkeras.layer_rates(keras.optimizers.Adam(1e-3), model, {"base": 0.1})
        >>> model.compile(optimizer, "mse")
        >>> optimizer.factors
        (0.1, 0.1, 1.0, 1.0)

    Args:
        optimizer: a new optimizer of Keras 3 or tf_keras; it is not changed.
        model: the model that it is for, built, and with those layers frozen that will be.
        factors: factors above 0, by layer or by the name of a layer, in which ``*`` stands for any text.
            A weight takes the factor of the innermost layer that is named.

    Returns:
        An optimizer whose class is a subclass of the given one's, for ``compile`` or an own loop. It is saved
        and loaded with its model where nbkeras has been imported and `layer_rates` used, or, elsewhere, with
        ``compile=False``.

    Raises:
        Refusal: for what is no optimizer, has been in use, or holds other optimizers, and for factors that
            do not fit the model.
    """
    line = line_of(optimizer)
    if line is None or not hasattr(optimizer, "update_step"):
        raise Refusal(
            f"layer_rates: expected an optimizer of Keras, received {type(optimizer).__name__}: give  "
            "keras.optimizers.Adam(1e-3)"
        )
    holder = next((name for name in ("inner_optimizer", "optimizers") if hasattr(optimizer, name)), None)
    if holder is not None:
        raise Refusal(
            f"layer_rates: expected an optimizer of its own, received {type(optimizer).__name__}, which "
            "holds others: give  layer_rates  the one inside"
        )
    if getattr(optimizer, "built", False) or getattr(optimizer, "_built", False):
        raise Refusal(
            f"layer_rates: expected a new optimizer, received {type(optimizer).__name__} after "
            f"{int(optimizer.iterations.numpy())} steps: make another one, its state would be lost"
        )
    if isinstance(optimizer, LayerRates):
        raise Refusal(
            "layer_rates: expected an optimizer without factors, received one with them: give all at once"
        )
    config = optimizer.get_config()
    # As it is: a schedule of one's own need not be known to Keras by name.
    schedule = getattr(optimizer, "_learning_rate", None)
    if callable(schedule):
        config["learning_rate"] = schedule
    kind: Any = type(optimizer)
    rated = rated_class(kind, line)
    made = rated.from_config({**config, "factors": weight_factors(model, factors)})
    made.know(model.trainable_variables)
    leave_out_the_same(made, optimizer)
    return made


class LayerRates(Optimizer):  # type: ignore[misc]  # of the line that is active
    """What an optimizer with factors does otherwise than the one that it is made from.

    Attributes:
        factors: one for each weight that the optimizer is built for, in their order.
    """

    def __init__(self, *args: Any, factors: Any = (), **options: Any) -> None:
        # Before Keras's own, which asks for the learning rate.
        object.__setattr__(self, "_factor", 1.0)
        super().__init__(*args, **options)
        object.__setattr__(self, "factors", tuple(float(each) for each in factors))
        object.__setattr__(self, "_keys", ())

    def know(self, variables: Any) -> None:
        """Note whose the factors are: a loop of one's own may hand the weights over in another order."""
        object.__setattr__(self, "_keys", tuple(map(self._var_key, variables)))

    def build(self, variables: Any) -> None:
        """Make the slots, once the factors are known to be those of these weights."""
        # tf_keras builds at each step, and those that have slots may be more than those that train now.
        if not getattr(self, "_built", False):
            keys = list(map(self._var_key, variables))
            known = dict(zip(self._keys, self.factors, strict=True)) if self._keys else {}
            # Those of a copy of the model are others, in the same order.
            is_other = not known.keys() & set(keys)
            if len(keys) != len(self.factors) or not (is_other or known.keys() == set(keys)):
                others = " others" if len(keys) == len(self.factors) else ""
                raise Refusal(
                    f"layer_rates: expected the {len(self.factors)} trainable weights of the model as it "
                    f"was, received {len(keys)}{others}: freeze layers first, then call  layer_rates , then "
                    "compile"
                )
            if not is_other:
                object.__setattr__(self, "factors", tuple(known[key] for key in keys))
                object.__setattr__(self, "_keys", tuple(keys))
        super().build(variables)

    @property
    def learning_rate(self) -> Any:
        """The rate of layers without a factor; within the update of a weight, that weight's."""
        rate = super().learning_rate
        return rate if self._factor == 1 else rate * self._factor

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        super(LayerRates, type(self)).learning_rate.fset(self, value)

    def update_step(self, gradient: Any, variable: Any, *learning_rate: Any) -> Any:
        """Update one weight, with its own rate."""
        factor = self.factors[self._place(variable)]
        # Keras 3 hands the rate over, tf_keras asks for it.
        rates = [rate * factor for rate in learning_rate]
        with self._at(1.0 if rates else factor):
            return super().update_step(gradient, variable, *rates)

    def _apply_weight_decay(self, variables: Any) -> None:
        by_factor: dict[float, list[Any]] = {}
        for variable in variables:
            by_factor.setdefault(self.factors[self._place(variable)], []).append(variable)
        for factor, group in by_factor.items():
            with self._at(factor):
                super()._apply_weight_decay(group)

    def get_config(self) -> dict[str, Any]:
        """Return the settings, with the factors."""
        return {**super().get_config(), "factors": list(self.factors)}

    @contextmanager
    def _at(self, factor: float) -> Iterator[None]:
        # Under MirroredStrategy the threads of the replicas come here one after another, and wait inside for
        # the last: what one of them finds may be another one's.
        object.__setattr__(self, "_factor", factor)
        try:
            yield
        finally:
            object.__setattr__(self, "_factor", 1.0)

    def _place(self, variable: Any) -> int:
        # What each line tells writers of optimizers to find a weight's slots by.
        if hasattr(self, "_get_variable_index"):
            return int(self._get_variable_index(variable))
        return int(self._index_dict[self._var_key(variable)])


@functools.cache
def rated_class(base: type[Any], line: Line) -> type[Any]:
    """Return the class of an optimizer with factors, known to Keras by its name when models are loaded."""
    name = f"LayerRates{base.__name__}"
    rated = type(name, (LayerRates, base), {"__doc__": LayerRates.__doc__, "__module__": __name__})
    registered: type[Any] = keras_module(line).saving.register_keras_serializable("nbkeras", name)(rated)
    return registered
