"""``ParameterServerStrategy``, with which the ``fit`` of both Keras lines works as it is."""

from __future__ import annotations

from typing import Any


def parameter_server_strategy() -> Any:
    """Connect to the workers and parameter servers that ``TF_CONFIG`` names; it returns when all are there.

    Keras's ``fit`` asks a strategy to distribute its data. The one that is returned leaves them on the
    coordinator, from where they go to the workers batch by batch: each sample then comes once in an epoch,
    and all kinds of data can be given. It is TensorFlow's own in all else; nothing of Keras is changed.

    It must be made in a process of its own: the models that a process has before do not work under it.
    """
    import tensorflow as tf

    class ParameterServerStrategy(tf.distribute.ParameterServerStrategy):  # type: ignore[misc]
        """TensorFlow's, whose data stay with the coordinator."""

        def __init__(self, resolver: Any) -> None:
            super().__init__(resolver)
            # tf_keras 2.21 would read the data on each worker: it needs ``steps_per_epoch`` then, refuses
            # generators and ``predict``, and a sample comes several times in an epoch or not at all.
            self._should_use_with_coordinator = False

        def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
            # Keras 3 learns the shapes from the first batch, a nest of values (keras-team/keras#20585).
            if tf.nest.is_nested(value):
                return tf.nest.map_structure(lambda each: self.experimental_local_results(each)[0], value)
            return super().reduce(reduce_op, value, axis)

        def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
            del options
            return dataset

    return ParameterServerStrategy(tf.distribute.cluster_resolver.TFConfigClusterResolver())
