"""The states of the callbacks of a training: Keras's own by a table, a user's by two methods.

A callback of the user's takes part when it has ``get_state()``, which returns numbers, texts and arrays in
dicts and lists, and ``set_state(state)``, which takes them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.callback_draws import holds_functions
from nbkeras.callbacks.backup.files import cut_events, open_events, read_csv, read_events, rewrite_csv
from nbkeras.callbacks.backup.packing import pack
from nbkeras.runtime.keras_lines import LINES
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# What Keras 3.15 and tf_keras 2.21 count and remember. monitor_op and min_delta are left out: Keras 3 sets
# both at the first epoch's end, and turns min_delta's sign there. Each line lacks some of the other's.
_FIELDS: dict[str, tuple[str, ...]] = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    "ReduceLROnPlateau": ("wait", "cooldown_counter", "best"),
    "ModelCheckpoint": (
        *("best", "epochs_since_last_save", "_batches_seen_since_last_saving"),
        *("_last_batch_seen", "_current_epoch"),
    ),
    "History": ("history", "epoch"),
    "TensorBoard": ("_global_train_batch", "_global_test_batch", "_previous_epoch_iterations"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
    "CSVLogger": ("keys",),
    "LearningRateScheduler": (),
    "LambdaCallback": (),
    "ProgbarLogger": (),
    "OrbaxCheckpoint": (
        *("best", "_batches_seen_since_last_saving", "_last_batch_seen", "_total_batches_seen"),
        "_current_epoch",
    ),
    "BaseLogger": ("seen", "totals"),
    "RemoteMonitor": (),
    "TerminateOnNaN": (),
}


def read_callbacks(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Return the states of callbacks, by class and place among those of the class.

    Raises:
        Refusal: when a callback's ``get_state`` fails, or returns something that is no data.
    """
    return {key: _read(callback) for key, callback in _keyed(callbacks)}


def write_callbacks(
    callbacks: Iterable[Any], states: dict[str, Any], written: Mapping[str, dict[str, int]]
) -> None:
    """Give callbacks their states back; one that was not there before stays as it is.

    Args:
        callbacks: those of the list.
        states: what `read_callbacks` gave at the backup.
        written: what `event_files` gave in the runs that went on from it before.
    """
    for key, callback in _keyed(callbacks):
        state = states.get(key)
        if state is None:
            continue
        if _takes_part(callback):
            _give(callback, state["own"])
            continue
        for name, value in state["fields"].items():
            if hasattr(callback, name):
                setattr(callback, name, value)
        if "file" in state:
            rewrite_csv(callback, state["file"])
        if "events" in state:
            cut_events(callback, {**written.get(key, {}), **state["events"]})


def begin_files(callbacks: Iterable[Any], *, validates: bool) -> None:
    """Let callbacks make the files now that they would make later."""
    for callback in callbacks:
        if _base(callback) == "TensorBoard":
            open_events(callback, validates=validates)


def event_files(callbacks: Iterable[Any]) -> dict[str, dict[str, int]]:
    """Return the event files of TensorBoard callbacks as they are now, by the callback."""
    return {key: read_events(each) for key, each in _keyed(callbacks) if _base(each) == "TensorBoard"}


def history_of(states: Mapping[str, Any]) -> dict[str, dict[int, float]]:
    """Return Keras's History from what `read_callbacks` gave: metric -> value by epoch, from 1."""
    fields = states.get("History 1", {}).get("fields", {})
    epochs = [int(epoch) + 1 for epoch in fields.get("epoch", [])]
    return {
        # A metric that some epochs lack says not which.
        metric: {epoch: float(value) for epoch, value in zip(epochs, values, strict=True)}
        for metric, values in fields.get("history", {}).items()
        if len(values) == len(epochs) and all(isinstance(value, (int, float)) for value in values)
    }


def without_state(callbacks: Iterable[Any]) -> list[str]:
    """Say which callbacks take no part: the user's without the methods, and unknown ones of Keras's."""
    lines = []
    for callback in callbacks:
        name, root = type(callback).__name__, type(callback).__module__.partition(".")[0]
        if _takes_part(callback) or root == "nbkeras":
            continue
        if root not in LINES or holds_functions(callback):
            lines.append(f"{name} has no get_state: it begins anew when the training goes on")
        elif not _base(callback):
            lines.append(
                f"{name} is a callback of Keras's that nbkeras does not know: what it counts begins anew"
            )
    return list(dict.fromkeys(lines))


def _keyed(callbacks: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        counts[name] = counts.get(name, 0) + 1
        yield f"{name} {counts[name]}", callback


def _takes_part(callback: Any) -> bool:
    return callable(getattr(callback, "get_state", None)) and callable(getattr(callback, "set_state", None))


def _read(callback: Any) -> dict[str, Any]:
    if _takes_part(callback):
        return {"own": _taken(callback)}
    base = _base(callback)
    fields = {name: _data(getattr(callback, name, None)) for name in _FIELDS.get(base, ())}
    state: dict[str, Any] = {
        "fields": {name: value for name, value in fields.items() if hasattr(callback, name)}
    }
    if base == "CSVLogger":
        # What stands in it now: the next fit that uses this callback empties the file as it begins.
        state["file"] = read_csv(callback)
    if base == "TensorBoard":
        state["events"] = read_events(callback)
    return state


def _taken(callback: Any) -> Any:
    try:
        state = callback.get_state()
        pack(state)
    except Exception as error:
        raise Refusal(
            f"backup: expected dicts and lists of numbers, texts and arrays from "
            f"{type(callback).__name__}.get_state, received {_in_words(error)}: mend it, or take it out"
        ) from error
    return state


def _give(callback: Any, state: Any) -> None:
    try:
        callback.set_state(state)
    except Exception as error:
        raise Refusal(
            f"backup: expected {type(callback).__name__}.set_state to take what its get_state gave, received "
            f"{_in_words(error)}: mend it, or begin anew with  --restart  (restart=True)"
        ) from error


def _in_words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _base(callback: Any) -> str:
    """Return the name of Keras's own class that a callback is or comes from."""
    for cls in type(callback).__mro__:
        if cls.__module__.partition(".")[0] in LINES and cls.__name__ in _FIELDS:
            return cls.__name__
    return ""


def _data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_data(each) for each in value]
    return value.numpy() if hasattr(value, "numpy") else value
