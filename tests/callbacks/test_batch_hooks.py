"""Who gets the logs of a batch, and as what, on real fits of Keras 3."""

from __future__ import annotations

import numpy as np
import pytest

from nbkeras import runs
from nbkeras.callbacks.monitor import monitor_class

keras = pytest.importorskip("keras")


@pytest.fixture(autouse=True)
def no_log():
    runs.set_log(None)


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return model


X, Y = np.ones((64, 2), "float32"), np.ones((64, 1), "float32")


class Listening(monitor_class("keras")):
    """Notes what comes to the monitor."""

    def __init__(self):
        super().__init__(view=False)
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("train", batch, logs))
        super().on_train_batch_end(batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(("test", batch, logs))
        super().on_test_batch_end(batch, logs)


def fit(model, callbacks, **more):
    return model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=callbacks, **more)


def test_alone_it_gets_every_batch_unconverted(model):
    monitor = Listening()
    history = fit(model, [monitor], validation_data=(X[:16], Y[:16])).history
    assert [(mode, batch) for mode, batch, _ in monitor.seen] == 2 * (
        [("train", batch) for batch in range(8)] + [("test", batch) for batch in range(2)]
    )
    assert not any(isinstance(value, float) for _, _, logs in monitor.seen for value in logs.values())
    assert monitor.run.history == {name: pytest.approx(values) for name, values in history.items()}
    assert monitor.run.status == "finished"


def test_who_listens_to_batches_gets_numbers(model):
    seen = []
    # It sets the hook on itself, not in its class.
    other = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs))
    monitor = Listening()
    fit(model, [other, monitor], validation_data=(X[:16], Y[:16]))
    assert len(seen) == 16
    assert all(isinstance(value, float) for logs in seen for value in logs.values())
    # Nobody else listens to the validation's batches.
    kinds = {mode: {type(value) for value in logs.values()} for mode, _, logs in monitor.seen}
    assert kinds["train"] == {float}
    assert float not in kinds["test"]


def test_who_hears_of_the_beginnings_takes_the_ends_from_nobody(model):
    class Begins(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.began = []

        def on_train_batch_begin(self, batch, logs=None):
            self.began.append(batch)

    monitor, other = Listening(), Begins()
    fit(model, [other, monitor])
    assert other.began == 2 * list(range(8))
    assert [batch for _, batch, _ in monitor.seen] == other.began
    assert not any(isinstance(value, float) for _, _, logs in monitor.seen for value in logs.values())


def test_callbacks_of_epochs_do_their_work(model, tmp_path):
    monitor = Listening()
    fit(model, [keras.callbacks.CSVLogger(tmp_path / "log.csv"), keras.callbacks.TerminateOnNaN(), monitor])
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("fails", [False, True])
def test_a_list_of_the_users_own_is_given_back(model, fails):
    monitor = Listening()
    failing = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / (not fails))
    own = keras.callbacks.CallbackList([monitor, failing], add_history=True, model=model)
    if fails:
        with pytest.raises(ZeroDivisionError):
            fit(model, own)
        monitor.close(ZeroDivisionError())
    else:
        fit(model, own)
    assert not [name for name in vars(own) if name.endswith(("batch_begin", "batch_end"))]
    assert monitor.run.status == ("failed" if fails else "finished")


def test_evaluate_and_predict(model):
    monitor = Listening()
    result = model.evaluate(X, Y, verbose=0, callbacks=[monitor], return_dict=True)
    assert monitor.run.history == {name: [pytest.approx(value)] for name, value in result.items()}
    model.predict(X, verbose=0, batch_size=8, callbacks=[monitor])
    assert (monitor.run.kind, monitor.run.progress.done) == ("predict", 8)


def test_metrics_that_return_several_values(model):
    class Several(keras.metrics.Metric):
        def update_state(self, *args, **kwargs):
            pass

        def result(self):
            return {"low": keras.ops.zeros(()), "high": keras.ops.ones(())}

        def reset_state(self):
            pass

    model.compile(optimizer="sgd", loss="mse", metrics=[Several()])
    monitor = Listening()
    fit(model, [monitor])
    assert set(monitor.run.metrics) >= {"low", "high", "loss"}
    assert monitor.run.history["high"] == [1.0, 1.0]
