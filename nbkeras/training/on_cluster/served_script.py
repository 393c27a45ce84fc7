"""Writes the plain script that trains with parameter servers as a ``%%cluster`` cell does."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbkeras.runtime.keras_lines import active_line
from nbkeras.training.code_calls import PARAMETERS
from nbkeras.training.code_edits import Edit, Source
from nbkeras.training.on_cluster.options import refuse_on_servers
from nbkeras.training.on_cluster.plain import written_out
from nbkeras.training.on_cluster.plain_text import BEFORE_TENSORFLOW
from nbkeras.training.on_cluster.script_gpus import gpu_lines
from nbkeras.training.on_cluster.served_text import (
    ADDRESSES,
    IMPORTS,
    SCRIPT,
    STARTS_ALL,
    STARTS_TASKS,
    STEPS,
    STRATEGIES,
    TASK_OF_SLURM,
)
from nbkeras.training.on_cluster.slurm import batch_script
from nbkeras.training.plain_code import plain_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.cluster.prepared import Given
    from nbkeras.training.on_cluster.options import CellOptions


def served_script(
    cell: str, options: CellOptions, workers: int, servers: int, before: Sequence[Given] = ()
) -> str:
    """Return a script that starts all on this machine, or is one of them where ``TF_CONFIG`` is set.

    Args:
        cell: the source of the cell.
        options: of its line.
        workers: how many workers there are.
        servers: how many parameter servers.
        before: what the coordinator has been given before: cells are written out, variables named.

    Raises:
        Refusal: for an option that workers and parameter servers have no use for.
        SyntaxError: when a cell is no Python.
    """
    gpus = gpu_lines(["coordinator", *["worker"] * workers, *["parameter server"] * servers], "len(running)")
    return _script(cell, options, before, STARTS_ALL.format(workers=workers, servers=servers, **gpus))


def served_slurm_script(
    cell: str, options: CellOptions, workers: int, servers: int, before: Sequence[Given] = ()
) -> str:
    """Return a batch script for Slurm, one task for each worker and parameter server; ``sbatch`` takes it.

    Args:
        cell: see `served_script`.
        options: see there.
        workers: how many tasks compute.
        servers: how many tasks keep weights.
        before: see there.

    Raises:
        Refusal: see there.
        SyntaxError: see there.
    """
    script = _script(cell, options, before, TASK_OF_SLURM.format(workers=workers))
    nodes = workers + servers
    return batch_script(options.fit.name, nodes, script, addresses=ADDRESSES, starts=STARTS_TASKS)


def _script(cell: str, options: CellOptions, before: Sequence[Given], begin: str) -> str:
    refuse_on_servers(options.fit)
    line = active_line()
    body = plain_code(cell.strip("\n"), replace(options.fit, strategy=None), {})
    code = _by_workers("".join(map(written_out, before)) + body)
    script = SCRIPT.format(
        begin=begin,
        before=BEFORE_TENSORFLOW[line],
        imports=IMPORTS[line],
        strategy=STRATEGIES[line],
        steps=STEPS[line],
        code=code.strip("\n"),
    )
    # A line that only IPython understands, or that must stand at the top.
    compile(script, "script", "exec", dont_inherit=True)
    return script


def _by_workers(code: str) -> str:
    """Let workers make the steps of what is called ``fit``, ``evaluate`` or ``predict``."""
    source = Source(code)
    edits = []
    for call in ast.walk(ast.parse(code)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        owner = call.func.value
        # super().fit is inside a class that the outer call reaches.
        of_super = isinstance(owner, ast.Call) and getattr(owner.func, "id", "") == "super"
        if call.func.attr in PARAMETERS and not of_super:
            start, end = source.start(owner), source.end(owner)
            edits += [Edit(start, start, "by_workers("), Edit(end, end, ")")]
    return source.edited(edits)
