"""Which cases of a recipe's code run: its defaults, a pairwise grid, and the notebook's own things."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
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
    """Return all cases of a recipe.

    A promise file says what has to hold in ``kept(values, variables, line)``. It may have
    ``before(values, variables)``, whose answer is ``variables["before"]``; ``OWN``, pairs of values and
    set-up code; ``fresh(values)``, true for a case that needs a process of its own; and
    ``allowed(values)``, false for what makes no sense together.
    """
    recipe = recipes.get(name)
    promise = promises(name)
    grid = _grid(recipe, promise)
    sets = [({}, ""), *((values, "") for values in grid), *getattr(promise, "OWN", ())]
    fresh = getattr(promise, "fresh", lambda values: False)
    cases = [
        Case(name, line, values, setup, fresh({**recipe.defaults, **values}), number)
        for line in recipe.lines
        for number, (values, setup) in enumerate(sets)
    ]
    return [case for case in cases if PAIRWISE or _is_quick(case, recipe, grid)]


def _is_quick(case, recipe, grid):
    """Tell the cases of `make test`: the defaults, and the notebook's own things on the first line.

    What needs a process of its own runs by its defaults on the first line.
    """
    is_default, is_first = not case.values, case.line == recipe.lines[0]
    if case.fresh:
        return is_default and is_first
    return is_default or (is_first and case.values not in grid)


def _grid(recipe, promise):
    varied = [p for p in recipe.parameters if p.examples]
    allowed = getattr(promise, "allowed", lambda values: True)
    columns = [[p.default, *p.examples] for p in varied]
    if len(columns) == 1:
        rows = [[value] for value in columns[0]]
    elif columns:
        rows = [list(row) for row in AllPairs(columns)]
    else:
        rows = []
    sets = [dict(zip((p.name for p in varied), row, strict=True)) for row in rows]
    return [
        values
        for values in sets
        if values != {p.name: p.default for p in varied} and allowed({**recipe.defaults, **values})
    ]
