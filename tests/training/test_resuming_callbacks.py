"""What callbacks do beside the data: a resumed training is exact, or says that it is not."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras

SAMPLES, BATCH = 32, 8


def ending(keras, last):
    class Ending(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == self.last:
                raise KeyboardInterrupt

        def get_state(self):
            return {"steps": self.steps}

        def set_state(self, state):
            self.steps = state["steps"]

    made = Ending()
    made.last = last
    return made


@pytest.fixture
def fit(keras, tmp_path, capsys):
    """Train on batches whose order is drawn from NumPy's state; return the model, and what was said."""
    base = getattr(keras.utils, "PyDataset", keras.utils.Sequence)
    rows = np.random.default_rng(0).random((SAMPLES, 3)).astype("float32")

    class Batches(base):
        def __init__(self):
            if base.__name__ == "PyDataset":
                super().__init__()
            self.order = np.random.permutation(SAMPLES)  # noqa: NPY002 - as users draw
            self.seen = []

        def __len__(self):
            return SAMPLES // BATCH

        def __getitem__(self, index):
            part = self.order[index * BATCH : (index + 1) * BATCH]
            return rows[part], rows[part].sum(1, keepdims=True)

        def on_epoch_end(self):
            self.order = np.random.permutation(SAMPLES)  # noqa: NPY002 - as users draw
            self.seen.append(self.order.tolist())

    def fit(*callbacks, last=None, backup=True, every=2):
        keras.utils.set_random_seed(3)
        inputs = keras.layers.Input((3,))
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(4)(inputs)), name="net")
        model.compile("adam", "mse")
        data = Batches()
        first = [nbkeras.ExactBackup(tmp_path / "b", every=every)] if backup else []
        model.fit(data, epochs=4, verbose=0, callbacks=[*first, *callbacks, ending(keras, last)])
        return [np.asarray(each).tolist() for each in model.variables], data.seen, capsys.readouterr().out

    return fit


def drawing(keras, hook, count=1):
    class Drawing(keras.callbacks.Callback):
        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    # As a method of the class: what a LambdaCallback holds is the same.
    setattr(Drawing, hook, lambda self, place, logs=None: np.random.random(count))  # noqa: NPY002
    return Drawing()


@pytest.mark.costly("tf_keras")
@pytest.mark.parametrize(("hook", "count"), [("on_epoch_end", 1), ("on_epoch_begin", 900)])
def test_what_callbacks_draw_between_epochs_is_made_up_for(keras, fit, hook, count):
    expected, orders, _ = fit(drawing(keras, hook, count), backup=False)
    # In the third epoch, and again in the fourth: the second resume goes on from what the first has noted.
    for last in (11, 15):
        with pytest.raises(KeyboardInterrupt):
            fit(drawing(keras, hook, count), last=last)
    received, again, said = fit(drawing(keras, hook, count))
    assert "resumes at epoch 4, step " in said
    assert "not exact" not in said
    assert again == orders
    assert received == expected


def test_a_function_of_keras_s_lambda_callback_draws(keras, fit):
    def callback():
        return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: np.random.choice(9, 3))  # noqa: NPY002

    expected, *_ = fit(callback(), backup=False)
    with pytest.raises(KeyboardInterrupt):
        fit(callback(), last=11)
    received, _, said = fit(callback())
    assert received == expected
    assert "LambdaCallback has no get_state" in said


def test_what_is_drawn_between_batches_is_never_silent(keras, fit):
    def callback():
        return drawing(keras, "on_train_batch_end")

    with pytest.raises(KeyboardInterrupt):
        fit(callback(), last=11)
    _, _, said = fit(callback())
    assert "not exact: Drawing draws from NumPy's random state between batches" in said
    assert "not exact: the data drew other numbers from NumPy's random state than before" in said


def test_a_get_state_that_fails_later_ends_no_training(keras, fit, tmp_path):
    class Failing(keras.callbacks.Callback):
        asked = 0

        def get_state(self):
            self.asked += 1
            if self.asked > 2:
                raise ValueError("mine")
            return {}

        def set_state(self, state):
            pass

    _, orders, said = fit(Failing())
    assert len(orders) >= 4
    assert said.count("no backup: expected dicts and lists of numbers, texts and arrays from Failing") == 1
    # The one backup that could be made.
    assert [path.name for path in (tmp_path / "b").glob("*.json")] == ["backup-000001.json"]


def test_a_get_state_that_fails_at_once_is_refused_and_deletes_nothing(keras, fit, tmp_path):
    class Failing(keras.callbacks.Callback):
        def get_state(self):
            return {"a": object()}

        def set_state(self, state):
            pass

    with pytest.raises(KeyboardInterrupt):
        fit(last=5)
    before = sorted(path.name for path in (tmp_path / "b").glob("*.json"))
    with pytest.raises(nbkeras.Refusal, match=r"from Failing.get_state, received TypeError"):
        fit(Failing())
    assert sorted(path.name for path in (tmp_path / "b").glob("*.json")) == before
