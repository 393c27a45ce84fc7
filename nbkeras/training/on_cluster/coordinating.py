"""A cell on the coordinator of workers and parameter servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.callbacks.backup.exact import ExactBackupHooks
from nbkeras.cluster import worker
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.callback_lists import members_of
from nbkeras.training.on_cluster.steps import steps_by_workers

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from nbkeras.training.calls import Call


def coordinated(call: Call) -> AbstractContextManager[None]:
    """Return what lets the workers make a call's steps.

    Args:
        call: a call of a model that was made in the strategy's scope.

    Raises:
        Refusal: for what steps of workers can't do, before anything has begun.
    """
    _refuse(call)
    here = worker.here()
    return steps_by_workers(call.model, here.strategy, here.size)


def coordination_notes(call: Call) -> list[str]:
    """Return what is said of a call."""
    workers = worker.here().size
    if call.kind == "predict":
        return ["batches go to a worker one after the other"]
    each = f"{workers} workers, each a batch at a time" if workers > 1 else "1 worker"
    rest = ", and none waits for another" if workers > 1 else ""
    return [f"steps are made by {each}{rest}"]


def _refuse(call: Call) -> None:
    model = call.model
    kind = call.kind
    if getattr(model, "run_eagerly", False):
        raise Refusal(
            f"{kind}: expected a model that is compiled with run_eagerly=False, whose steps can go to "
            "workers, received run_eagerly=True: compile it without"
        )
    steps = getattr(model, "steps_per_execution", None) or getattr(model, "_steps_per_execution", None)
    count = 1 if steps is None else int(steps)
    if count > 1:
        raise Refusal(
            f"{kind}: expected steps_per_execution=1, because a worker is given one step at a time, received "
            f"{count}: compile the model with steps_per_execution=1"
        )
    optimizer = getattr(model, "optimizer", None)
    if kind == "fit" and hasattr(optimizer, "inner_optimizer"):
        raise Refusal(
            "fit: expected an optimizer that scales no loss, because parameter servers can't, received "
            f"{type(optimizer).__name__}: train in float32 or mixed_bfloat16"
        )
    gathered = getattr(optimizer, "gradient_accumulation_steps", None)
    if kind == "fit" and gathered:
        raise Refusal(
            "fit: expected an optimizer that applies the gradients of each step, because workers step at the "
            f"same time, received gradient_accumulation_steps={gathered}: "
            "leave it out"
        )
    if any(isinstance(each, ExactBackupHooks) for each in members_of(call.get("callbacks"))):
        raise Refusal(
            "fit: expected no ExactBackup, because steps that do not wait for each other can't be gone on "
            "with exactly, received one: give  keras.callbacks.BackupAndRestore"
        )
