"""The parts of the plain script of a cluster that are the same for every cell."""

from __future__ import annotations

# The line of plain seeds that a cell without --seed does not ask for, and what stands in its place.
DETERMINISM = "tf.config.experimental.enable_op_determinism()\n"
ONE_SEED = "# One seed for all workers: each epoch then has the same order of the data on all of them.\n"

# tf.keras means Keras 3 without it, also within TensorFlow's own code.
LEGACY = 'os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")\n'
BEFORE_TENSORFLOW = {"keras": "", "tf_keras": LEGACY}

SCRIPT = """\
{begin}
{before}import tensorflow as tf

RANK = json.loads(os.environ["TF_CONFIG"])["task"]["index"]

{strategy}
# Before anything else of TensorFlow's: it returns when all workers are there.
strategy = MultiWorkerMirroredStrategy()
tf.distribute.experimental_set_strategy(strategy)

{helpers}
{code}
"""

STARTS_ALL = '''\
"""Trains one model on several workers, which are processes of this script.

Started by itself, it starts all of them on this machine. On several machines, start it on each with
TF_CONFIG in its environment, the same addresses everywhere and an index of its own:

    TF_CONFIG='{{"cluster": {{"worker": ["a:2222", "b:2222"]}}, "task": {{"type": "worker", "index": 0}}}}'
    TF_CONFIG='{{"cluster": {{"worker": ["a:2222", "b:2222"]}}, "task": {{"type": "worker", "index": 1}}}}'
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time

WORKERS = {workers}
RETRIES = {retries}
{gpus}

def start_all():
    """Run all workers to their end; return 0 when that was a good one."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(WORKERS)]
    addresses = [f"127.0.0.1:{{each.getsockname()[1]}}" for each in sockets]
    for each in sockets:
        each.close()
    workers = []
    for rank in range(WORKERS):
        config = {{"cluster": {{"worker": addresses}}, "task": {{"type": "worker", "index": rank}}}}
        own = {{"TF_CONFIG": json.dumps(config), "STARTED_BY": str(os.getpid()){own_gpus}}}
        workers.append(subprocess.Popen([sys.executable, *sys.argv], env={{**os.environ, **own}}))
    try:
        while any(worker.poll() is None for worker in workers):
            if any(worker.poll() for worker in workers):
                break
            time.sleep(0.2)
    finally:
        # When one has failed, the others wait for it for ever, and hear no gentler signal.
        for rank, worker in enumerate(workers):
            if worker.poll():
                print(f"worker {{rank}} ended with exit code {{worker.returncode}}", file=sys.stderr)
            elif worker.poll() is None:
                worker.kill()
            worker.wait()
    return int(any(worker.returncode for worker in workers))


def end_with(starter):
    """End this process when the one that started it is gone, however that has ended."""
    while os.getppid() == starter:
        time.sleep(0.5)
    os._exit(1)


if "TF_CONFIG" not in os.environ:
    failed = start_all()
    while failed and RETRIES:
        RETRIES -= 1
        failed = start_all()
    sys.exit(failed)
if "STARTED_BY" in os.environ:
    threading.Thread(target=end_with, args=(int(os.environ["STARTED_BY"]),), daemon=True).start()
'''

TASK_OF_SLURM = """\
import json
import os

# Each task is a worker, and srun tells it which.
config = {
    "cluster": {"worker": os.environ["WORKER_ADDRESSES"].split(",")},
    "task": {"type": "worker", "index": int(os.environ["SLURM_PROCID"])},
}
os.environ["TF_CONFIG"] = json.dumps(config)
"""

_KERAS_3 = '''\

class MultiWorkerMirroredStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """TensorFlow's own, which also reduces what Keras 3 hands it (keras-team/keras#20585)."""

    def reduce(self, reduce_op, value, axis):
        if tf.nest.is_nested(value):
            # The first batch, from which Keras learns its shapes.
            return tf.nest.map_structure(lambda each: self.experimental_local_results(each)[0], value)
        if axis == 0 and all(each.shape.rank == 0 for each in self.experimental_local_results(value)):
            # The metrics of a step, which are numbers and have no axis.
            axis = None
        return super().reduce(reduce_op, value, axis)

    def experimental_distribute_dataset(self, dataset, options=None):
        # Keras leaves its first iterator before the end. TensorFlow 2.21 may read freed memory then, but
        # for a dataset that tf.data has rewritten.
        rewritten = tf.data.Options()
        rewritten.experimental_optimization.noop_elimination = True
        return super().experimental_distribute_dataset(dataset.with_options(rewritten), options)

'''
STRATEGIES = {
    "keras": _KERAS_3,
    "tf_keras": "MultiWorkerMirroredStrategy = tf.distribute.MultiWorkerMirroredStrategy\n",
}

FILES = '''\

def own(path):
    """Name a file of this worker: rank 0 writes where the code says, the others beside it."""
    if RANK == 0 or not isinstance(path, (str, os.PathLike)):
        return path
    folder, name = os.path.split(path)
    return os.path.join(folder, f"rank-{RANK}-{name}")

'''

TOGETHER = '''\

def together(backup):
    """Let rank 0 write the backups, and the others read them."""
    if RANK:
        backup.only_read()
    return backup

'''

ADDRESSES = """\
# A port for each task, so that tasks may share a node.
port=$((20000 + SLURM_JOB_ID % 20000))
WORKER_ADDRESSES=""
for host in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
    WORKER_ADDRESSES+="${WORKER_ADDRESSES:+,}$host:$port"
    port=$((port + 1))
done
export WORKER_ADDRESSES
"""

STARTS_TASKS = """\
# When one task fails, the others wait for it for ever.
srun --kill-on-bad-exit=1 python "$script"
"""

STARTS_TASKS_AGAIN = """\
# When one task fails, the others wait for it for ever. All start anew then, and go on from the last backup.
retries={retries}
until srun --kill-on-bad-exit=1 python "$script"; do
    code=$?
    [ "$retries" -gt 0 ] || exit "$code"
    echo "a task ended with exit code $code: all start anew; retries left: $((retries -= 1))" >&2
done
"""
