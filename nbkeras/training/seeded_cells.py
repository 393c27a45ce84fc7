"""Cells with ``--seed`` that are run again: names, and models of earlier cells, as at the first run.

What the cell makes itself is made anew. A model that an earlier cell made would train on, so it is taken back
to where this cell first began with it: as in a new kernel, in which all cells before it have run. Where
something else has changed the model since this cell ended, the cell goes on from there.
"""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility import names
from nbkeras.reproducibility.model_state import ModelState, digest_of
from nbkeras.runtime.keras_lines import is_model, line_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from nbkeras.training.calls import Call

# States of a model that are kept, one for each cell that trains it.
STATES_KEPT = 4


@dataclass(slots=True)
class _Start:
    """A model as one cell began with it, and what it was when the cell ended."""

    state: ModelState
    end: str = ""


_names: dict[Hashable, names.Counters] = {}
_starts: weakref.WeakKeyDictionary[Any, dict[Hashable, _Start]] = weakref.WeakKeyDictionary()


@dataclass(slots=True)
class SeededCell:
    """One run of a cell with ``--seed``."""

    key: Hashable
    earlier: dict[int, weakref.ref[Any]] = field(default_factory=dict)
    taken_back: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)

    def before(self, call: Call) -> list[str]:
        """Keep the start of a model of an earlier cell; return what is said about the call's own things."""
        if call.kind != "fit":
            return []
        model, said = call.model, []
        if self._is_earlier(model):
            said.append(self._about(model))
        data = call.get("x")
        if self._is_earlier(data) and _reshuffles(data):
            said.append(
                "the dataset was made in an earlier cell, and its shuffling goes on: run again, this cell "
                "gets other orders; make the dataset in this cell"
            )
        layer = _unseeded_layer(model)
        if layer is not None:
            # Measured with tf_keras 2.21: other weights from run to run, even with deterministic operations.
            said.append(
                f"tf_keras's recurrent_dropout ({layer}) is another one in each run: Keras 3 seeds it"
            )
        return said

    def after(self, model: Any) -> None:
        """Note how a call has left a model of an earlier cell."""
        start = _starts.get(model, {}).get(self.key)
        if start is not None:
            start.end = digest_of(model)

    def take_back(self) -> None:
        """Take the models back that nothing but this cell has changed since it began with them."""
        for model, starts in list(_starts.items()):
            start = starts.get(self.key)
            if start is None:
                continue
            if start.end == digest_of(model):
                start.state.restore()
                self.taken_back.add(model)
            else:
                del starts[self.key]

    def _about(self, model: Any) -> str:
        if model in self.taken_back:
            return f"{model.name} taken back to where this cell first began with it; no --seed trains on"
        starts = _starts.setdefault(model, {})
        if self.key not in starts:
            state = ModelState.of(model)
            if state is None:
                return (
                    f"{model.name} was made in an earlier cell and has no weights yet, or an optimizer that "
                    "has none: run again, it trains on; make it in this cell"
                )
            starts[self.key] = _Start(state)
            while len(starts) > STATES_KEPT:
                del starts[next(iter(starts))]
        return (
            f"{model.name} was made in an earlier cell: run again, this cell takes it back to where it is "
            "now; without --seed, it trains on"
        )

    def _is_earlier(self, thing: Any) -> bool:
        reference = self.earlier.get(id(thing))
        return reference is not None and reference() is thing


@contextmanager
def seeded_cell(key: Hashable | None) -> Iterator[SeededCell | None]:
    """Let a cell begin as it did when it ran first.

    Args:
        key: what tells the cell from others, and is the same when it is run again; None for a cell without
            a seed, which begins as it is.
    """
    if key is None:
        yield None
        return
    cell = SeededCell(key)
    before = names.name_counters()
    if key in _names:
        names.put_back(_names[key])
        cell.take_back()
    else:
        _names[key] = before
    cell.earlier = _models_and_datasets()
    try:
        yield cell
    finally:
        names.go_past(before)


def _models_and_datasets() -> dict[int, weakref.ref[Any]]:
    """Find what an earlier cell may have made, wherever it is held."""
    kinds: dict[type, bool] = {}
    found = {}
    for each in gc.get_objects():
        kind = type(each)
        if kind not in kinds:
            named = {base.__name__ for base in kind.__mro__}
            kinds[kind] = is_model(each) or "DatasetV2" in named
        if kinds[kind]:
            found[id(each)] = weakref.ref(each)
    return found


def _reshuffles(dataset: Any) -> bool:
    """Tell whether a dataset shuffles anew in each iteration, by what each transformation says of itself."""
    if getattr(dataset, "_reshuffle_each_iteration", False) or getattr(
        dataset, "_rerandomize_each_iteration", False
    ):
        return True
    inputs = getattr(dataset, "_inputs", None)
    return inputs is not None and any(_reshuffles(each) for each in inputs())


def _unseeded_layer(model: Any) -> str | None:
    """Name a layer whose random numbers no seed reaches, None where there is none."""
    if line_of(model) != "tf_keras":
        return None
    layers = model._flatten_layers()  # noqa: SLF001 - no public name reaches layers in layers
    return next((layer.name for layer in layers if getattr(layer, "recurrent_dropout", 0)), None)
