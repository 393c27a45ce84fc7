"""`nbkeras.track` around hand-written loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal
from nbkeras.runs.registry import live_runs


def test_a_gradient_tape_loop(keras, data):
    import tensorflow as tf

    x, y = data
    batches = tf.data.Dataset.from_tensor_slices((x, y.astype("float32"))).batch(32)
    model = keras.Sequential([keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.01)
    loss = keras.metrics.Mean(name="loss")
    means = []
    tracked = nbkeras.track(batches, epochs=3, metrics=[loss], optimizer=optimizer, view=False)
    for epoch in tracked:
        for features, labels in epoch:
            with tf.GradientTape() as tape:
                error = tf.reduce_mean((model(features, training=True)[:, 0] - labels) ** 2)
            gradients = tape.gradient(error, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            loss.update_state(error)
        means.append(float(loss.result()))
        epoch.log(val_loss=epoch.number / 10)
    run = tracked.run
    assert run.kind == "loop"
    assert run.status == "finished"
    assert run.history == {"loss": means, "val_loss": [0.1, 0.2, 0.3]}
    assert run.progress.done == 9
    assert run.progress.learning_rate == pytest.approx(0.01)


def test_stop_ends_both_loops():
    seen = []
    tracked = nbkeras.track(range(10), epochs=5, view=False)
    for epoch in tracked:
        for batch in epoch:
            seen.append(batch)
            epoch.log(loss=batch)
            if len(seen) == 13:
                tracked.run.control.stop("stop button")
    assert seen == [*range(10), 0, 1, 2]
    assert tracked.run.status == "stopped"
    assert tracked.run.reason == "stop button"


def test_what_is_no_number_is_said_once():
    tracked = nbkeras.track(range(3), epochs=2, view=False)
    for epoch in tracked:
        for batch in epoch:
            epoch.log(loss=batch, by_class=np.ones(3), word="good")
    assert tracked.run.history == {"loss": [2.0, 2.0]}
    assert tracked.run.notes == [
        "by_class is not shown: expected a number, received ndarray of shape (3,)",
        "word is not shown: expected a number, received str",
    ]


def test_break_closes_the_run():
    tracked = nbkeras.track(range(3), epochs=5, view=False)
    for epoch in tracked:
        if epoch.number == 2:
            break
    assert tracked.run.status == "stopped"


def test_unknown_length_is_learnt_in_the_first_epoch():
    class Endless:
        def __iter__(self):
            return iter([1, 2, 3])

    tracked = nbkeras.track(Endless(), epochs=2, view=False)
    for epoch in tracked:
        for _ in epoch:
            pass
    assert tracked.run.progress.steps == 3


@pytest.mark.parametrize("dataset", [itertools.count, lambda: [1, 2, 3, 4]], ids=["endless", "longer"])
def test_steps_end_an_epoch(dataset):
    tracked = nbkeras.track(Again(dataset), epochs=2, steps=3, view=False)
    assert [len(list(epoch)) for epoch in tracked] == [3, 3]
    assert (tracked.run.status, tracked.run.progress.done) == ("finished", 6)


class Again:
    """Data that begin anew with each epoch."""

    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return iter(self.make())


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(Refusal, match="epochs: expected a whole number"):
        nbkeras.track([], epochs=0)
    with pytest.raises(Refusal, match="received a generator that ends once"):
        nbkeras.track((n for n in range(3)), epochs=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dataset": 5}, "track: expected data to iterate over, received 5"),
        ({"dataset": None}, "track: expected data to iterate over, received None"),
        ({"metrics": ["loss"]}, "metrics: expected Keras metrics, received 'loss'"),
        ({"metrics": "loss"}, "metrics: expected Keras metrics, received 'loss'"),
        ({"metrics": {"loss": 0.5}}, "metrics: expected Keras metrics, received 0.5"),
        ({"metrics": 5}, "metrics: expected Keras metrics, received 5"),
        ({"steps": 0}, "steps: expected a whole number of 1 or more, received 0"),
    ],
)
def test_a_refused_loop_begins_no_run(arguments, words):
    before = live_runs()
    with pytest.raises(Refusal) as caught:
        nbkeras.track(**{"dataset": [1], **arguments})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert live_runs() == before


def test_metrics_of_one_name_are_refused(keras):
    with pytest.raises(Refusal, match="received 'mean' twice"):
        nbkeras.track([1], metrics=[keras.metrics.Mean(name="mean"), keras.metrics.Mean(name="mean")])


def test_one_metric_needs_no_list(keras):
    loss = keras.metrics.Mean(name="loss")
    tracked = nbkeras.track([1.0, 2.0], metrics=loss, view=False)
    for epoch in tracked:
        for batch in epoch:
            loss.update_state(batch)
    assert tracked.run.history == {"loss": [1.5]}
