"""All stages are one run for whoever looks on: its marks, and the time that is left."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Stage
from nbkeras.callbacks.recorder import Recorder
from nbkeras.widgets.protocol import Controls, keyframe

X = np.random.default_rng(0).normal(size=(48, 6, 6, 1)).astype("float32")
Y = np.arange(48) % 3


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_the_view_is_told_where_stages_begin_and_what_all_of_them_take(keras, make, monkeypatch):
    now, told = [0.0], []
    # The clock that the recorder reads: a step takes one second.
    monkeypatch.setitem(Recorder.__init__.__kwdefaults__, "clock", lambda: now[0])

    class Second(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            progress = nbkeras.runs.latest().progress
            told.append((progress.done, progress.remaining))
            # As tracing takes its time; it is no step's pace.
            now[0] += 100 * (progress.done == 28)

        def on_train_batch_end(self, batch, logs=None):
            now[0] += 1

    stages = [Stage("head", epochs=3), Stage("all", epochs=4, learning_rate=1e-3), Stage("head")]
    options = {"batch_size": 12, "stages": stages, "name": "whole", "quiet": True, "callbacks": [Second()]}
    result = nbkeras.fine_tune(make(), X, Y, **options)
    # Of 32 steps. Of a stage's first epoch nobody knows what its end will take, but of the last one.
    left = [(done, 32 - done) for done in (*range(5, 13), *range(17, 29), 30, 31)]
    assert [(done, pytest.approx(seconds)) for done, seconds in told if seconds is not None] == left
    shown = keyframe(result.run, 1, Controls()).content["run"]
    assert shown["events"] == [
        {"step": 0, "text": "stage 1 of 3: head, 1 layer, 12 parameters, rate 0.05"},
        {"step": 12, "text": "stage 2 of 3: head and all of base, 3 layers, 59 parameters, rate 0.001"},
        {"step": 28, "text": "stage 3 of 3: head, 1 layer, 12 parameters, rate 0.05"},
    ]
    assert any("net stays as stage 3 has left it" in note for note in shown["notes"])
    assert shown["name"] == "whole"
    assert not [note for note in shown["notes"] if "not used" in note]
    assert result.run.progress.remaining == 0
