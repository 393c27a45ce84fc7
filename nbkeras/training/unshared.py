"""Lets no replica write into the user's own arrays while a call runs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.data.unshared import copied_dataset, copies_of, giving_copies, is_from_python, is_generator
from nbkeras.training.distributing import sharing_strategy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.training.calls import Call


def copying_notes(call: Call) -> list[str]:
    """Return what is said of a call whose batches are copied."""
    if not _shared(call):
        return []
    return ["batches from Python are copied: replicas on CPUs would write into arrays that they are views of"]


@contextmanager
def unshared(call: Call) -> Iterator[None]:
    """Let a call's batches have memory of their own where replicas on CPUs share them.

    Args:
        call: any call; data of it that come in batches are replaced or, inside of the ``with``, copied.
    """
    with ExitStack() as stack:
        for name in _shared(call):
            data = call.get(name)
            if is_generator(data):
                call.set(name, copies_of(data))
            elif hasattr(data, "element_spec"):
                call.set(name, copied_dataset(data))
            else:
                stack.enter_context(giving_copies(data))
        yield


def _shared(call: Call) -> list[str]:
    """Name the data whose batches may be views of arrays that replicas write into."""
    strategy = sharing_strategy(call)
    if strategy is None or not any("CPU" in name for name in strategy.extended.worker_devices):
        return []
    # Other processes give copies already, and are given the object by its class.
    if call.get("use_multiprocessing") or getattr(call.get("x"), "use_multiprocessing", False):
        return []
    return [name for name in ("x", "validation_data") if _is_from_python(call.get(name))]


def _is_from_python(data: Any) -> bool:
    if hasattr(data, "element_spec"):
        return is_from_python(data)
    names = {cls.__name__ for cls in type(data).__mro__}
    return is_generator(data) or bool(names & {"PyDataset", "Sequence"})
