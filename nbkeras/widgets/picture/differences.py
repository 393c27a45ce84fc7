"""In what runs differ: parameters, environment, notes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbkeras.runs.record import RunRecord
    from nbkeras.runs.vocabulary import JSON

_VALUE_LENGTH = 80


def differences(runs: Sequence[RunRecord], labels: Sequence[str], *, limit: int) -> Table:
    """Return a row for each parameter, fact of the environment and note that not all runs share.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> runs = [Run("fit", "a", {"epochs": 5, "batch": 32}), Run("fit", "b", {"epochs": 9, "batch": 32})]
        >>> differences(runs, ["A", "B"], limit=10).rows
        (('epochs', '5', '9'),)

    Args:
        runs: the runs.
        labels: what the runs' columns are called.
        limit: the most rows.
    """
    facts = [dict(_facts(run)) for run in runs]
    names = dict.fromkeys(name for each in facts for name in each)
    rows = []
    for name in names:
        values = [each.get(name) for each in facts]
        if any(value != values[0] for value in values):
            shown = (numerals.MISSING if value is None else value for value in values)
            rows.append((wording.metric(name), *(wording.line(each, _VALUE_LENGTH) for each in shown)))
    return Table(("difference", *labels), tuple(rows[:limit]), max(0, len(rows) - limit))


def _facts(run: RunRecord) -> Iterator[tuple[str, str]]:
    """All that describes a run, as pairs of a name and a text."""
    yield "kind", run.kind
    yield from _flat("", run.parameters)
    yield from _flat("environment", run.environment)
    if run.notes:
        yield "notes", "; ".join(run.notes)


def _flat(name: str, value: JSON) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
