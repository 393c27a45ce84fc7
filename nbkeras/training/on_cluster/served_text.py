"""The parts of the plain script of a cluster with parameter servers that are the same for every cell."""

from __future__ import annotations

SCRIPT = """\
{begin}
{before}import tensorflow as tf

resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
if resolver.task_type != "chief":
    # A worker or a parameter server does what the chief asks for, until it is ended.
    tf.distribute.Server(
        resolver.cluster_spec(), job_name=resolver.task_type, task_index=resolver.task_id, protocol="grpc"
    ).join()

{imports}

{strategy}
# It returns when all tasks are there.
strategy = ParameterServerStrategy(resolver)
coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
tf.distribute.experimental_set_strategy(strategy)

{steps}
{code}
"""

STARTS_ALL = '''\
"""Trains one model with parameter servers, which keep the weights; a chief gives steps to workers.

Started by itself, it starts all of them on this machine. On several machines, start it on each with
TF_CONFIG in its environment, the same cluster everywhere and a task of its own, the chief's being
{{"type": "chief", "index": 0}}:

    TF_CONFIG='{{"cluster": {{"chief": ["a:2222"], "worker": ["b:2222", "c:2222"], "ps": ["d:2222"]}},
                "task": {{"type": "worker", "index": 1}}}}'

There workers and parameter servers serve until they are ended by hand, when the chief is done.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time

WORKERS = {workers}
SERVERS = {servers}
{gpus}

def start_all():
    """Run the chief to its end, and end the others then; return 0 when that was a good one."""
    numbers = {{"chief": 1, "worker": WORKERS, "ps": SERVERS}}
    tasks = [(kind, index) for kind, number in numbers.items() for index in range(number)]
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in tasks]
    cluster = {{kind: [] for kind in numbers}}
    for (kind, _), each in zip(tasks, sockets):
        cluster[kind].append(f"127.0.0.1:{{each.getsockname()[1]}}")
    for each in sockets:
        each.close()
    running = {{}}
    lost = 0
    try:
        for kind, index in tasks:
            config = {{"cluster": cluster, "task": {{"type": kind, "index": index}}}}
            own = {{"TF_CONFIG": json.dumps(config), "STARTED_BY": str(os.getpid()){own_gpus}}}
            command = [sys.executable, *sys.argv]
            running[kind, index] = subprocess.Popen(command, env={{**os.environ, **own}})
        chief = running.pop(("chief", 0))
        while chief.poll() is None:
            for (kind, index), each in list(running.items()):
                if each.poll() is not None:
                    print(f"{{kind}} {{index}} ended with exit code {{each.returncode}}", file=sys.stderr)
                    del running[kind, index]
                    lost += kind == "worker"
                    if kind == "ps" or lost == WORKERS:
                        return 1
            time.sleep(0.2)
        return chief.returncode
    finally:
        for each in [*running.values(), chief]:
            each.kill()
            each.wait()


def end_with(starter):
    """End this process when the one that started it is gone, however that has ended."""
    while os.getppid() == starter:
        time.sleep(0.5)
    os._exit(1)


if "TF_CONFIG" not in os.environ:
    sys.exit(start_all())
if "STARTED_BY" in os.environ:
    threading.Thread(target=end_with, args=(int(os.environ["STARTED_BY"]),), daemon=True).start()
'''

TASK_OF_SLURM = """\
import json
import os
import time

WORKERS = {workers}
addresses = os.environ["TASK_ADDRESSES"].split(",")
first = 1 + WORKERS
cluster = {{"chief": addresses[:1], "worker": addresses[1:first], "ps": addresses[first:]}}
# srun numbers workers and parameter servers; the chief is started without it.
number = int(os.environ["SLURM_PROCID"])
if os.environ.get("IS_CHIEF"):
    task = {{"type": "chief", "index": 0}}
elif number < WORKERS:
    task = {{"type": "worker", "index": number}}
else:
    task = {{"type": "ps", "index": number - WORKERS}}
os.environ["TF_CONFIG"] = json.dumps({{"cluster": cluster, "task": task}})
"""

IMPORTS = {"keras": "import keras", "tf_keras": "import tf_keras as keras"}

STRATEGIES = {
    "keras": '''\

class ParameterServerStrategy(tf.distribute.ParameterServerStrategy):
    """TensorFlow's own, whose data stay with the chief."""

    def experimental_distribute_dataset(self, dataset, options=None):
        return dataset

    def reduce(self, reduce_op, value, axis):
        if tf.nest.is_nested(value):
            # The first batch, from which Keras learns its shapes.
            return tf.nest.map_structure(lambda each: self.experimental_local_results(each)[0], value)
        return super().reduce(reduce_op, value, axis)

''',
    "tf_keras": '''\

class ParameterServerStrategy(tf.distribute.ParameterServerStrategy):
    """TensorFlow's own, whose data stay with the chief."""

    def __init__(self, resolver):
        super().__init__(resolver)
        # Or tf_keras lets each worker read all data.
        self._should_use_with_coordinator = False

    def experimental_distribute_dataset(self, dataset, options=None):
        return dataset

''',
}

_STEPS = '''\

def fetched(remote):
    """Return the result of a step; when its worker ends meanwhile, another one makes it again."""
    while True:
        try:
            return remote.fetch()
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
            # It raises what has happened where no worker can make the step.
            if coordinator.done():
                raise
            time.sleep(0.05)


def on_worker(step):
    """Let a step be made by whichever worker is free."""

    def made(batch):
        return strategy.run(step, args=(batch,))

    return tf.function(made, reduce_retracing=True)


class Steps:
    """Takes the place of the train_function that Keras would make."""

    def __init__(self, step):
        self.function = on_worker(step)
        self.under_way = []
        self.told = None

    def __call__(self, iterator):
        self.under_way.append(coordinator.schedule(self.function, args=(next(iterator),)))
        # Two steps for each worker are under way at a time; an earlier one tells the metrics.
        ahead = 2 * len(resolver.cluster_spec().as_dict()["worker"])
        while len(self.under_way) > (ahead if self.told else 0):
            self.told = fetched(self.under_way.pop(0))
        return self.told


def by_workers(model):
    """Let workers make the steps of a model's calls; other things are left as they are."""
    if not isinstance(model, keras.Model):
        return model

    def get_metrics_result():
        if tf.executing_eagerly():
            coordinator.join()
        return type(model).get_metrics_result(model)

    def predict_function(batches):
        (batch,) = batches if isinstance(batches, list) else (next(batches),)
        outputs = fetched(coordinator.schedule(predict, args=(batch,)))
        return tf.nest.map_structure(tf.convert_to_tensor, outputs)

    predict = on_worker(model.predict_step)
    model.predict_function = predict_function
    model.get_metrics_result = get_metrics_result
    if not isinstance(model.train_function, Steps):
        model.train_function = Steps({train})
        model.test_function = Steps({test})
    for each in (model.train_function, model.test_function):
        # Of an earlier call.
        each.under_way, each.told = [], None
    return model

'''
_COUNTED = '''\

def counted(model, step):
    """Add to metrics and to the count of steps where they are kept; Keras 3 reads, adds and writes back."""

    @tf.autograph.experimental.do_not_convert
    def counting(batch):
        # Of data without targets or weights, say.
        batch = keras.tree.map_structure(
            lambda each: None if isinstance(each, tf.experimental.Optional) else each, batch
        )
        added = [*model.metrics_variables, model.optimizer.iterations]
        before = [tf.identity(each.value) for each in added]
        with keras.StatelessScope(state_mapping=list(zip(added, before))) as scope:
            told = step(batch)
        for variable, old in zip(added, before):
            variable.value.assign_add(scope.get_current_value(variable) - old)
        known = {id(each) for each in added}
        for variable in [*model.variables, *model.optimizer.variables]:
            new = scope.get_current_value(variable)
            if new is not None and id(variable) not in known:
                variable.assign(new)
        return told

    return counting

'''
STEPS = {
    "keras": _COUNTED
    + _STEPS.replace("{train}", "counted(model, model.train_step)").replace(
        "{test}", "counted(model, model.test_step)"
    ),
    "tf_keras": _STEPS.replace("{train}", "model.train_step").replace("{test}", "model.test_step"),
}

ADDRESSES = """\
# The chief shares the first node; a port for each task, so that tasks may share others, too.
port=$((20000 + SLURM_JOB_ID % 20000))
TASK_ADDRESSES="$(hostname):$port"
for host in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
    port=$((port + 1))
    TASK_ADDRESSES+=",$host:$port"
done
export TASK_ADDRESSES
"""

STARTS_TASKS = """\
# Workers and parameter servers serve until the job ends, and the job ends with its chief.
srun python "$script" &
IS_CHIEF=1 CUDA_VISIBLE_DEVICES=-1 python "$script"
"""
