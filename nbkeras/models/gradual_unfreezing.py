"""`GradualUnfreezing`: the Keras callback that thaws a base block by block within one ``fit``."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks import open_runs
from nbkeras.models.base_and_head import base_and_head
from nbkeras.models.blocks import is_batch_norm
from nbkeras.models.layer_factors import inner_layers
from nbkeras.models.unfreezing import Flags
from nbkeras.runtime.keras_lines import Line, active_line, keras_module
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType
    from typing import TypeAlias

    Logs: TypeAlias = Mapping[str, Any] | None


class GradualUnfreezingHooks:
    """Train a model's head first, and thaw the next block of its base every so many epochs, from the top.

    Compile the model with everything trainable that shall be in the end, and give this to ``fit``. The
    optimizer gets its slots for all weights as the training begins; a block that is frozen has no gradients,
    no momentum and no weight decay, and stays as it is bit for bit. Where a block is thawed, the training
    step is traced anew. After the training the ``trainable`` flags are as they were before; where an error or
    an interrupt has ended it, at the end of the notebook's cell, or as the next training begins.

    Example:
        >>> import numpy as np, keras, nbkeras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="base")
        >>> model = keras.Sequential([base, keras.layers.Dense(2, name="head")])
        >>> model.compile("sgd", "mse")
        >>> thaw = nbkeras.GradualUnfreezing(every=2)
        >>> history = model.fit(np.ones((8, 4)), np.ones((8, 2)), epochs=4, verbose=0, callbacks=[thaw])
        >>> thaw.thawed
        1

    Args:
        every: epochs between two blocks; the head trains alone for as many. Default 1.
        base: name of the nested model that is the base, or of its last layer; by default it is found.
        batch_norm: whether batch normalization of what is thawed trains, too. Default False: it stays in
            inference mode.

    Raises:
        Refusal: for an ``every`` that is no whole number above 0; as the training begins, for a model without
            a base or with a block of it that you have frozen, and for an optimizer that has trained and does
            not know all of its weights, or averages them.
    """

    def __init__(self, every: int = 1, *, base: str | None = None, batch_norm: bool = False) -> None:
        super().__init__()
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise Refusal(f"every: expected a whole number of epochs above 0, received {every!r}: give  1")
        self._every, self._base, self._batch_norm = every, base, batch_norm
        self._flags: Flags | None = None
        self._blocks: tuple[Any, ...] = ()
        self.host: FrameType | None = None
        """The frame of the ``fit`` under way, see `open_runs`."""
        self.thawed = 0
        """How many blocks train with the head by now."""

    def get_state(self) -> dict[str, Any]:
        """Return what is thawed, for an exact backup."""
        return {"thawed": self.thawed}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with what was thawed."""
        if state["thawed"] != self.thawed:
            self._thaw(int(state["thawed"]))

    def fail(self, error: BaseException | None) -> None:  # noqa: ARG002 - as of any open run
        """Give the flags back after a ``fit`` that was left."""
        self._give_back()

    # Keras calls the methods below.

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Give the optimizer all weights, then freeze the base."""
        # A fit that an error has ended told this callback, or another one, nothing.
        open_runs.close_abandoned(None)
        model = self.model  # type: ignore[attr-defined]  # Keras's base class brings it
        # From the top.
        self._blocks = base_and_head(model, self._base).blocks[::-1]
        frozen = [block for block in self._blocks if not any(each.trainable_weights for each in block.layers)]
        if frozen:
            raise Refusal(
                f"GradualUnfreezing: expected a base that may train, received {frozen[0].name!r} frozen: "
                "set  trainable = True  on its layers, then compile; the callback freezes what is not due"
            )
        _prepare(model)
        self._flags = Flags(model)
        # Its caller is Keras's list of callbacks, whose caller is fit.
        self.host = sys._getframe(2)  # noqa: SLF001 - CPython's documented way to a frame
        open_runs.opened(self)
        self._thaw(0)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Thaw the next block where it is due."""
        due = min(epoch // self._every, len(self._blocks))
        if due != self.thawed:
            self._thaw(due)

    def on_train_end(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Give the flags back."""
        self._give_back()

    def _give_back(self) -> None:
        open_runs.closed(self)
        self.host = None
        if self._flags is not None:
            self._flags.restore()
            self._flags = None
            self._trace_anew()

    def _thaw(self, count: int) -> None:
        if self._flags is None:
            return
        # What the user has frozen stays frozen.
        self._flags.restore()
        for number, block in enumerate(self._blocks):
            for unit in block.layers:
                if number >= count:
                    unit.trainable = False
                elif not self._batch_norm:
                    for each in filter(is_batch_norm, (unit, *inner_layers(unit))):
                        each.trainable = False
        self.thawed = count
        self._trace_anew()

    def _trace_anew(self) -> None:
        # Keras holds the function of the step; it takes a new one at its next step.
        self.model.make_train_function(force=True)  # type: ignore[attr-defined]


def _prepare(model: Any) -> None:
    """Make the optimizer's slots for all weights that will train.

    Raises:
        Refusal: for an optimizer that has trained with others, or moves weights that have no gradients.
    """
    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(inner, "use_ema", False):
        raise Refusal(
            "GradualUnfreezing: expected an optimizer without averages, received use_ema=True, which moves "
            "frozen weights by rounding: use  SwapEMAWeights  or leave it out"
        )
    weights = model.trainable_variables
    if hasattr(inner, "build"):
        with model.distribute_strategy.scope():
            # Does nothing where it is built.
            if not (getattr(inner, "built", False) or getattr(inner, "_built", False)):
                optimizer.build(weights)
    if not all(_knows(inner, each) for each in weights):
        raise Refusal(
            "GradualUnfreezing: expected an optimizer that knows all weights, received "
            f"{type(inner).__name__} that has trained fewer: compile again, with a new one"
        )


def _knows(optimizer: Any, variable: Any) -> bool:
    places = getattr(optimizer, "_trainable_variables_indices", getattr(optimizer, "_index_dict", None))
    return places is None or optimizer._var_key(variable) in places  # noqa: SLF001 - no public name tells it


@functools.lru_cache(maxsize=2)
def gradual_unfreezing_class(line: Line | None = None) -> type[Any]:
    """Return `GradualUnfreezing` as a callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    members = {"__doc__": GradualUnfreezingHooks.__doc__, "__module__": "nbkeras"}
    return type("GradualUnfreezing", (GradualUnfreezingHooks, base), members)
