"""Whether training a head on kept outputs of its base is the same as training the whole model."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from nbkeras.checks.changing_data import changing_steps
from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness
from nbkeras.models.layer_factors import inner_layers
from nbkeras.runtime.keras_lines import LINES, is_compiled
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.models.cached.splitting import Split

# How much a random layer draws; a layer with all of them at nothing draws nothing.
_RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "drop_rate", "_dropout")
_TOLERANCE = 1e-5
# What a sample's outputs may differ by where the batch is another one: other kernels round otherwise.
_ROUNDING = collections.defaultdict(lambda: 1e-4, {"float16": 1e-2, "bfloat16": 5e-2})
_SAMPLE = 8


def check_model(split: Split, *, compiled: bool = True) -> None:
    """Refuse a model whose base gives, in training, other outputs each epoch, or does more than to give them.

    Args:
        split: the model in two parts.
        compiled: whether it trains as it is compiled now; False where it is compiled again first.

    Raises:
        Refusal: with the layer and the reason.
    """
    model = split.model
    if type(model).__module__.partition(".")[0] not in LINES:
        raise _inexact(f"a model of Keras's own classes, received {type(model).__name__}", _PLAIN)
    layers = list(_layers(split))
    for layer in layers:
        if layer.trainable_weights:
            raise _inexact(
                f"a frozen base, received {layer.name!r} with trainable weights",
                "set  trainable = False  on the base and compile again",
            )
        if _is_batch_norm(layer) and layer.trainable:
            raise _inexact(
                f"BatchNormalization in inference mode, received {layer.name!r}, whose statistics move",
                f"set  trainable = False  on {layer.name!r}",
            )
        if getattr(layer, "stateful", False):
            raise _inexact(f"no state from batch to batch, received the stateful {layer.name!r}", _PLAIN)
    quiet = {id(layer) for layer in _in_inference(split)}
    for layer in layers:
        if _draws(layer) and id(layer) not in quiet:
            raise _inexact(
                f"no random layer up to {split.end.name!r}, received {layer.name!r} "
                f"({type(layer).__name__}), which draws in training though it is frozen",
                _PLAIN,
            )
    trained = (getattr(model, "_compiled_trainable_state", None) or {}) if compiled else {}
    for layer in layers:
        if is_compiled(model) and trained.get(layer, False) and not layer.trainable:
            raise _inexact(
                f"a model compiled after freezing, received {layer.name!r} frozen since", "compile it again"
            )


def check_data(data: Any) -> None:
    """Refuse data that may be others each time they are read.

    Raises:
        Refusal: with the reason.
    """
    import tensorflow as tf

    if isinstance(data, tf.data.Dataset):
        if int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise _inexact("data with an end, received an endless Dataset", "leave out  repeat()")
        changing = changing_steps(data)
        if changing:
            mend = _PLAIN
            if changing == ["shuffle"]:
                mend = "leave out  shuffle , and shuffle what comes of it:  cached.batches(shuffle=True)"
            raise _inexact(f"a Dataset that is the same each time, received one with {changing[0]}", mend)
    elif not tf.is_tensor(data) and not isinstance(data, (list, tuple, dict)) and not hasattr(data, "shape"):
        raise _inexact(
            f"arrays or a tf.data.Dataset, received {type(data).__name__}, whose data may differ each epoch",
            _PLAIN,
        )


def check_batch(split: Split, batch: Any) -> None:
    """Refuse a base that a batch shows to give other outputs in training, to change, or to do more.

    The base stays as it is, bit for bit.

    Args:
        split: the model in two parts.
        batch: inputs, of which a few are taken.

    Raises:
        Refusal: with what was seen.
    """
    import numpy as np

    base, end = split.base, split.end.name
    # A model may be made for batches of one size.
    is_fixed = any(each.shape[0] is not None for each in base.inputs)
    x = batch if is_fixed else _rows(batch, 0, _SAMPLE)
    variables = list(base.variables)
    before = [each.numpy() for each in variables]
    try:
        with kept_losses(base), kept_randomness():
            outputs, training = (base(x, training=mode) for mode in (False, True))
            losses = len(base.losses)
            alone = [
                base(_rows(x, row, row + 1), training=False)[0]
                for row in range(0 if is_fixed else min(2, len(outputs)))
            ]
    finally:
        pairs = zip(variables, before, strict=True)
        changed = [(each, old) for each, old in pairs if not _same(old, each.numpy())]
        for variable, old in changed:
            variable.assign(old)
    if changed:
        raise _inexact(
            f"a base that stays as it is, received one up to {end!r} that training changes", _PLAIN
        )
    if losses:
        raise _inexact(
            f"a base without losses of its own, received {losses} up to {end!r}, such as those of "
            "activity_regularizer",
            _PLAIN,
        )
    if getattr(outputs, "_keras_mask", None) is not None:
        raise _inexact(
            f"outputs without a mask, received {end!r} with one, such as mask_zero makes, which features in "
            "an array lose",
            _PLAIN,
        )
    plain = np.asarray(outputs, "float64")
    if not _near(plain, np.asarray(training, "float64"), _TOLERANCE):
        raise _inexact(f"the same outputs of {end!r} in training and in inference, received others", _PLAIN)
    share = _ROUNDING[outputs.dtype.name]
    if not all(_near(plain[row], np.asarray(each, "float64"), share) for row, each in enumerate(alone)):
        raise _inexact(
            f"outputs of {end!r} for each sample by itself, received some that depend on the other samples "
            "of a batch",
            _PLAIN,
        )


def _rows(x: Any, start: int, stop: int) -> Any:
    import tensorflow as tf

    return tf.nest.map_structure(lambda each: each[start:stop], x)


def _same(old: Any, new: Any) -> bool:
    import numpy as np

    return bool(np.array_equal(old, new, equal_nan=old.dtype.kind == "f"))


def _near(one: Any, other: Any, share: float) -> bool:
    """Tell whether outputs are the same but for a share of the greatest of them."""
    import numpy as np

    scale = float(np.abs(one[np.isfinite(one)]).max(initial=0))
    return bool(
        one.shape == other.shape and np.allclose(one, other, rtol=0, atol=share * scale, equal_nan=True)
    )


_PLAIN = "train without cached features (--no-cache)"


def _inexact(text: str, mend: str) -> Refusal:
    return Refusal(f"cached features: expected {text}: {mend}")


def _layers(split: Split) -> Iterator[Any]:
    """Yield the layers of the base, those inside others too."""
    seen: set[int] = set()
    for call in split.calls:
        layer = call.layer
        # Keras 3 has operations in a graph that are no layers.
        if not hasattr(layer, "_flatten_layers"):
            continue
        for each in (layer, *inner_layers(layer)):
            if id(each) not in seen:
                seen.add(id(each))
                yield each


def _in_inference(split: Split) -> Iterator[Any]:
    """Yield layers that are called with ``training=False`` in the graph, which tf_keras alone keeps to.

    Keras 3 (3.15) writes the mode of the whole model over it.
    """
    if split.line == "tf_keras":
        for call in split.calls:
            if call.arguments.get("training") is False:
                yield from (call.layer, *inner_layers(call.layer))


def _is_batch_norm(layer: Any) -> bool:
    return any(cls.__name__ == "BatchNormalization" for cls in type(layer).__mro__)


def _draws(layer: Any) -> bool:
    generators = [
        name for name in ("seed_generator", "_random_generator", "generator") if getattr(layer, name, None)
    ]
    if not generators and not type(layer).__name__.startswith("Random"):
        return False
    rates = [getattr(layer, name) for name in _RATES if isinstance(getattr(layer, name, None), (int, float))]
    return not rates or any(rates)
