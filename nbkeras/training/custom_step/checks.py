"""What is asked of a step that was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.training.custom_step.flow import is_random
from nbkeras.training.custom_step.probing import weight_name
from nbkeras.training.custom_step.report import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.training.custom_step.body import Kind
    from nbkeras.training.custom_step.probing import Traced

_NAMED_AT_MOST = 5
_UPDATE = "update the metric of self.metrics that is named loss with it, the others by self.compute_metrics"


def findings(
    model: Any,
    kind: Kind,
    own: Traced,
    built_in: Traced | Exception,
    weighted: tuple[str, Traced | Exception] | None,
) -> Iterator[Finding]:
    """Yield one finding for each thing that can be asked of this step.

    Args:
        model: the model, as it was before.
        kind: which step it is.
        own: the step, traced and run.
        built_in: Keras's own step on the same batches, or why that can't run (a model without a loss, say).
        weighted: whether the second try was ``with`` or ``without`` sample weights, and the step then.
    """
    yield from _returns(kind, own)
    targets = _gradient_targets(model, own) if kind == "train" else list(own.watch.logs.values())
    if kind == "train":
        yield from _gradients(model, own)
    else:
        yield from _evaluates(model, own)
    yield from _sample_weight(model, kind, own, weighted)
    yield from _losses(model, own, built_in, targets)
    if kind == "train":
        yield from _loss_scale(own, targets)
        yield from _training(own, built_in)
    yield from _against_built_in(kind, own, built_in, model)


def _returns(kind: Kind, own: Traced) -> Iterator[Finding]:
    import numpy as np

    names = ", ".join(own.values) or "nothing"
    # Of training the loss is what callbacks watch; of an evaluation each number is the answer.
    last = [name for name in own.values if name in own.of_batch and (name == "loss" or kind == "test")]
    shaped = [f"{name} of shape {np.shape(value)}" for name, value in own.first.items() if np.ndim(value)]
    broken = [name for name, value in own.first.items() if not np.all(np.isfinite(value))]
    if shaped:
        text = f"returns {', '.join(shaped)}: return one number for each name, the mean, say"
        yield Finding("returns", "wrong", text)
    elif broken:
        yield Finding("returns", "wrong", f"returns {', '.join(broken)} that is no finite number")
    elif lost := [n for n, value in own.returned.items() if not _near(own.first[n], value, 1e-3)]:
        told = ", ".join(f"{n} {own.returned[n]:.4g}" for n in lost)
        held = ", ".join(f"{own.first[n]:.4g}" for n in lost)
        text = f"returns {told}, but fit logs {held}, the model's own metric of that name; {_UPDATE}"
        yield Finding("returns", "wrong", text)
    elif last:
        logs = "fit logs" if kind == "train" else "evaluate returns"
        of = "are those" if len(last) > 1 else "is that"
        text = (
            f"returns {names}: the {' and '.join(last)} that {logs} {of} of the last batch, not of all: "
            "update a metric of the model with it, and return the metric's result"
        )
        yield Finding("returns", "note", text)
    elif "loss" not in own.values:
        text = f"returns {names} and no loss: callbacks that watch loss will find none"
        yield Finding("returns", "note", text)
    else:
        of_batch = ", ".join(name for name in own.values if name in own.of_batch)
        text = f"returns {names}" + (f" ({of_batch}: of the last batch)" if of_batch else "")
        yield Finding("returns", "ok", text)


def _gradient_targets(model: Any, own: Traced) -> list[Any]:
    moved = own.gradients(model.trainable_variables)
    applied = [g.values if hasattr(g, "values") else g for g, _ in own.watch.applied if g is not None]
    return [tensor for tensors in moved.values() for tensor in tensors] + applied


def _gradients(model: Any, own: Traced) -> Iterator[Finding]:
    variables = model.trainable_variables
    reached = own.gradients(variables)
    missed = [weight_name(variable) for place, variable in enumerate(variables) if not reached[place]]
    if not variables:
        yield Finding("gradients", "wrong", "the model has no trainable weights: nothing will be learned")
    elif missed:
        more = f" and {len(missed) - _NAMED_AT_MOST} more" if len(missed) > _NAMED_AT_MOST else ""
        text = (
            f"no gradient reaches {', '.join(missed[:_NAMED_AT_MOST])}{more} ({len(missed)} of "
            f"{len(variables)} trainable weights): they will stay as they are"
        )
        yield Finding("gradients", "wrong", text)
    else:
        yield Finding("gradients", "ok", f"a gradient reaches each of {len(variables)} trainable weights")


def _evaluates(model: Any, own: Traced) -> Iterator[Finding]:
    moved = [weight_name(v) for v, tensors in _moved(model, own) if tensors]
    if moved:
        text = f"changes weights ({', '.join(moved[:_NAMED_AT_MOST])}): a test_step should only look"
        yield Finding("gradients", "wrong", text)
    if own.flow.reaches(own.watch.logs.values(), is_random):
        text = "its results are random: call self(x, training=False), or dropout is on in evaluation too"
        yield Finding("training", "wrong", text)


def _moved(model: Any, own: Traced) -> list[tuple[Any, list[Any]]]:
    variables = model.trainable_variables
    return list(zip(variables, own.gradients(variables).values(), strict=True))


def _sample_weight(
    model: Any, kind: Kind, own: Traced, weighted: tuple[str, Traced | Exception] | None
) -> Iterator[Finding]:
    if weighted is None:
        return
    how, other = weighted
    if isinstance(other, Exception):
        given = "a sample_weight" if how == "with" else "no sample_weight"
        text = f"fails when fit is given {given} ({_short(other)})"
        if how == "with":
            text += ": read x, y and sample_weight, which are there, not data"
        yield Finding("sample_weight", "note" if how == "with" else "wrong", text)
        return
    judged = other if how == "with" else own
    # Of the data, the weights are what the user gave: to leave them out is an error, else a hint.
    verdict: Any = "note" if how == "with" else "wrong"
    reaches = _asks(judged, judged.watch.sample_weight)
    loss = _gradient_targets(model, judged) if kind == "train" else _loss_logs(judged)
    if reaches(loss):
        what = "gradients" if kind == "train" else "loss"
        yield Finding("sample_weight", "ok", f"sample_weight changes the {what}")
    elif reaches(list(judged.watch.logs.values())):
        text = "sample_weight changes what is returned, but not the loss: give it to self.compute_loss too"
        yield Finding("sample_weight", "wrong", text)
    else:
        text = (
            "sample_weight is not used, so that fit's sample_weight and class_weight would change nothing: "
            "give it to self.compute_loss and self.compute_metrics"
        )
        yield Finding("sample_weight", verdict, text)


def _losses(model: Any, own: Traced, built_in: Traced | Exception, targets: list[Any]) -> Iterator[Finding]:
    count = max(own.watch.own_losses, 0 if isinstance(built_in, Exception) else built_in.watch.own_losses)
    count = max(count, len(model.losses))
    if not count:
        return
    if _asks(own, [own.watch.loss_factor])([*targets, *_loss_logs(own)]):
        text = f"includes the layers' own losses ({count}: regularisation and the like)"
        yield Finding("losses", "ok", text)
    else:
        text = (
            f"leaves out the layers' own losses ({count}: regularisation and the like): use "
            "self.compute_loss, or add  sum(self.losses)  to the loss"
        )
        yield Finding("losses", "wrong", text)


def _loss_scale(own: Traced, targets: list[Any]) -> Iterator[Finding]:
    if not own.watch.scaling:
        return
    is_scaled = _asks(own, [own.watch.scale_factor])(targets)
    if is_scaled and not own.watch.unscales:
        text = (
            "scales the loss, but not the gradients back: give "
            "self.optimizer.get_unscaled_gradients(gradients)  to apply_gradients"
        )
        yield Finding("scale", "wrong", text)
    elif is_scaled:
        yield Finding("scale", "ok", "scales the loss, as mixed_float16 needs")
    else:
        text = (
            "does not scale the loss, as mixed_float16 needs: small gradients vanish, and on Keras 3 the "
            "weights hardly move; take the gradients of "
        )
        yield Finding("scale", "wrong", text + own.watch.scale_call)


def _training(own: Traced, built_in: Traced | Exception) -> Iterator[Finding]:
    if isinstance(built_in, Exception):
        return
    still = sorted(built_in.moved - own.moved)
    is_drawn = [t.flow.reaches(t.watch.logs.values(), is_random) for t in (own, built_in)]
    if still:
        text = f"does not update {', '.join(still[:_NAMED_AT_MOST])}: call self(x, training=True)"
        yield Finding("training", "wrong", text)
    elif is_drawn == [False, True]:
        yield Finding("training", "wrong", "dropout and the like are off: call self(x, training=True)")


def _against_built_in(kind: Kind, own: Traced, built_in: Traced | Exception, model: Any) -> Iterator[Finding]:
    if isinstance(built_in, Exception):
        text = f"Keras's own step can't be compared with: it needs more than there is ({_short(built_in)})"
        yield Finding("built_in", "note", text)
        return
    tolerance = 2e-2 if own.watch.scaling else 1e-4
    # What is of one batch alone was told of; whether it is right, the first batch says.
    mine, theirs = (
        {**t.values, **{name: t.first[name] for name in own.of_batch & set(t.first)}} for t in (own, built_in)
    )
    names = [name for name in theirs if name in mine]
    other = [name for name in names if not _near(mine[name], theirs[name], tolerance)]
    once = [name for name in other if not _near(own.first[name], built_in.first[name], tolerance)]
    moves_alike = _move_alike(model, own, built_in, tolerance)
    if not other and moves_alike:
        what = "the weights move and the metrics are" if kind == "train" else "the metrics are"
        yield Finding("built_in", "ok", f"{what} as with Keras's own step")
    elif "loss" in other and "loss" not in once and moves_alike:
        text = (
            f"of two batches of unequal size, {'fit' if kind == 'train' else 'evaluate'} would log the loss "
            f"{mine['loss']:.4g} where it is {theirs['loss']:.4g}: each counts by its number of samples, so "
            "give the metric's update_state  sample_weight=tf.shape(x)[0]"
        )
        yield Finding("built_in", "wrong", text)
    elif "loss" in other and moves_alike and kind == "train":
        text = (
            f"the weights move as with Keras's own step, but fit would log the loss {mine['loss']:.4g} where "
            f"it is {theirs['loss']:.4g}; {_UPDATE}"
        )
        yield Finding("built_in", "wrong", text)
    else:
        told = [f"{name} {mine[name]:.4g} and not {theirs[name]:.4g}" for name in other]
        told += ["the weights move differently"] * (not moves_alike)
        yield Finding("built_in", "note", f"other than Keras's own step: {', '.join(told)}")


def _move_alike(model: Any, own: Traced, built_in: Traced, tolerance: float) -> bool:
    import numpy as np

    before = [np.array(variable.numpy()) for variable in model.trainable_variables]
    for start, mine, theirs in zip(before, own.weights, built_in.weights, strict=True):
        move = np.max(np.abs(theirs - start), initial=0.0)
        # A move is the small difference of two weights: their own rounding blurs it.
        blur = np.finfo(start.dtype).eps * np.max(np.abs(start), initial=0.0)
        if np.max(np.abs(mine - theirs), initial=0.0) > 10 * tolerance * move + 4 * blur:
            return False
    return True


def _asks(step: Traced, sources: list[Any]) -> Callable[[list[Any]], bool]:
    wanted = {id(source) for source in sources}
    return lambda targets: step.flow.reaches(targets, lambda tensor: id(tensor) in wanted)


def _loss_logs(step: Traced) -> list[Any]:
    return [value for name, value in step.watch.logs.items() if name == "loss" or len(step.watch.logs) == 1]


def _near(mine: Any, theirs: Any, tolerance: float) -> bool:
    import numpy as np

    return bool(np.allclose(mine, theirs, rtol=tolerance, atol=1e-7, equal_nan=True))


def _short(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:100]}".rstrip(": ")
