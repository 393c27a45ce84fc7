"""Writes what ``--pad`` does as plain Keras: the data of a fit, and a callback."""

from __future__ import annotations

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
COUNTED_ONCE = "CountedOnce()"
# Around the data of a fit.
BEFORE, AFTER = "whole_for_each(", ", tf.distribute.get_strategy().num_replicas_in_sync)"
