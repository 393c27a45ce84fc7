"""What a backup is of, and in what another training differs from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.variables import label, shape_of, variables_of
from nbkeras.callbacks.learning_rate import read_learning_rate, schedule_of
from nbkeras.callbacks.model_facts import loss_label
from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is new with each run, or what a callback may change, says nothing of the model.
_LEFT_OUT = {"name", "seed", "trainable", "learning_rate"}


def identity_of(model: Any) -> dict[str, Any]:
    """Describe a model, its optimizer and its loss, so that another one can be told from it."""
    optimizer = getattr(model, "optimizer", None)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return {
        "keras": line_of(model) or "",
        "model": type(model).__name__,
        "layers": [_layer(each) for each in _layers(model)],
        "loss": None if getattr(model, "loss", None) is None else loss_label(model.loss),
        "optimizer": [type(inner).__name__, schedule_of(inner) or "", _config(inner) | _rate(inner)],
        "steps_per_execution": steps_at_once(model),
    }


def forms_of(model: Any) -> dict[str, list[list[Any]]]:
    """Describe the variables of a model that has been trained for a step, as `variables` groups them."""
    return {
        group: [[label(each), list(shape_of(each))] for each in found]
        for group, found in variables_of(model).items()
    }


def steps_at_once(model: Any) -> int:
    """Return how many batches one call of the training step takes."""
    held: Any = getattr(model, "steps_per_execution", None)
    if held is None:
        # tf_keras has it as a variable under a private name, and sets it for the rest of an epoch.
        held = getattr(model, "_steps_per_execution", 1)
    return int(held.numpy() if hasattr(held, "numpy") else held or 1)


def difference(backup: dict[str, Any], now: dict[str, Any]) -> str:
    """Say what differs first, "" when nothing does."""
    for key, words in (
        ("keras", "Keras line"),
        ("model", "model"),
        ("loss", "loss"),
        ("steps_per_execution", "steps_per_execution"),
    ):
        if backup[key] != now[key]:
            return f"the {words} {now[key]}, the backup's is {backup[key]}"
    found = _optimizer_difference(backup["optimizer"], now["optimizer"])
    return found or _layer_difference(backup["layers"], now["layers"])


def form_difference(backup: dict[str, Any], now: dict[str, Any]) -> str:
    """Say which variable differs first, "" when none does."""
    for group, wanted in backup.items():
        found = now.get(group, [])
        for place in range(max(len(wanted), len(found))):
            theirs = _form(wanted[place]) if place < len(wanted) else "none"
            ours = _form(found[place]) if place < len(found) else "none"
            if theirs != ours:
                return f"{ours} as variable {place + 1} ({group}), the backup's is {theirs}"
    return ""


def _form(entry: list[Any]) -> str:
    return f"{entry[0]} of shape {tuple(entry[1])}"


def _optimizer_difference(backup: list[Any], now: list[Any]) -> str:
    if backup[:2] != now[:2]:
        return f"the optimizer {_named(now)}, the backup's is {_named(backup)}"
    return _config_difference(f"the optimizer {now[0]}", backup[2], now[2])


def _named(optimizer: list[Any]) -> str:
    name, schedule, _ = optimizer
    return f"{name} with {schedule}" if schedule else str(name)


def _layer_difference(backup: list[Any], now: list[Any]) -> str:
    nothing: list[Any] = ["none", {}]
    for place in range(max(len(backup), len(now))):
        theirs = backup[place] if place < len(backup) else nothing
        ours = now[place] if place < len(now) else nothing
        if theirs[0] != ours[0]:
            return f"{ours[0]} as layer {place + 1}, the backup's is {theirs[0]}"
        found = _config_difference(f"layer {place + 1} ({ours[0]})", theirs[1], ours[1])
        if found:
            return found
    return ""


def _config_difference(what: str, backup: dict[str, Any], now: dict[str, Any]) -> str:
    for key in backup.keys() & now.keys():
        if backup[key] != now[key]:
            return f"{what} with {key}={now[key]!r}, the backup's has {key}={backup[key]!r}"
    return ""


def _layers(model: Any) -> Iterator[Any]:
    for layer in model._flatten_layers(include_self=False):  # noqa: SLF001 - no public name finds nested layers
        # A metric or a loss is no layer of the model's; a layer that holds others is told by them.
        if not list(layer._flatten_layers(include_self=False)):  # noqa: SLF001
            yield layer


def _layer(layer: Any) -> list[Any]:
    return [type(layer).__name__, _config(layer)]


def _config(thing: Any) -> dict[str, Any]:
    try:
        config = dict(thing.get_config())
    except Exception:  # noqa: BLE001 - a class of the user's may do anything; then its name is all there is
        return {}
    return {key: _plain(value) for key, value in config.items() if key not in _LEFT_OUT and _is_plain(value)}


def _rate(optimizer: Any) -> dict[str, Any]:
    """Return the learning rate of an optimizer that is as it was made: later ones are its training's."""
    count = getattr(optimizer, "_iterations", None)
    if schedule_of(optimizer) or (count is not None and int(count.numpy())):
        return {}
    rate = read_learning_rate(optimizer)
    return {} if rate is None else {"learning_rate": float(f"{rate:.6g}")}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _plain(value: Any) -> Any:
    # As JSON gives it back.
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
