"""What ``--pad`` does to one ``fit``: an uneven batch goes whole to each replica, and counts once."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.counted_once import counted_once_class
from nbkeras.data.batch_steps import BATCHES, ONE_FOR_ONE, is_in_order, samples_in_one_pass, steps_behind
from nbkeras.data.tensors import LeftToKeras
from nbkeras.data.whole_batches import whole_for_each
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.distributing import samples_of, sharing_strategy
from nbkeras.training.seeded import feed_in_order, unshuffled

if TYPE_CHECKING:
    from nbkeras.training.calls import Call

_BY = "--pad"


@dataclass(frozen=True, slots=True)
class Padding:
    """Which batches of a ``fit`` go whole to each replica.

    Attributes:
        replicas: how many share the batches.
        length: batches of an epoch.
        share: samples that each takes of a batch that all share.
        every: whether all are uneven; else the last one is.
        note: what is said.
    """

    replicas: int
    length: int
    share: int
    every: bool
    note: str

    def begin(self, call: Call, seed: int) -> tuple[list[str], Any]:
        """Replace the data of the call; return what is said, and the callback that belongs to them.

        Args:
            call: the call; its data are arrays, or a dataset in their place.
            seed: what the orders of arrays follow from that Keras would shuffle.

        Raises:
            Refusal: for arrays that only Keras can take.
        """
        notes = [self.note]
        if not call.has_batches:
            notes += self._feed(call, seed)
        data = whole_for_each(call.get("x"), self.replicas, length=self.length, every=self.every)
        call.set("x", data)
        line = line_of(call.model) or active_line()
        return notes, counted_once_class(line)(self.length, self.share, every=self.every)

    @staticmethod
    def _feed(call: Call, seed: int) -> list[str]:
        if call.get("shuffle", default=True):
            said = feed_in_order(call, seed, by=_BY)
            if call.has_batches:
                return [said] if said else []
        try:
            unshuffled(call)
        except LeftToKeras as left:
            raise _other_data(str(left)) from None
        return []


def padding_of(call: Call, asked: int | None = None) -> tuple[Padding | None, list[str]]:
    """Return what is to be done to a call, None for nothing; and what is said where that is so.

    Args:
        call: any call; nothing of it is changed.
        asked: the batch size of ``--batch-size``.

    Raises:
        Refusal: for data of which it isn't known which batches are uneven.
    """
    if call.kind != "fit":
        return None, []
    strategy = sharing_strategy(call)
    if strategy is None:
        return None, [f"{_BY} changes nothing: no replicas share the batches"]
    _refuse(call, strategy)
    count = int(strategy.num_replicas_in_sync)
    if call.has_batches:
        size, length, last = _of_dataset(call.get("x"), call.batch_size)
    else:
        size = (call.batch_size if call.says("batch_size") or asked is None else asked) or DEFAULT_BATCH_SIZE
        samples = samples_of(call)
        if samples is None:
            raise _other_data(f"a {type(call.get('x')).__name__}")
        length = math.ceil(samples / size)
        last = samples - (length - 1) * size
    every = bool(size % count)
    if not every and last is not None and last % count == 0:
        return None, [f"{_BY} changes nothing: {count} replicas share each batch evenly"]
    once = f"whole to each of the {count} replicas, and counts once, by {_BY}"
    said = f"the last batch{'' if last is None else f', of {last},'} goes {once}"
    if every:
        near = size - size % count + count
        said = f"each batch, of {size}, goes {once}; batches of {near} would be shared, and be faster"
    return Padding(count, length, size // count, every, said), []


def _refuse(call: Call, strategy: Any) -> None:
    if "TPU" in type(strategy).__name__:
        raise Refusal(
            "pad: expected replicas on GPUs or CPUs, received a TPU, which is compiled for batches of one "
            "shape: write  batch(…, drop_remainder=True)"
        )
    # tf_keras's variable; on Keras 3 several replicas can't make several steps at once anyway.
    variable = getattr(call.model, "_steps_per_execution", None)
    steps = 1 if variable is None else int(variable.numpy())
    tuned = getattr(call.model, "autotune_steps_per_execution", False)
    if steps > 1 or tuned:
        raise Refusal(
            "pad: expected steps_per_execution=1, because each step is looked at, received "
            f"{'auto' if tuned else steps}: "
            "compile the model with steps_per_execution=1"
        )
    if call.says("steps_per_epoch"):
        raise Refusal(
            "pad: expected epochs that end with the data, received "
            f"steps_per_epoch={call.get('steps_per_epoch')}: leave it out"
        )


def _of_dataset(data: Any, size: int | None) -> tuple[int, int, int | None]:
    """Return samples in a batch, batches of an epoch, and samples in its last batch where they are known."""
    tf = sys.modules["tensorflow"]
    if not isinstance(data, tf.data.Dataset):
        raise _other_data(f"a {type(data).__name__}")
    specs = tf.nest.flatten(data.element_spec)
    if not all(isinstance(each, tf.TensorSpec) and each.shape.rank for each in specs):
        raise _other_data("a dataset of other things than dense tensors of known rank")
    length = int(data.cardinality())
    if length <= 0:
        raise _other_data(f"a dataset of {'infinite' if length == -1 else 'unknown'} length")
    static = {each.shape[0] for each in specs}
    if len(static) == 1 and None not in static:
        (whole,) = static
        return int(whole), length, int(whole)
    if size is None:
        raise _other_data("a dataset without batch")
    return size, length, _last_of(data, size)


def _last_of(data: Any, size: int) -> int | None:
    if not is_in_order(data):
        raise _other_data("a dataset with deterministic=False, whose uneven batch may come earlier")
    for name, step in steps_behind(data):
        if name in BATCHES:
            samples = samples_in_one_pass(step)
            return None if samples is None else samples - (math.ceil(samples / size) - 1) * size
        if name not in ONE_FOR_ONE:
            raise _other_data(f"a dataset with {name.lower()} behind its batch")
    raise _other_data("a dataset without batch")


def _other_data(received: str) -> Refusal:
    return Refusal(
        "pad: expected arrays, or a tf.data.Dataset that ends with batch (map, cache and prefetch may "
        f"follow), of which the uneven batch is known, received {received}: leave it out"
    )
