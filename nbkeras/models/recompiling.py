"""Compiles a model again with a new optimizer, and all else as it was."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from nbkeras.models.layer_rates import LayerRates, layer_rates
from nbkeras.models.weight_decay import leave_out_the_same
from nbkeras.runtime.keras_lines import LINES, is_compiled, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where optimizers hold others.
_HOLDERS = ("optimizers", "_optimizers")


class Compiled:
    """How a model is compiled: its loss, metrics and settings, and what its optimizer is made of.

    Args:
        model: compiled by ``compile`` of Keras itself.

    Raises:
        Refusal: for a model that is not, and an optimizer that cannot be made anew.
    """

    def __init__(self, model: Any) -> None:
        """Read the settings."""
        if not is_compiled(model):
            raise Refusal(
                f"fine_tune: expected a compiled model, received {model.name!r} without compile: type  "
                "model.compile(optimizer='adam', loss=…)  first"
            )
        line = line_of(model)
        if type(model).compile is not keras_module(line).Model.compile:
            raise Refusal(
                f"fine_tune: expected Keras's own compile, received that of {type(model).__name__}: freeze "
                "and compile by hand, as  %wizard freeze_layers  shows"
            )
        self.model = model
        self.optimizer = model.optimizer
        self._settings = dict(model._compile_config.config)  # noqa: SLF001 - the public one serialises
        self._settings.pop("optimizer", None)
        if "run_eagerly" in self._settings:
            # It may have been set on the model since.
            self._settings["run_eagerly"] = model._run_eagerly  # noqa: SLF001 - the public one asks for more
        self._scaled = hasattr(self.optimizer, "inner_optimizer")
        if line == "keras":
            # Not among Keras's own settings; an optimizer that is wrapped already is not wrapped again.
            self._settings["auto_scale_loss"] = self._scaled
        inner = self.optimizer.inner_optimizer if self._scaled else self.optimizer
        if any(hasattr(inner, name) for name in _HOLDERS):
            raise Refusal(
                f"fine_tune: expected an optimizer of its own, received {type(inner).__name__}, which holds "
                "others: compile with a plain one, and give each stage its  depth_factor"
            )
        self._config = inner.get_config()
        self.has_factors = isinstance(inner, LayerRates)
        # The class that layer_rates was given; factors are each stage's own.
        self._kind: Any = type(inner).__bases__[1] if self.has_factors else type(inner)
        self._config.pop("factors", None)
        if missing := _left_out(self._kind, self._config):
            raise Refusal(
                f"fine_tune: expected an optimizer that tells how it was made, received {self.kind} without "
                f"{missing!r}: return it from  {self.kind}.get_config , too"
            )
        # As it is: a schedule of one's own need not be known to Keras by name.
        schedule = getattr(inner, "_learning_rate", None)
        if callable(schedule):
            self._config["learning_rate"] = schedule

    @property
    def kind(self) -> str:
        """The name of the optimizer's class."""
        return str(self._kind.__name__)

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a number or a schedule."""
        rate = self._config["learning_rate"]
        return rate if callable(rate) else float(rate)

    @property
    def first_rate(self) -> float:
        """The learning rate of the first step."""
        rate = self.learning_rate
        # A variable holds 0.001 as 0.0010000000474974513.
        return float(f"{float(rate(0) if callable(rate) else rate):.7g}")

    def compile_anew(self, rate: Any = None, factors: Mapping[Any, float] | None = None) -> None:
        """Compile with a `new_optimizer`."""
        with self.model.distribute_strategy.scope():
            self.model.compile(optimizer=self.new_optimizer(rate, factors), **self._settings)

    def new_optimizer(self, rate: Any = None, factors: Mapping[Any, float] | None = None) -> Any:
        """Make a new optimizer of the same class and settings, for what is trainable now.

        Args:
            rate: its learning rate, a number or a schedule; by default the one that it had.
            factors: factors of the rate by layer, see `nbkeras.layer_rates`.

        Raises:
            Refusal: for a class that cannot be made from its own configuration, and for factors that do not
                fit.
        """
        config = {**self._config, **({} if rate is None else {"learning_rate": rate})}
        with self.model.distribute_strategy.scope():
            try:
                optimizer = self._kind.from_config(config)
            except (TypeError, ValueError) as error:
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise Refusal(
                    f"fine_tune: expected an optimizer that can be made from its configuration, received "
                    f"{self.kind} ({first}): let  {self.kind}.from_config  take what its get_config returns"
                ) from error
            leave_out_the_same(optimizer, getattr(self.optimizer, "inner_optimizer", self.optimizer))
            if factors:
                optimizer = layer_rates(optimizer, self.model, factors)
            if not self._scaled:
                return optimizer
            outer = self.optimizer.get_config()
            names = ("dynamic", "initial_scale", "dynamic_growth_steps", "name")
            return type(self.optimizer)(optimizer, **{name: outer[name] for name in names if name in outer})

    def restore(self) -> None:
        """Compile with the optimizer itself that the model had, its state included."""
        with self.model.distribute_strategy.scope():
            self.model.compile(optimizer=self.optimizer, **self._settings)


def _left_out(kind: Any, config: Mapping[str, Any]) -> str | None:
    """Return an argument of a class of the user's own that its configuration does not have."""
    if kind.__module__.partition(".")[0] in LINES:
        return None
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    named = [each for each in parameters if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}]
    return next((each.name for each in named if each.name not in config), None)
