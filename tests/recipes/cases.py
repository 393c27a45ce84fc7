"""Which cases of a recipe's code run: its defaults, a pairwise grid, and the notebook's own things."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import chain, combinations, product
from typing import Any

from allpairspy import AllPairs

from nbkeras import recipes
from tests.recipes.worker import promises

# Every pair of values on both lines takes half an hour on two cores: `make grid` asks for them.
PAIRWISE = os.environ.get("GRID") == "pairwise"


@dataclass(frozen=True)
class Case:
    """One set of values on one line of Keras.

    ``fresh`` asks for a process of its own; ``setup`` is code that makes the notebook's variables.
    """

    recipe: str
    line: str
    values: dict[str, Any] = field(hash=False)
    setup: str = ""
    fresh: bool = False
    number: int = 0

    def __str__(self):
        return f"{self.recipe}-{self.line}-{self.number}"


def cases_of(name):
    """Return the cases of a recipe that run here: all of them by `make grid`, else the quick ones.

    A promise file says what has to hold in ``kept(values, variables, line)``. It may have
    ``before(values, variables)``, whose answer is ``variables["before"]``; ``OWN``, pairs of values and
    set-up code; ``fresh(values)``, true for a case that needs a process of its own;
    ``costly(values)``, true for one that takes long; and ``allowed(values)``, false for what makes no sense
    together.
    """
    recipe = recipes.get(name)
    grid = _grid(recipe, promises(name))
    return [case for case in every_case(name) if PAIRWISE or _is_quick(case, recipe, grid)]


def every_case(name):
    """Return the cases of a recipe that `make grid` runs."""
    recipe = recipes.get(name)
    promise = promises(name)
    grid = _grid(recipe, promise)
    sets = [({}, ""), *((values, "") for values in grid), *getattr(promise, "OWN", ())]
    fresh = getattr(promise, "fresh", lambda values: False)
    return [
        Case(name, line, values, setup, fresh({**recipe.defaults, **values}), number)
        for line in recipe.lines
        for number, (values, setup) in enumerate(sets)
    ]


def _is_quick(case, recipe, grid):
    """Tell the cases of `make test`: the defaults, and one of the notebook's own things on the first line.

    What needs a process of its own or takes long runs by its defaults on the first line.
    """
    is_default, is_first = not case.values, case.line == recipe.lines[0]
    costly = getattr(promises(recipe.name), "costly", lambda values: False)
    if case.fresh or costly({**recipe.defaults, **case.values}):
        return is_default and is_first
    return is_default or (is_first and len(grid) < case.number <= len(grid) + 1)


def _grid(recipe, promise):
    """Return sets of values in which each pair of values that may come together, and count, is once."""
    varied = [p for p in recipe.parameters if p.examples]
    defaults = {p.name: p.default for p in varied}
    allowed = getattr(promise, "allowed", lambda values: True)
    sets, seen = [defaults], set()
    for row in _rows([[p.default, *p.examples] for p in varied], limited=hasattr(promise, "allowed")):
        values = dict(zip(defaults, row, strict=True))
        complete = {**recipe.defaults, **values}
        pairs = set(combinations(values.items(), min(2, len(values))))
        if pairs <= seen or not allowed(complete):
            continue
        seen |= pairs
        # What does not count in a row is left as it is.
        found = {p.name: complete[p.name] if recipe.counts(p, complete) else p.default for p in varied}
        if found not in sets:
            sets.append(found)
    return sets[1:]


def _rows(columns, *, limited):
    """Return rows that have all pairs of the columns' values; all rows where not each is allowed."""
    if len(columns) < 2:
        return zip(*columns, strict=True)
    return chain(AllPairs(columns), product(*columns) if limited else ())
