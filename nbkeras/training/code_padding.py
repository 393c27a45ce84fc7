"""Writes what ``--pad`` does as plain Keras: the data of a fit, and a callback."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nbkeras.training.code_edits import Edit
from nbkeras.training.code_order import NAMES, Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.training.code_edits import Source

# As in nbkeras.data.whole_batches and nbkeras.callbacks.counted_once.
PADDED = '''\
def whole_for_each(batches, replicas):
    """Give the last batch of each epoch to each replica whole: a copy for each, one behind the other."""
    last = int(batches.cardinality()) - 1

    def copies(number, batch):
        times = tf.where(number == last, replicas, 1)
        return tf.data.Dataset.from_tensors(tf.nest.map_structure(lambda each: tiled(each, times), batch))

    def tiled(each, times):
        return tf.tile(each, tf.stack([times, *[1] * (each.shape.rank - 1)]))

    # flat_map hides the size of the batches: each is then cut into equal parts, whatever its size is.
    whole = batches.enumerate().flat_map(copies)
    whole = whole.apply(tf.data.experimental.assert_cardinality(last + 1))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return whole.with_options(options)


def parts(variable):
    """Return what each replica of this process has of a metric's variable."""
    return getattr(variable, "_value", variable).values


class CountedOnce(keras.callbacks.Callback):
    """Lets metrics count the last batch of an epoch once, which each replica has taken whole."""

    by_step = ()

    def others(self):
        """Give what the metrics of all replicas but the first have added up."""
        resolver = tf.distribute.get_strategy().cluster_resolver
        first = 1 if resolver is None or not resolver.task_id else 0
        for metric in self.model.metrics:
            if id(metric) not in self.by_step:
                for variable in metric.variables:
                    yield from parts(variable)[first:]

    def on_train_batch_begin(self, batch, logs=None):
        self.is_last = batch == self.params["steps"] - 1
        if self.is_last:
            self.before = {id(part): part.numpy() for part in self.others()}

    def on_train_batch_end(self, batch, logs=None):
        for part in self.others() if self.is_last else ():
            part.assign(self.before.get(id(part), tf.zeros_like(part)))
        if batch == 0 and not self.is_last:
            # A mean of one number for each step, which counts steps and no samples.
            means = [each for each in self.model.metrics if hasattr(each, "count")]
            self.by_step = {id(each) for each in means if parts(each.count)[0].numpy() == 1}
'''
# Added to the callback where there are backups.
ITS_STATE = """
    def get_state(self):
        return {"by_step": [n for n, each in enumerate(self.model.metrics) if id(each) in self.by_step]}

    def set_state(self, state):
        self.by_step = {id(self.model.metrics[n]) for n in state["by_step"]}
"""
COUNTED_ONCE = "CountedOnce()"
# Around the data of a fit.
BEFORE, AFTER = "whole_for_each(", ", tf.distribute.get_strategy().num_replicas_in_sync)"
_ARRAYS = ("x", "y", "sample_weight")


def in_their_own_order(
    given: Mapping[str, ast.expr | None], values: Mapping[str, Any], source: Source, *, size: int
) -> Order:
    """Write arrays that are not shuffled as a padded dataset, where that can be told.

    Args:
        given: the call's arguments as they stand in the text, None for those that stand elsewhere.
        values: what is known of them.
        source: the cell's text.
        size: samples in a batch where the call does not say.
    """
    nodes = {name: given.get(name) for name in _ARRAYS if values.get(name) is not None}
    split = values.get("validation_split") if values.get("validation_data") is None else None
    is_split = split not in (None, 0)
    fraction = given.get("validation_split") if is_split else None
    x = nodes.get("x")
    if x is None or (is_split and fraction is None) or not _can_be_written(nodes, values, is_split=is_split):
        said = "the data" if x is None else ast.unparse(x)
        return Order(comment=f"--pad is not written for such arrays: make {said} a tf.data.Dataset")
    order = Order()
    texts = [ast.unparse(node) for node in nodes.values() if node is not None]
    if fraction is not None:
        at = f"int(len({texts[0]}) * (1.0 - {ast.unparse(fraction)}))"
        order.new.append(f"validation_data=({', '.join(f'{each}[{at}:]' for each in texts)},)")
        order.edits.append(Edit(source.start(fraction), source.end(fraction), "0.0"))
        texts = [f"{each}[:{at}]" for each in texts]
    together = f"({', '.join(texts)})" if len(texts) > 1 else f"({texts[0]},)"
    batch = given.get("batch_size") if values.get("batch_size") is not None else None
    shown = str(size) if batch is None else ast.unparse(batch)
    data = f"{BEFORE}tf.data.Dataset.from_tensor_slices({together}).batch({shown}){AFTER}"
    for name, node in nodes.items():
        if node is not None:
            text = data if name == "x" else "None"
            order.edits.append(Edit(source.start(node), source.end(node), text))
    return order


def _can_be_written(
    nodes: Mapping[str, ast.expr | None], values: Mapping[str, Any], *, is_split: bool
) -> bool:
    if None in nodes.values() or ("sample_weight" in nodes and "y" not in nodes):
        return False
    if values.get("steps_per_epoch") is not None:
        return False
    # tf.data takes a list for a tensor, and dicts and tuples have no rows to be cut.
    cannot = (dict, list, tuple) if is_split else list
    if any(isinstance(values[name], cannot) for name in nodes):
        return False
    return not is_split or all(isinstance(node, NAMES) for node in nodes.values())
