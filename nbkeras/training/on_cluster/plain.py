"""Writes the plain script that trains as a ``%%cluster`` cell does, outside a notebook."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbkeras.runtime.keras_lines import active_line
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.code_edits import Edit, Source
from nbkeras.training.on_cluster.files import PLACES
from nbkeras.training.on_cluster.plain_text import (
    ADDRESSES,
    BEFORE_TENSORFLOW,
    DETERMINISM,
    FILES,
    ONE_SEED,
    SCRIPT,
    STARTS_ALL,
    STARTS_TASKS,
    STARTS_TASKS_AGAIN,
    STRATEGIES,
    TASK_OF_SLURM,
    TOGETHER,
)
from nbkeras.training.on_cluster.saving import METHODS
from nbkeras.training.on_cluster.script_gpus import gpu_lines
from nbkeras.training.on_cluster.slurm import batch_script
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbkeras.cluster.prepared import Given
    from nbkeras.training.on_cluster.options import CellOptions

# Where the plain code begins that makes an exact backup.
_BACKUP = "ExactBackup"


def plain_script(cell: str, options: CellOptions, workers: int, before: Sequence[Given] = ()) -> str:
    """Return a script that starts the workers on this machine, or is one of them where ``TF_CONFIG`` is set.

    Args:
        cell: the source of the cell.
        options: of its line.
        workers: how many there are.
        before: what the workers have been given before: cells are written out, variables named.

    Raises:
        Refusal: for an option that a script has no plain code for.
        SyntaxError: when a cell is no Python.
    """
    gpus = gpu_lines(["worker"] * workers, "rank")
    begin = STARTS_ALL.format(workers=workers, retries=options.retries, **gpus)
    return _script(cell, options, before, begin)


def slurm_script(cell: str, options: CellOptions, workers: int, before: Sequence[Given] = ()) -> str:
    """Return a batch script for Slurm, one task for each worker; ``sbatch`` takes it.

    Args:
        cell: see `plain_script`.
        options: see there.
        workers: how many tasks.
        before: see there.

    Raises:
        Refusal: see there.
        SyntaxError: see there.
    """
    script = _script(cell, options, before, TASK_OF_SLURM)
    starts = STARTS_TASKS_AGAIN.format(retries=options.retries) if options.retries else STARTS_TASKS
    return batch_script(options.fit.name, workers, script, addresses=ADDRESSES, starts=starts)


def _script(cell: str, options: CellOptions, before: Sequence[Given], begin: str) -> str:
    fit = options.fit
    if fit.max_time is not None:
        raise Refusal(
            "code: expected no --max-time beside it, because workers that each look at a clock of their own "
            f"stop at different steps and wait for ever, received {fit.max_time:g}s: leave it out"
        )
    if fit.restart:
        raise Refusal(
            "code: expected no --restart beside it, because each start of the script would delete the "
            "backups, received it: leave it out"
        )
    line = active_line()
    seeded = replace(fit, seed=1 if fit.seed is None else fit.seed, strategy=None)
    body = plain_code(cell.strip("\n"), seeded, {})
    if fit.seed is None:
        body = body.replace(DETERMINISM, ONE_SEED, 1)
    earlier = "".join(map(written_out, before))
    code = _with_own_files(f"{earlier}{body}")
    helpers = (FILES if "own(" in code else "") + (TOGETHER if "together(" in code else "")
    script = SCRIPT.format(
        begin=begin,
        before=BEFORE_TENSORFLOW[line],
        strategy=STRATEGIES[line],
        helpers=helpers,
        code=code.strip("\n"),
    )
    # A line that only IPython understands, or that must stand at the top.
    compile(script, "script", "exec", dont_inherit=True)
    return script


def written_out(given: Given) -> str:
    """Return what stands in a script for something that the workers were given before."""
    if given.cell:
        # Of its options, what counts for models that it has made.
        asked = {name: given.options[name] for name in ("seed", "mixed_precision") if name in given.options}
        cell = plain_code(given.cell.strip(), fit_options(**asked), {}) if asked else given.cell
        # A format is that of its cell alone.
        after = 'keras.mixed_precision.set_global_policy("float32")\n' if "mixed_precision" in asked else ""
        return f"# An earlier cell.\n{cell.strip()}\n{after}\n"
    return f"# From the notebook, by %cluster push; make or load here: {', '.join(given.variables)}\n\n"


def _with_own_files(code: str) -> str:
    """Let each worker write files of its own: one file written by two is broken."""
    source = Source(code)
    edits = []
    for call in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == _BACKUP:
            edits += _around(source, call, "together")
        elif name in PLACES or (name in METHODS and isinstance(call.func, ast.Attribute)):
            for path in _paths(call, PLACES.get(name, "filepath")):
                edits += _around(source, path, "own")
    return source.edited(edits)


def _around(source: Source, node: ast.expr, function: str) -> list[Edit]:
    start, end = source.start(node), source.end(node)
    return [Edit(start, start, f"{function}("), Edit(end, end, ")")]


def _paths(call: ast.Call, keyword: str) -> Iterator[ast.expr]:
    """Give the expression of the path that a callback or a method is given, if the call says one."""
    if call.args and not isinstance(call.args[0], ast.Starred):
        yield call.args[0]
    yield from (each.value for each in call.keywords if each.arg == keyword)
