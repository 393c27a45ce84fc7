"""``--checkpoint`` keeps the best epoch, and not the last one."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.mark.parametrize("judge", ["val_loss", "val_accuracy"])
def test_a_last_epoch_that_is_worse_is_not_kept(keras, data, tmp_path, judge):
    x, y = data
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    best_weights = []

    class Jump(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                best_weights.extend(self.model.get_weights())
                # Away from the labels, and so worse by all measures.
                self.model.set_weights([-50 * weights for weights in best_weights])
                self.model.optimizer.learning_rate = 1e-6

    options = {"early_stopping": f"{judge}:9", "restore_best": False, "checkpoint": tmp_path / "best.keras"}
    with nbkeras.fitting(quiet=True, **options) as session:
        history = model.fit(x, y, epochs=5, validation_data=data, callbacks=[Jump()]).history
    best = session.run.best_of(judge)
    assert best.at <= 3
    assert best.value == (max if judge == "val_accuracy" else min)(history[judge])
    assert history[judge][-1] != pytest.approx(best.value, rel=0.05)
    loaded = keras.models.load_model(tmp_path / "best.keras")
    values = loaded.evaluate(x, y, verbose=0, return_dict=True)
    assert values[judge.removeprefix("val_")] == pytest.approx(best.value, rel=1e-4)
    if best.at == 3:
        for kept, then in zip(loaded.get_weights(), best_weights, strict=True):
            np.testing.assert_allclose(kept, then, rtol=1e-6)
