"""Cells with ``--seed`` that are run again: names, and what earlier cells made, as at the first run.

What the cell makes itself is made anew. A model that an earlier cell made would train on, so it is taken back
to where this cell first began with it: as in a new kernel, in which all cells before it have run. So are
layers of earlier cells in the cell's own model, random generators that the cell draws from, and Keras's dtype
policy. Where something else has changed one of them since this cell ended, the cell goes on from there.
"""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility import generators, names, policies
from nbkeras.reproducibility.model_state import ModelState, digest_of, has_state
from nbkeras.reproducibility.proof.batches import WORKERS, pipeline_facts, stages
from nbkeras.runtime.keras_lines import is_model, line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from nbkeras.reproducibility.policies import Policies
    from nbkeras.training.calls import Call

# States of a model that are kept, one for each cell that trains it.
STATES_KEPT = 4
_SHOWN = 3


@dataclass(slots=True)
class _Start:
    """A model or a layer as one cell began with it, and what it was when the cell ended."""

    state: ModelState
    part: bool
    end: str = ""


@dataclass(slots=True)
class _Drawn:
    """A random generator of an earlier cell: what takes it back, and its state as this cell ended."""

    thing: Any
    undo: Callable[[], None]
    end: str | None = ""


@dataclass(slots=True)
class _Known:
    """What is kept of a cell between its runs."""

    counters: names.Counters
    policies: Policies
    policies_at_end: Policies
    drawn: dict[str, _Drawn] = field(default_factory=dict)


_cells: dict[Hashable, _Known] = {}
_starts: weakref.WeakKeyDictionary[Any, dict[Hashable, _Start]] = weakref.WeakKeyDictionary()


@dataclass(slots=True)
class SeededCell:
    """One run of a cell with ``--seed``."""

    key: Hashable
    earlier: dict[int, weakref.ref[Any]] = field(default_factory=dict)
    unbuilt: set[int] = field(default_factory=set)
    taken_back: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    said: list[str] = field(default_factory=list)
    """What the next ``fit`` is to say of the cell itself."""

    def before(self, call: Call) -> list[str]:
        """Keep the start of what earlier cells made; return what is said about the call's own things."""
        if call.kind != "fit":
            return []
        model, said = call.model, list(self.said)
        self.said.clear()
        if self._is_earlier(model):
            said.append(self._about(model))
        else:
            said += self._about_parts(model)
        if self._goes_on_shuffling(call.get("x")):
            said.append(
                "the dataset was made in an earlier cell, and its shuffling goes on: run again, this cell "
                "gets other orders; make the dataset in this cell"
            )
        if self._goes_on_shuffling(call.get("validation_data")):
            said.append(
                "the validation dataset was made in an earlier cell, and its shuffling goes on: run again, "
                "the last digits of its metrics may differ; make it in this cell, or without shuffle"
            )
        if WORKERS in pipeline_facts(call.get("x"), call.get("workers")):
            said.append(
                "several workers load the data: what they draw from np.random differs in each run; draw from "
                "np.random.default_rng([seed, index]), or take workers=1"
            )
        layer = _unseeded_layer(model)
        if layer is not None:
            # Measured with tf_keras 2.21: other weights from run to run, even with deterministic operations.
            said.append(
                f"tf_keras's recurrent_dropout ({layer}) is another one in each run: Keras 3 seeds it"
            )
        return said

    def take_back(self, known: _Known) -> None:
        """Take back what nothing but this cell has changed since it began with it."""
        for thing, starts in list(_starts.items()):
            start = starts.get(self.key)
            if start is None:
                continue
            if start.end == digest_of(thing, part=start.part):
                start.state.restore()
                self.taken_back.add(thing)
            else:
                del starts[self.key]
        self.said += policies.take_back(known.policies, known.policies_at_end)

    def keep_generators(self, known: _Known, read: Mapping[str, Any]) -> None:
        """Keep the states of the random generators that the cell reads, or take them back to those kept."""
        for name, thing in read.items():
            drawn = known.drawn.get(name)
            if drawn is not None and drawn.thing is thing and drawn.end == generators.state_of(thing):
                drawn.undo()
                self.said.append(f"{name} taken back to where this cell first drew from it")
                continue
            undo = generators.undo_of(thing)
            if undo is not None:
                known.drawn[name] = _Drawn(thing, undo)
                self.said.append(
                    f"{name}, a {generators.kind_of(thing)}, was made in an earlier cell: run again, this "
                    "cell takes it back to where it is now"
                )

    def end(self, known: _Known) -> None:
        """Note how the cell has left all this."""
        for thing, starts in list(_starts.items()):
            start = starts.get(self.key)
            if start is not None:
                start.end = digest_of(thing, part=start.part)
        for drawn in known.drawn.values():
            drawn.end = generators.state_of(drawn.thing)
        known.policies_at_end = policies.now()

    def _about(self, model: Any) -> str:
        if model in self.taken_back:
            return f"{model.name} taken back to where this cell first began with it; no --seed trains on"
        if not self._keep(model, part=False):
            return (
                f"{model.name} was made in an earlier cell and has no weights yet, or an optimizer that "
                "has none: run again, it trains on; make it in this cell"
            )
        return (
            f"{model.name} was made in an earlier cell: run again, this cell takes it back to where it is "
            "now; without --seed, it trains on"
        )

    def _about_parts(self, model: Any) -> list[str]:
        """Keep the layers of earlier cells in a model that the cell itself has made."""
        parts = [part for part in self._parts(model) if has_state(part)]
        late = [part for part in parts if id(part) in self.unbuilt and part.weights]
        back = [part for part in parts if part in self.taken_back]
        for part in parts:
            if part not in self.taken_back:
                self._keep(part, part=True)
        kept = [part for part in parts if part not in back and part not in late]
        said = []
        if back:
            said.append(f"{_listed(back)} taken back to where this cell first began with it")
        if kept:
            was = "were" if len(kept) > 1 else "was"
            said.append(f"{_listed(kept)} {was} made in an earlier cell: run again, this cell takes it back")
        if late:
            said.append(
                f"{_listed(late)}: made in an earlier cell, and had no weights before this one: run again, "
                "other layers may begin with other weights; make it in this cell"
            )
        return said

    def _keep(self, thing: Any, *, part: bool) -> bool:
        starts = _starts.setdefault(thing, {})
        if self.key not in starts:
            state = ModelState.of_part(thing) if part else ModelState.of(thing)
            if state is None:
                return False
            starts[self.key] = _Start(state, part)
            while len(starts) > STATES_KEPT:
                del starts[next(iter(starts))]
        return True

    def _parts(self, model: Any) -> Iterator[Any]:
        """Give the outermost layers of earlier cells in a model."""
        for layer in model._flatten_layers(include_self=False, recursive=False):  # noqa: SLF001 - as below
            if self._is_earlier(layer):
                yield layer
            else:
                yield from self._parts(layer)

    def _goes_on_shuffling(self, data: Any) -> bool:
        return any(self._is_earlier(stage) and _reshuffles(stage) for stage in stages(data))

    def _is_earlier(self, thing: Any) -> bool:
        reference = self.earlier.get(id(thing))
        return reference is not None and reference() is thing


@contextmanager
def seeded_cell(
    key: Hashable | None, read: Mapping[str, Any] | None = None, said: Iterable[str] = ()
) -> Iterator[SeededCell | None]:
    """Let a cell begin as it did when it ran first.

    Args:
        key: what tells the cell from others, and is the same when it is run again; None for a cell without
            a seed, which begins as it is.
        read: what the cell reads of earlier cells, by name. Default None: nothing is known of it.
        said: what the cell's first ``fit`` is to say of the cell.
    """
    if key is None:
        yield None
        return
    cell = SeededCell(key, said=list(said))
    before = names.name_counters()
    known = _cells.get(key)
    if known is not None:
        names.put_back(known.counters)
        cell.take_back(known)
    else:
        known = _cells[key] = _Known(before, policies.now(), policies.now())
    cell.keep_generators(known, read or {})
    cell.earlier, cell.unbuilt = _made_so_far()
    try:
        yield cell
    finally:
        cell.end(known)
        names.go_past(before)


def _made_so_far() -> tuple[dict[int, weakref.ref[Any]], set[int]]:
    """Find the layers, models and datasets that an earlier cell may have made, wherever they are held."""
    kinds: dict[type, bool] = {}
    found, unbuilt = {}, set()
    for each in gc.get_objects():
        kind = type(each)
        if kind not in kinds:
            named = {base.__name__ for base in kind.__mro__}
            is_layer = "Layer" in named and line_of(each) is not None
            kinds[kind] = is_layer or is_model(each) or "DatasetV2" in named
        if kinds[kind]:
            found[id(each)] = weakref.ref(each)
            if not getattr(each, "built", True):
                unbuilt.add(id(each))
    return found, unbuilt


def _reshuffles(stage: Any) -> bool:
    """Tell whether one step of a dataset shuffles anew in each iteration, by what it says of itself."""
    return bool(
        getattr(stage, "_reshuffle_each_iteration", False)
        or getattr(stage, "_rerandomize_each_iteration", False)
    )


def _listed(layers: list[Any]) -> str:
    more = f" and {len(layers) - _SHOWN} more layers" if len(layers) > _SHOWN else ""
    return ", ".join(layer.name for layer in layers[:_SHOWN]) + more


def _unseeded_layer(model: Any) -> str | None:
    """Name a layer whose random numbers no seed reaches, None where there is none."""
    if line_of(model) != "tf_keras":
        return None
    layers = model._flatten_layers()  # noqa: SLF001 - no public name reaches layers in layers
    return next((layer.name for layer in layers if getattr(layer, "recurrent_dropout", 0)), None)
