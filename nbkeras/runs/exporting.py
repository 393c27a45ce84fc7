"""Runs as files for other programs."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.record import RunRecord
    from nbkeras.runs.runlist import RunList


def write(runs: RunList, path: str | os.PathLike[str]) -> Path:
    """Write runs to a .csv or .json file; it is there whole, or not at all.

    Raises:
        Refusal: When the name ends otherwise, or the file cannot be written.

    """
    try:
        target = Path(path).expanduser().absolute()
    except (TypeError, RuntimeError):
        raise Refusal(f"expected the path of a .csv or .json file, received {path!r}") from None
    form = _FORMS.get(target.suffix.lower())
    if form is None:
        raise Refusal(f"expected a file name that ends in .csv or .json, not {str(path)!r}")
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        form(runs, partial)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Refusal(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def _csv(runs: RunList, path: Path) -> None:
    rows = runs.rows()
    columns = dict.fromkeys(column for row in rows for column in row)
    # A metric or a parameter may hold what UTF-8 has no bytes for.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _json(runs: RunList, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(_plain([_everything(run) for run in runs]), file, indent=1, default=str)
        file.write("\n")


_FORMS: dict[str, Callable[[RunList, Path], None]] = {".csv": _csv, ".json": _json}


def _everything(run: RunRecord) -> dict[str, Any]:
    more: dict[str, Any] = {
        "reason": run.reason,
        "ended": run.ended,
        "parameters": run.parameters,
        "environment": run.environment,
        "notes": run.notes,
        "events": [asdict(event) for event in run.events],
        "history": {
            name: {"epochs": run.epoch_numbers(name), "values": values}
            for name, values in run.history.items()
        },
    }
    return run.summary() | more


def _cell(value: Any) -> Any:
    return json.dumps(value, default=str) if isinstance(value, dict | list) else value


def _plain(value: Any) -> Any:
    # JSON has no NaN and no infinity: they become the words that JavaScript has for them.
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
