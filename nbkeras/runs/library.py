"""The public functions: all runs, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runs import exporting, registry
from nbkeras.runs.legible import legible
from nbkeras.runs.log import place, reader, writer
from nbkeras.runs.naming import DATE_AND_TIME
from nbkeras.runs.record import RunRecord
from nbkeras.runs.runlist import RunList
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

_SHOWN = 5  # So many runs are named in a refusal.


def all() -> RunList:
    """List all runs: those of this process, and those of the run log.

    A run of this process is live: its numbers grow as it trains. Any other is
    as the log knew it at this moment. A log that cannot be read is named in the
    list's `notes`.

    Example:
        >>> import nbkeras
        >>> [run.name for run in nbkeras.runs.all()]
        ['baseline', 'more dropout']

    Returns:
        The runs, newest last, in a list that prints as a table and has
        `to_frame()`.

    """
    notes = []
    stored: list[RunRecord] = []
    try:
        path = place.current()
        if path is not None:
            writer.flush(path)
            stored = [*reader.load(path)]
    except (Refusal, OSError) as error:
        notes.append(str(error))
    live = registry.live_runs()
    held = {run.id for run in live}
    runs = [*(run for run in stored if run.id not in held), *live]
    return RunList(sorted(runs, key=lambda run: run.created), notes)


def latest() -> RunRecord:
    """Find the newest run of this process; where it has none, the newest of the run log.

    Several notebooks of a folder share a log, and may train at the same time:
    the newest run of all, `all()[-1]`, may be another notebook's.

    Example:
        >>> import nbkeras
        >>> run = nbkeras.runs.latest()
        >>> run.name, run.status, sorted(run.history)
        ('more dropout', 'finished', ['loss', 'val_loss'])

    Returns:
        The run that began last.

    Raises:
        Refusal: When there is none.

    """
    found = all()
    if not found:
        raise Refusal(_none(found))
    here = {run.id for run in registry.live_runs()}
    return next((run for run in reversed(found) if run.id in here), found[-1])


def get(run: str | RunRecord) -> RunRecord:
    """Find one run.

    Example:
        >>> import nbkeras
        >>> nbkeras.runs.get("baseline").best_of("val_loss").value
        0.4

    Args:
        run: Its id, its name (of several runs of one name, the newest), or the
            beginning of its id if no other run's is the same; or a run, to have
            it as it is now.

    Returns:
        The run.

    Raises:
        Refusal: When there is none, or more than one id begins so.

    """
    return _find(all(), run)


def to_frame() -> Any:
    """Make a pandas table of all runs, one row a run.

    Example:
        >>> import nbkeras
        >>> nbkeras.runs.to_frame()["best.val_loss"].tolist()
        [0.4, 0.3]

    Returns:
        A DataFrame with the run's id as its index; its columns are name, kind,
        status, created (UTC), seconds, epochs, steps, a "best.<metric>" for
        each metric and a "parameters.<name>" for each parameter.

    Raises:
        Refusal: When pandas is not installed.

    """
    return all().to_frame()


def delete(runs: str | RunRecord | Iterable[str | RunRecord]) -> list[str]:
    """Delete runs from the run log, for good.

    Example:
        >>> import nbkeras
        >>> deleted = nbkeras.runs.delete("baseline")
        >>> [run.name for run in nbkeras.runs.all()]
        ['more dropout']

    Args:
        runs: One or more runs, each itself, by its id, by its name (of several
            runs of one name, the newest), or by the beginning of its id if that
            holds date and time, "20261123-165512", and is no other run's.

    Returns:
        The ids of what was deleted.

    Raises:
        Refusal: When one of them does not exist, is still under way, or is not
            named clearly enough; then nothing is deleted.

    """
    listed = all()
    found = [_find_surely(listed, run) for run in _each(runs)]
    for run in found:
        if run.live:
            raise Refusal(f"run {run.id} ({run.name}) is still {run.status}: stop it first")
    ids = [*dict.fromkeys(run.id for run in found)]
    path = place.current()
    if path is not None and ids:
        reader.remove(path, ids)
    registry.drop(ids)
    return ids


def export(
    path: str | os.PathLike[str], runs: str | RunRecord | Iterable[str | RunRecord] | None = None
) -> Path:
    """Write runs to a file, in place of what it held.

    Example:
        >>> import nbkeras
        >>> nbkeras.runs.export("runs.csv").name
        'runs.csv'

    Args:
        path: A name that ends in .csv, for one row a run (summary, best values,
            parameters), or in .json, for all that is known of each run but its
            series by step. In JSON, values that are not finite are the words
            "NaN", "Infinity" and "-Infinity".
        runs: One or more runs, each as in `get`; all when None.

    Returns:
        The file's absolute path.

    Raises:
        Refusal: When the name ends otherwise, or the file cannot be written.

    """
    listed = all()
    chosen = listed if runs is None else RunList([_find(listed, run) for run in _each(runs)])
    return exporting.write(chosen, path)


def log_path() -> Path | None:
    """Say where the run log is.

    By default it is `.nbkeras/runs.sqlite` beside the notebook, or, in a script,
    under the directory that is current when the first run begins.

    Example:
        >>> import nbkeras
        >>> nbkeras.runs.log_path().name
        'runs.sqlite'

    Returns:
        An absolute path, or None when the log is off.

    """
    return place.current()


def set_log(path: str | os.PathLike[str] | None) -> None:
    """Keep the run log in another file from the next run on, or keep none.

    Runs that are under way stay where they began.

    Example:
        >>> import nbkeras
        >>> nbkeras.runs.set_log("experiments/runs.sqlite")
        >>> nbkeras.runs.set_log(None)
        >>> nbkeras.runs.log_path() is None
        True

    Args:
        path: A file, made when the next run begins; None for no log.

    Raises:
        Refusal: When it is no path of a file.

    """
    try:
        is_file = path is None or not Path(path).expanduser().is_dir()
    except (TypeError, RuntimeError):  # No path at all, or the home of a user who is not there.
        is_file = False
    if not is_file:
        raise Refusal(
            f"expected the path of a file, or None for no log, received {path!r}: "
            "type  nbkeras.runs.set_log('runs.sqlite')"
        )
    place.choose(path)


def _each(runs: Any) -> list[Any]:
    if isinstance(runs, str | RunRecord):
        return [runs]
    try:
        return list(runs)
    except TypeError:
        raise Refusal(_no_name(runs)) from None


def _find(runs: RunList, run: Any) -> RunRecord:
    wanted = run.id if isinstance(run, RunRecord) else run
    if not isinstance(wanted, str):
        raise Refusal(_no_name(wanted))
    wanted = legible(wanted)
    called = [run for run in runs if run.id == wanted] or [run for run in runs if run.name == wanted]
    if called:
        return called[-1]
    begin_so = [run for run in runs if wanted and run.id.startswith(wanted)]
    if len(begin_so) == 1:
        return begin_so[0]
    if begin_so:
        raise Refusal(f"{len(begin_so)} runs begin with {wanted!r}: {_names(begin_so)}")
    if not runs:
        raise Refusal(_none(runs))
    raise Refusal("; ".join([f"no run {wanted!r}: there are {_names(runs)}", *runs.notes]))


def _find_surely(runs: RunList, wanted: Any) -> RunRecord:
    """Find a run that is to be lost: every id begins with a year, so a mistyped name could fit one."""
    run = _find(runs, wanted)
    is_whole = isinstance(wanted, RunRecord) or legible(wanted) in (run.id, run.name)
    if not is_whole and len(wanted) < len(DATE_AND_TIME):
        said = f"expected a whole name or id, received {wanted!r}, with which {run.id} ({run.name}) begins"
        raise Refusal(f"{said}: type  {run.id}")
    return run


def _no_name(received: Any) -> str:
    return f"expected the name or the id of a run, received {received!r}: nbkeras.runs.all() lists them"


def _names(runs: list[RunRecord]) -> str:
    names = ", ".join(f"{run.id} ({run.name})" for run in runs[: -_SHOWN - 1 : -1])
    return names if len(runs) <= _SHOWN else f"{names} and {len(runs) - _SHOWN} more"


def _none(runs: RunList) -> str:
    return "; ".join(["no runs yet: put %%fit above a cell that trains", *runs.notes])
