"""`nbkeras.mixed_precision`: the Python behind ``%mixed_precision``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.checks.half_precision import scales_loss
from nbkeras.checks.layer_dtypes import counted, in_words, output_layers
from nbkeras.devices import policy as policies
from nbkeras.runtime.keras_lines import is_compiled, is_model
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int
from nbkeras.training.peers import refuse_beside_peers
from nbkeras.training.precision.measuring import WITHIN, Measured, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = ("status", *policies.WORDS)


@dataclass(frozen=True, slots=True)
class MixedPrecision:
    """The dtype policy in force, and what is to be said of it.

    Attributes:
        policy: its name, such as ``"mixed_bfloat16"``.
        lines: what was done and why; it prints as them.
        measured: what ``"auto"`` has measured, else None.
    """

    policy: str
    lines: tuple[str, ...]
    measured: Measured | None = field(default=None)

    def __repr__(self) -> str:
        """Return the lines."""
        return "\n".join(self.lines)


def mixed_precision(
    what: str = "status",
    model: Any = None,
    x: Any = None,
    y: Any = None,
    *,
    batch_size: int | None = None,
    max_time: float = WITHIN,
) -> MixedPrecision:
    """Let the layers that are made from now on compute in 16 bits, and keep their weights in 32.

    It sets Keras's dtype policy. Models that are made already stay as they are. ``"on"`` takes the format
    that TensorFlow's device here is good at, ``"auto"`` measures first: copies of a model train a few steps
    under both policies, in turn, and the faster policy is set.

    Example:
        >>> import nbkeras
        >>> nbkeras.mixed_precision("bfloat16").policy
        'mixed_bfloat16'
        >>> nbkeras.mixed_precision("off").policy
        'float32'

    Args:
        what: ``"on"``, ``"float16"``, ``"bfloat16"``, ``"auto"``, ``"off"``, which gives back the policy that
            was there before, or ``"status"``, which changes nothing. Default ``"status"``.
        model: the compiled model to measure with, for ``"auto"``, or to tell of, for ``"status"``.
        x: its inputs, arrays or a ``tf.data.Dataset``, for ``"auto"``; nothing is drawn of a dataset.
        y: its targets, where the inputs are arrays.
        batch_size: samples in a batch of arrays. Default: Keras's 32.
        max_time: seconds after which ``"auto"`` begins no further run. Default 10.0.

    Returns:
        An object with ``policy`` and ``measured`` that prints as what was done.

    Raises:
        Refusal: for ``"on"`` where no 16-bit format is known to be fast, and for ``"auto"`` without a model
            that can be copied; the policy stays then.
    """
    if what not in WORDS:
        raise Refusal(f"expected {', '.join(WORDS)}, received {what!r}: type  %mixed_precision on")
    if what == "status":
        return status({} if model is None else {model.name: model})
    if what == "auto":
        refuse_beside_peers("mixed_precision auto", "measures", "take the format that is faster for itself")
        return _auto(model, (x, y, None), batch_size, max_time)
    if what == "off":
        name = policies.take_back()
        return MixedPrecision(name, (f"{name} again: {_LATER}",))
    hardware = policies.here()
    name = policies.policy_of(what, hardware)
    policies.use(name)
    return MixedPrecision(name, (_said(name, policies.why(name, hardware)),))


def status(models: Mapping[str, Any]) -> MixedPrecision:
    """Tell of the policy in force, the hardware, and in which precision models compute.

    Args:
        models: by the names that are said.
    """
    hardware, name = policies.here(), policies.now()
    best = hardware.short
    suits = "no 16-bit format is known to be fast here" if best is None else f"on  takes {best} here"
    lines = [f"policy {name}; {policies.why(policies.FLOAT32, hardware)}: {suits}"]
    lines += [f"{each}: {_about(model)}" for each, model in models.items()]
    return MixedPrecision(name, tuple(lines))


_LATER = "it holds for layers that are made from now on, models that are made already stay as they are"


def _said(name: str, reason: str) -> str:
    scaled = "; fit scales the loss" if name == "mixed_float16" else ""
    return f'{name}: {reason}; {_LATER}; give the output layer  dtype="float32"{scaled}'


def _auto(model: Any, data: tuple[Any, Any, Any], batch_size: int | None, max_time: float) -> MixedPrecision:
    if not is_model(model) or data[0] is None:
        received = "no model" if model is None else f"a {type(model).__name__}" if not is_model(model) else ""
        raise Refusal(
            f"auto: expected a compiled model and its data, received {received or 'no data'}: type  "
            "%mixed_precision auto model x y"
        )
    if not is_compiled(model):
        raise Refusal(f"auto: expected a compiled model, received {model.name!r} without compile: compile it")
    size = None if batch_size is None else positive_int(batch_size, option="batch_size")
    hardware = policies.here()
    found = measure(model, data, f"mixed_{hardware.short or 'bfloat16'}", size=size, within=max_time)
    policies.use(found.policy)
    return MixedPrecision(found.policy, (f"{found}; {found.policy} now: {_LATER}",), found)


def _about(model: Any) -> str:
    ends = dict.fromkeys(str(layer.compute_dtype) for layer in output_layers(model))
    output = f"output {' and '.join(ends)}" if ends else "output not known before it is called"
    if not is_compiled(model):
        scaling = "not compiled"
    elif scales_loss(getattr(model, "optimizer", None)):
        scaling = "its optimizer scales the loss"
    elif "float16" in counted(model):
        scaling = "its optimizer does not scale the loss"
    else:
        scaling = "its loss needs no scaling"
    return f"{in_words(model)}; {output}; {scaling}"
