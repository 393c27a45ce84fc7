"""What is asked of TensorFlow to connect to a TPU: all of it, and in this file alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.devices import tensorflow_build
from nbkeras.devices.strategies import strategy_of

if TYPE_CHECKING:
    from nbkeras.devices.tpu.targets import Target

# Connecting to an address that is no TPU changes a process for good, may wait for ever, and may end it: so a
# process of its own does it first. To initialise the TPU there as well would take its time twice.
_REHEARSAL = """
import json, sys
import tensorflow as tf

name, zone, project = json.loads(sys.argv[1])
try:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name, zone=zone, project=project)
    tf.config.experimental_connect_to_cluster(resolver)
    kinds = [device.device_type for device in tf.config.list_logical_devices()]
    said = "" if any(kind.startswith("TPU") for kind in kinds) else "a server of TensorFlow, without a TPU"
except Exception as error:
    said = f"{type(error).__name__}: {error}"
print("nbkeras" + json.dumps(said))
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """TensorFlow's calls, in the order in which they are made."""

    def rehearse(self, target: Target, seconds: float) -> str:
        """Connect in another process, which is killed at the deadline; return why it failed, if it did."""
        arguments = json.dumps([target.name, target.zone, target.project])
        try:
            run = subprocess.run(  # noqa: S603 - our own Python and our own text
                [sys.executable, "-c", _REHEARSAL, arguments],
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return f"TensorFlow's connecting took longer than {seconds:.0f} s"
        answers = [line for line in run.stdout.splitlines() if line.startswith("nbkeras")]
        if not answers:
            last = run.stderr.strip().splitlines()[-1:] or ["nothing was said"]
            return f"TensorFlow's connecting ended its process with status {run.returncode} ({last[0][:200]})"
        return str(json.loads(answers[-1].removeprefix("nbkeras")))

    def resolver(self, target: Target) -> Any:
        """Make the resolver; nothing is connected by it."""
        tf = tensorflow_build.tensorflow()
        make = tf.distribute.cluster_resolver.TPUClusterResolver
        return make(target.name, zone=target.zone, project=target.project)

    def connect(self, resolver: Any) -> None:
        """Make the TPU's devices this process's own, and its host the default; of a local TPU they are.

        In the calling thread: the default device is that of a thread.
        """
        tensorflow_build.tensorflow().config.experimental_connect_to_cluster(resolver)

    def is_initialized(self, target: Target) -> bool:
        """Tell whether this process has initialised that TPU: to do it again deletes all variables there."""
        # TensorFlow 2.21 has no public name for it; TPUStrategy itself asks here.
        util = sys.modules.get("tensorflow.python.tpu.tpu_strategy_util")
        known = {} if util is None else util.get_initialized_tpu_systems()
        return target.name in known

    def initialize(self, resolver: Any) -> Literal[True]:
        """Initialise the TPU, which takes up to some ten seconds and deletes what was in it."""
        tensorflow_build.tensorflow().tpu.experimental.initialize_tpu_system(resolver)
        return True

    def strategy(self, resolver: Any) -> Any:
        """Return the strategy over all cores."""
        return tensorflow_build.tensorflow().distribute.TPUStrategy(resolver)

    def make_default(self, strategy: Any) -> None:
        """Let the models of all later cells be made under a strategy."""
        tensorflow_build.tensorflow().distribute.experimental_set_strategy(strategy)

    def without_tpu(self, kind: str) -> tuple[Any, str]:
        """Return the strategy that takes a TPU's place, and its name."""
        held = strategy_of("one", ("CPU:0",)) if kind == "cpu" else strategy_of("mirrored")
        return (None, "") if held is None else (held.strategy, held.words)
