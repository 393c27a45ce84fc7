"""The batch script by which Slurm runs a plain script on several machines."""

from __future__ import annotations

import re

_BATCH = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --output=%x-%j.out
# What your machines ask for besides: --time, --partition, --gres=gpu:1, --cpus-per-task.
set -euo pipefail

script="$PWD/training-$SLURM_JOB_ID.py"
{addresses}
cat > "$script" <<'END_OF_THE_SCRIPT'
{script}END_OF_THE_SCRIPT

{starts}"""


def batch_script(name: str | None, nodes: int, script: str, *, addresses: str, starts: str) -> str:
    """Return a script for ``sbatch`` that has a plain script within itself.

    Args:
        name: of the job; None for ``training``. What a name of Slurm can't have becomes ``-``.
        nodes: how many machines it asks for, with a task on each.
        script: the plain script; it ends with a new line.
        addresses: lines of bash that tell the tasks where each of them listens.
        starts: lines of bash that start the tasks with ``"$script"``.
    """
    job = re.sub(r"[^\w.-]+", "-", name or "training")
    return _BATCH.format(name=job, nodes=nodes, script=script, addresses=addresses, starts=starts)
