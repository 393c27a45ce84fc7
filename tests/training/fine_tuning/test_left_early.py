"""A fine-tuning that an error, an interrupt or a refusal ends: what is left, and the way back."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import nbkeras
from nbkeras import Stage

X = np.random.default_rng(0).normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3
STAGES = [Stage("head", epochs=1), Stage("all", epochs=2, learning_rate=1e-3)]


def weights(model):
    return [np.array(each) for each in model.get_weights()]


def same(first, second):
    return all((a == b).all() for a, b in zip(first, second, strict=True))


@pytest.fixture
def stage_two(keras):
    """A callback that does something as the second stage's second step ends."""

    def make(act):
        class Act(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if nbkeras.runs.latest().progress.epoch == 2 and batch == 1:
                    act()

            def get_state(self):
                return {}

            def set_state(self, state):
                pass

        return Act()

    return make


@pytest.mark.costly("tf_keras")
def test_weights_that_are_no_numbers_go_into_no_other_stage(keras, make):
    model = make(keras.optimizers.SGD(0.1))
    before = weights(model)
    stages = [Stage("head", epochs=2, learning_rate=3e38), Stage("all", epochs=1)]
    guard = keras.callbacks.TerminateOnNaN()
    result = nbkeras.fine_tune(model, X, Y, stages=stages, callbacks=[guard], quiet=True)
    assert len(result.histories) == 1
    assert not np.isfinite(result.history["loss"][-1])
    result.undo()
    assert same(weights(model), before)


@pytest.mark.parametrize("how", ["error", pytest.param("interrupts", marks=pytest.mark.costly)])
@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
@pytest.mark.usefixtures("python_interrupts")
def test_an_error_in_the_second_stage_leaves_a_way_back(make, stage_two, how):
    def error():
        raise ValueError("no more")

    def interrupts():
        # The first one asks for the end of all stages, the second one raises at once.
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    model = make()
    before, optimizer = weights(model), model.optimizer
    raised, act = (ValueError, error) if how == "error" else (KeyboardInterrupt, interrupts)
    with pytest.raises(raised):
        nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True, callbacks=[stage_two(act)])
    run = nbkeras.runs.latest()
    assert run.status == ("failed" if how == "error" else "interrupted")
    assert run.epoch_numbers("loss") == [1]
    assert not same(before, weights(model))
    assert "as before the fine-tuning" in nbkeras.undo_fine_tuning(model)
    assert same(before, weights(model))
    assert model.optimizer is optimizer
    # And nothing stands in the way of another one.
    assert nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True).run.status == "finished"


def test_what_a_later_stage_cannot_do_is_refused_before_the_first(keras, make):
    class Named(keras.optimizers.SGD):
        def __init__(self, learning_rate=0.1, strength=1.0, **options):
            super().__init__(learning_rate, **options)
            self.strength = strength

    stages = [Stage("head"), Stage("all", early_stopping="val_accuracy:2")]
    for optimizer, options, words in (
        (None, {"stages": stages}, "this fit has no validation data"),
        (Named(0.1, 3.0), {}, "received Named without 'strength'"),
        (keras.optimizers.SGD(0.1), {"validation_split": 0.2, "x": "dataset"}, "give  validation_data"),
    ):
        model = make(optimizer)
        before, held = weights(model), model.optimizer
        data = {"x": X, "y": Y}
        if options.pop("x", None):
            import tensorflow as tf

            data = {"x": tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)}
        with pytest.raises(nbkeras.Refusal, match=words) as caught:
            nbkeras.fine_tune(model, **data, quiet=True, **options)
        assert "\n" not in str(caught.value)
        assert same(before, weights(model))
        assert model.optimizer is held


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_a_refusal_leaves_undo_where_it_was(make):
    model = make()
    before = weights(model)
    nbkeras.fine_tune(model, X, Y, stages=STAGES[:1], quiet=True)
    after, optimizer = weights(model), model.optimizer
    model.get_layer("base").trainable = True
    with pytest.raises(TypeError, match="unheard_of"):
        nbkeras.fine_tune(model, X, Y, stages=STAGES, quiet=True, unheard_of=1)
    # Of Keras itself, in the first stage's first step.
    with pytest.raises(ValueError, match=r"[Ss]hape|[Ii]ncompatible"):
        nbkeras.fine_tune(model, X[:, :2, :2], Y, stages=STAGES, quiet=True)
    assert same(after, weights(model))
    assert all(each.trainable for each in model.layers)
    assert model.optimizer is optimizer
    nbkeras.undo_fine_tuning(model)
    assert same(before, weights(model))


@pytest.mark.costly
def test_a_resume_with_other_arguments_is_refused_and_changes_nothing(make, stage_two):
    def stop():
        nbkeras.runs.latest().control.stop("stop button")

    def cell(model, stages, act=lambda: None):
        kept = {"backup": "backups", "every": 1, "seed": 3, "quiet": True}
        return nbkeras.fine_tune(model, X, Y, stages=stages, callbacks=[stage_two(act)], **kept)

    first = make()
    before = weights(first)
    assert cell(first, STAGES, stop).run.status == "stopped"
    stopped = weights(first)
    for stages in (
        [STAGES[0], Stage("c2", epochs=2, learning_rate=1e-3)],
        [Stage("all", epochs=1), STAGES[1]],
        [Stage("head", epochs=3), STAGES[1]],
    ):
        # In the same notebook, and in a new one.
        for model in (first, make()):
            at, optimizer = weights(model), model.optimizer
            with pytest.raises(nbkeras.Refusal, match="restart") as caught:
                cell(model, stages)
            assert "\n" not in str(caught.value)
            assert same(at, weights(model))
            assert model.optimizer is optimizer
    assert same(stopped, weights(first))
    # Nothing of the backups has changed, and undo leads to the weights before the first process.
    last = make()
    last.set_weights(stopped)
    result = cell(last, STAGES)
    assert result.run.status == "finished"
    result.undo()
    assert same(before, weights(last))
