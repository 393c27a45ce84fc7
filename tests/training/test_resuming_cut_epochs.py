"""An epoch that was cut by an interrupt leaves nothing behind that the whole training would not have."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

import nbkeras

pytestmark = pytest.mark.usefixtures("python_interrupts")


@pytest.fixture
def cell(keras, monkeypatch, tmp_path):
    """Run a cell whose loss of validation is lowest in the midst of an epoch; return what it has come to."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    x, y = np.ones((6, 1)), np.array([1, 1, 1, -3, -3, -3.0])[:, None]

    class Interrupting(keras.callbacks.Callback):
        def __init__(self, step, validation):
            super().__init__()
            self.left, self.validation = step, validation

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)

        def on_test_end(self, logs=None):
            self.validation -= 1
            if self.validation == 0:
                signal.raise_signal(signal.SIGINT)
                # As the monitor does when it next looks.
                self.model.stop_training = True

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    def cell(place, *, step=99, validation=99, every="epoch"):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / place)
        each = keras.callbacks.ModelCheckpoint("{epoch}.weights.h5", save_weights_only=True)
        options = {"checkpoint": "best.keras", "csv": "log.csv", "tensorboard": "events"}
        with nbkeras.fitting(quiet=True, backup="b", every=every, **options) as armed:
            dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
            model = keras.Sequential([keras.layers.Input((1,)), dense])
            model.compile(keras.optimizers.SGD(0.1), "mse")
            given = {"batch_size": 1, "epochs": 3, "shuffle": False, "validation_data": (x[:3], y[:3])}
            history = model.fit(x, y, **given, callbacks=[Interrupting(step, validation), each])
        best = keras.models.load_model("best.keras").get_weights()[0].item()
        files = sorted(path.name for path in Path().glob("*.h5"))
        curves = [Path("log.csv").read_text(), *events(Path("events") / armed.run.id)]
        said = "\n".join(armed.run.notes)
        return model.get_weights()[0].item(), history.history, best, files, curves, said

    return cell


def events(folder):
    """What TensorBoard's own reader finds: the epoch and the value of each loss."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = [EventAccumulator(str(folder / part)).Reload() for part in ("train", "validation")]
    # Sorted: of files that were begun in one second it reads "…10.v2" before "…9.v2".
    return [
        sorted((each.step, str(each.tensor_proto)) for each in part.Tensors("epoch_loss")) for part in read
    ]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_best_checkpoint_is_as_without_the_interrupt(cell):
    *expected, _ = cell("whole")
    *_, best, files, _, said = cell("cut", step=8, every=2)
    # The weights of the first epoch's end: those in the midst of the second one would have been better.
    assert best == expected[2] < 0
    assert files == ["1.weights.h5"]
    assert "the epoch was cut: ModelCheckpoint saved nothing at its end" in said
    *received, _ = cell("cut")
    assert received == expected


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_an_interrupt_in_the_validation_ends_no_training(cell):
    *expected, _ = cell("whole")
    _, history, *_ = cell("cut", validation=2, every=1)
    assert len(history["loss"]) == 2
    *received, said = cell("cut")
    assert "resumes at the end of epoch 2" in said
    assert received == expected
