"""``MultiWorkerMirroredStrategy``, with which Keras 3's ``fit`` works as it is."""

from __future__ import annotations

from typing import Any

from nbkeras.devices.leaving_early import let_iterators_be_left


def multi_worker_strategy() -> Any:
    """Join the cluster that ``TF_CONFIG`` names; it returns when all of its workers have.

    Keras 3.15 reduces two things in a way that TensorFlow 2.21 refuses (keras-team/keras#20585): the first
    batch, a nest of values, to learn its shapes; and the metrics of a step, scalars, along an axis that
    they do not have. The strategy that is returned gives both a meaning and is TensorFlow's own in all
    else; nothing of Keras is changed. Where Keras is mended one day, it is asked for neither. Iterators of
    its datasets may be left before their end (see `nbkeras.devices.leaving_early`).

    It must be made before any operation of TensorFlow in the process.
    """
    import tensorflow as tf

    class MultiWorkerMirroredStrategy(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]
        """TensorFlow's, whose ``reduce`` takes what Keras 3 hands it."""

        def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
            if tf.nest.is_nested(value):
                return tf.nest.map_structure(lambda each: self.experimental_local_results(each)[0], value)
            if axis == 0 and all(_is_scalar(each) for each in self.experimental_local_results(value)):
                axis = None
            return super().reduce(reduce_op, value, axis)

    strategy = MultiWorkerMirroredStrategy()
    let_iterators_be_left(strategy)
    return strategy


def _is_scalar(value: Any) -> bool:
    return bool(getattr(getattr(value, "shape", None), "rank", None) == 0)
