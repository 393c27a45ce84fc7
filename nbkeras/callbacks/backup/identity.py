"""What a backup is of, and in what another training differs from it."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.by_hand import settings_of
from nbkeras.callbacks.backup.configs import config_of, first_difference, plain
from nbkeras.callbacks.backup.setting import setting_of
from nbkeras.callbacks.backup.variables import label, shape_of, variables_of
from nbkeras.callbacks.backup.wiring import wiring_difference, wiring_of
from nbkeras.callbacks.learning_rate import read_learning_rate, schedule_of
from nbkeras.callbacks.model_facts import loss_label
from nbkeras.runtime.keras_lines import LINES, is_model, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What decides how a model is trained, of what it was compiled with.
_COMPILED = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "jit_compile")
# A layer that was built has these in the plural.
_BUILT_OTHERWISE = frozenset({"axis"})
_GROUPS = {"model": "weights", "metrics": "metrics", "optimizer": "variables of the optimizer"}


def identity_of(model: Any) -> dict[str, Any]:
    """Describe a model, its optimizer and its loss, so that another one can be told from it."""
    optimizer = getattr(model, "optimizer", None)
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    replicas = getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)
    return {
        "keras": line_of(model) or "",
        "model": type(model).__name__,
        "parts": _part(model),
        "loss": _loss(model),
        "compiled": _compiled(model),
        "optimizer": {"is": type(optimizer).__name__, **(config_of(optimizer, numbers=True) or {})},
        "schedule": _schedule(inner),
        "rate": _rate(inner),
        "settings": settings_of(model),
        "steps_per_execution": steps_at_once(model),
        "setting": setting_of(line_of(model) or "keras", int(replicas)),
    }


def layers_of(identity: dict[str, Any]) -> int:
    """Count the layers that hold no others."""

    def count(part: dict[str, Any]) -> int:
        return sum(map(count, part["parts"])) or 1

    return count(identity["parts"])


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
    return (
        _optimizer_difference(backup, now)
        or _part_difference(backup["parts"], now["parts"], itertools.count(1))
        or _value_difference("the model", backup["compiled"], now["compiled"])
    )


def form_difference(backup: dict[str, Any], now: dict[str, Any]) -> str:
    """Say which variable differs first, "" when none does."""
    for group, wanted in backup.items():
        found = now.get(group, [])
        for place in range(max(len(wanted), len(found))):
            theirs = _form(wanted[place]) if place < len(wanted) else "none"
            ours = _form(found[place]) if place < len(found) else "none"
            if theirs != ours:
                words = _GROUPS.get(group, f"variables ({group})")
                return f"other {words}: {ours} in place {place + 1}, the backup has {theirs} there"
    return ""


def _form(entry: list[Any]) -> str:
    return f"{entry[0]} of shape {tuple(entry[1])}" if entry[1] else f"{entry[0]}, a number"


def _optimizer_difference(backup: dict[str, Any], now: dict[str, Any]) -> str:
    theirs, ours = backup["optimizer"], now["optimizer"]
    if theirs["is"] != ours["is"] or _kind(backup) != _kind(now):
        return f"the optimizer {_named(now)}, the backup's is {_named(backup)}"
    what = f"the optimizer {ours['is']}"
    found = _value_difference(f"{what} with {_kind(now)}", backup["schedule"], now["schedule"])
    found = found or _value_difference(what, theirs, ours)
    if found or backup["rate"] is None or now["rate"] is None or backup["rate"] == now["rate"]:
        return found
    return f"{what} with learning_rate={now['rate']!r}, the backup's has learning_rate={backup['rate']!r}"


def _kind(identity: dict[str, Any]) -> str:
    return "" if identity["schedule"] is None else str(identity["schedule"]["is"])


def _named(identity: dict[str, Any]) -> str:
    name, schedule = identity["optimizer"]["is"], _kind(identity)
    return f"{name} with {schedule}" if schedule else str(name)


def _part_difference(theirs: dict[str, Any], ours: dict[str, Any], numbers: Iterator[int]) -> str:
    """Say in what the layers of two models, or of two layers, differ first."""
    pairs: Iterable[tuple[Any, Any]] = itertools.zip_longest(theirs["parts"], ours["parts"])
    if theirs["built"] != ours["built"]:
        # A layer may make others of its own when it is built.
        pairs = zip(theirs["parts"], ours["parts"], strict=False)
    for other, mine in pairs:
        number = next(numbers)
        if other is None or mine is None or other["is"] != mine["is"]:
            names = ["none" if each is None else each["is"] for each in (mine, other)]
            return f"{names[0]} as layer {number}, the backup's is {names[1]}"
        but = frozenset() if other["built"] == mine["built"] else _BUILT_OTHERWISE
        what = f"layer {number} ({mine['is']})"
        found = _value_difference(what, other["config"], mine["config"], but)
        found = found or _part_difference(other, mine, numbers)
        if found:
            return found
    if theirs["wiring"] is None or ours["wiring"] is None:
        return ""
    return wiring_difference(theirs["wiring"], ours["wiring"])


def _value_difference(what: str, theirs: Any, ours: Any, but: frozenset[str] = frozenset()) -> str:
    if theirs is None or ours is None:
        # A class that says nothing of itself.
        return ""
    place, other, mine = first_difference(theirs, ours, but=but)
    return f"{what} with {place}={mine}, the backup's has {place}={other}" if other or mine else ""


def _part(layer: Any) -> dict[str, Any]:
    """Describe a layer or a model with those that it holds."""
    holds = is_model(layer)
    own = type(layer).__module__.partition(".")[0] not in LINES
    # A model's would tell of its layers what they tell themselves.
    config = None if holds else config_of(layer)
    # Keras's own layers say of those inside of them what there is to say, and make some when they are built.
    deep = holds or own or config is None
    return {
        "is": type(layer).__name__,
        "built": bool(getattr(layer, "built", False)),
        "config": config,
        "parts": [_part(each) for each in _layers(layer)] if deep else [],
        "wiring": _wiring(layer),
    }


def _layers(layer: Any) -> Iterator[Any]:
    for each in layer._flatten_layers(include_self=False, recursive=False):  # noqa: SLF001 - no public name
        # Sequential gets one with its first batch, and a metric or a loss is no layer of the model's.
        if type(each).__name__ != "InputLayer":
            yield each


def _wiring(model: Any) -> dict[str, Any] | None:
    try:
        return wiring_of(model)
    except Exception:  # noqa: BLE001 - private names of Keras's: another release may have others
        return None


def _compiled(model: Any) -> dict[str, Any]:
    held = getattr(getattr(model, "_compile_config", None), "config", None) or {}
    found = {name: plain(held.get(name)) for name in _COMPILED}
    # A compile of the user's own may have told Keras nothing.
    return found if held else {**found, "loss": plain(getattr(model, "loss", None))}


def _loss(model: Any) -> str | None:
    held = getattr(model, "loss", None)
    # A loss of a class of the user's is called my_loss_3 when the cell is run for the third time.
    return None if held is None else re.sub(r"_\d+\b", "", loss_label(held))


def _schedule(optimizer: Any) -> dict[str, Any] | None:
    if schedule_of(optimizer) is None:
        return None
    held = optimizer._learning_rate  # noqa: SLF001 - see `schedule_of`
    return {"is": type(held).__name__, **(config_of(held, numbers=True) or {})}


def _rate(optimizer: Any) -> float | None:
    """Return the learning rate of an optimizer that is as it was made: later ones are its training's."""
    count = getattr(optimizer, "_iterations", None)
    if schedule_of(optimizer) or (count is not None and int(count.numpy())):
        return None
    rate = read_learning_rate(optimizer)
    return None if rate is None else float(f"{rate:.6g}")
