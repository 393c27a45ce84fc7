"""Cells with ``--seed`` that are run again: names, and what earlier cells made, as at the first run.

What the cell makes itself is made anew. A model that an earlier cell made would train on, so it is taken back
to where this cell first began with it: as in a new kernel, in which all cells before it have run. So are
layers of earlier cells in the cell's own model, random generators that the cell draws from, and Keras's dtype
policy. Where something else has changed one of them since this cell ended, the cell goes on from there.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.captured import captured
from nbkeras.callbacks.backup.variables import variables_of
from nbkeras.reproducibility import generators, names, policies
from nbkeras.reproducibility.held_things import opened
from nbkeras.reproducibility.late_generators import LateGenerators
from nbkeras.reproducibility.loose_variables import Moved, Snapshot, begun_anew, resources_of
from nbkeras.reproducibility.model_state import ModelState, digest_of, has_begun, has_state
from nbkeras.reproducibility.proof.batches import WORKERS, pipeline_facts, stages
from nbkeras.runtime.keras_lines import line_of
from nbkeras.training.earlier import Earlier, names_of

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
    moved: list[Moved] = field(default_factory=list)
    """Variables that belong to none of the models that the cell fits."""
    late: LateGenerators = field(default_factory=lambda: LateGenerators(()))


_cells: dict[Hashable, _Known] = {}
_starts: weakref.WeakKeyDictionary[Any, dict[Hashable, _Start]] = weakref.WeakKeyDictionary()


@dataclass(slots=True)
class SeededCell:
    """One run of a cell with ``--seed``."""

    key: Hashable
    earlier: Earlier = field(init=False)
    taken_back: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    going_on: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    """Models whose start is not known: all of each goes on."""
    snapshot: Snapshot = field(init=False)
    """The values of all variables, whoever holds them."""
    back: list[Any] = field(default_factory=list)
    """Variables that belong to no model of the cell's, taken back."""
    anew: list[Any] = field(default_factory=list)
    """Layers that begin with a new generator."""
    said: list[str] = field(default_factory=list)
    """What the next ``fit`` is to say of the cell itself."""

    def before(self, call: Call) -> list[str]:
        """Keep the start of what earlier cells made; return what is said about the call's own things."""
        if call.kind != "fit":
            return []
        model, said = call.model, list(self.said)
        self.said.clear()
        if self.earlier.has(model):
            said.append(self._about(model))
        else:
            said += self._about_parts(model)
        said += self._about_data(call)
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
        self.back = [each for each in (moved.take_back() for moved in known.moved) if each is not None]
        self.anew = known.late.take_back()
        self.said += policies.take_back(known.policies, known.policies_at_end)

    def look(self, known: _Known) -> None:
        """Find all that earlier cells have made, and read the values of the variables."""
        self.earlier = Earlier()
        models = [model for each in self.earlier.models if (model := each()) is not None]
        but = {id(each) for each in resources_of(begun_anew(models))}
        but |= {
            id(each)
            for drawn in known.drawn.values()
            for each in resources_of(generators.variables_of(drawn.thing))
        }
        self.snapshot = Snapshot(self.earlier.variables, but=but)
        self.earlier.variables.clear()
        layers = self.earlier.layers()
        known.late = LateGenerators(layers)
        if names := [*names_of(self.back, layers), *(layer.name for layer in self.anew)]:
            self.said.append(f"{_listed(names)} taken back to where this cell first began with it")

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

    def name_what_goes_on(self, read: Mapping[str, Any]) -> None:
        """Name what the cell reads of earlier cells and nothing can take back."""
        for name, thing in read.items():
            if hasattr(thing, "__next__") and not hasattr(thing, "_flatten_layers"):
                self.said.append(
                    f"{name}, an iterator, was made in an earlier cell: run again, this cell goes on where "
                    "it is then; make it in this cell"
                )
            elif hasattr(thing, "apply_gradients") and not has_begun(thing):
                self.said.append(
                    f"{name}, an optimizer without slots yet, was made in an earlier cell: run again, this "
                    "cell goes on with the slots that it has then; make it in this cell"
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
        known.late.note()
        known.moved = self.snapshot.moved(but=self._of_models())

    def _of_models(self) -> set[int]:
        """Return the ids of the variables that are taken back, or go on, as parts of a model or a layer."""
        states = (starts[self.key].state for starts in _starts.values() if self.key in starts)
        kept = (each for state in states for each in state.variables)
        left = (each for model in self.going_on for group in variables_of(model).values() for each in group)
        return {id(each) for each in resources_of((*kept, *left))}

    def _about_data(self, call: Call) -> list[str]:
        """Say which layers and generators of earlier cells the data of a ``fit`` go on with."""
        used = resources_of((*captured(call.get("x")), *captured(call.get("validation_data"))))
        back = {id(each) for each in self.back}
        new = [each for each in used if id(each) not in back and self.snapshot.has(each)]
        if not new:
            return []
        names = names_of(new, self.earlier.layers())
        was = "were" if len(names) > 1 else "was"
        with_what = f"{_listed(names)}, with which the dataset draws or counts, {was} made in an earlier cell"
        return [f"{with_what}: run again, this cell takes it back to where it is now"]

    def _about(self, model: Any) -> str:
        if model in self.taken_back:
            return f"{model.name} taken back to where this cell first began with it; no --seed trains on"
        if not self._keep(model, part=False):
            self.going_on.add(model)
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
        late = [part for part in parts if self.earlier.was_unbuilt(part) and part.weights]
        back = [part for part in parts if part in self.taken_back]
        for part in parts:
            if part not in self.taken_back:
                self._keep(part, part=True)
        kept = [part for part in parts if part not in back and part not in late]
        said = []
        if back:
            said.append(f"{_names(back)} taken back to where this cell first began with it")
        if kept:
            was = "were" if len(kept) > 1 else "was"
            said.append(f"{_names(kept)} {was} made in an earlier cell: run again, this cell takes it back")
        if late:
            said.append(
                f"{_names(late)}: made in an earlier cell, and had no weights before this one: run again, "
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
            if self.earlier.has(layer):
                yield layer
            else:
                yield from self._parts(layer)

    def _goes_on_shuffling(self, data: Any) -> bool:
        return any(self.earlier.has(stage) and _reshuffles(stage) for stage in stages(data))


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
    held = opened(read or {})
    cell.keep_generators(known, held)
    cell.name_what_goes_on(held)
    cell.look(known)
    try:
        yield cell
    finally:
        cell.end(known)
        names.go_past(before)


def _reshuffles(stage: Any) -> bool:
    """Tell whether one step of a dataset shuffles anew in each iteration, by what it says of itself."""
    return bool(
        getattr(stage, "_reshuffle_each_iteration", False)
        or getattr(stage, "_rerandomize_each_iteration", False)
    )


def _names(layers: list[Any]) -> str:
    return _listed([layer.name for layer in layers])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _unseeded_layer(model: Any) -> str | None:
    """Name a layer whose random numbers no seed reaches, None where there is none."""
    if line_of(model) != "tf_keras":
        return None
    layers = model._flatten_layers()  # noqa: SLF001 - no public name reaches layers in layers
    return next((layer.name for layer in layers if getattr(layer, "recurrent_dropout", 0)), None)
