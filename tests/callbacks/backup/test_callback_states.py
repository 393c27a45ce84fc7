"""Which callbacks take part in a backup, and which are named or refused before training."""

from __future__ import annotations

import numpy as np
import pytest

from nbkeras import Refusal
from nbkeras.callbacks.backup.callback_states import read_callbacks, without_state, write_callbacks
from nbkeras.callbacks.backup.refusing import refuse_other_backups


def test_those_that_take_no_part_are_named(keras, monkeypatch):
    made = keras.callbacks

    class Mine(made.Callback):
        pass

    class Keeping(made.Callback):
        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    known = [made.EarlyStopping(), made.History(), made.LearningRateScheduler(print), Keeping()]
    assert without_state([*known, made.TerminateOnNaN()]) == []
    assert without_state([Mine(), made.LambdaCallback(on_epoch_end=print), Mine()]) == [
        f"{name} has no get_state: it begins anew when the training goes on"
        for name in ("Mine", "LambdaCallback")
    ]
    # One of Keras's that a later release brings.
    monkeypatch.setattr(Mine, "__module__", f"{keras.__name__}.src.callbacks.mine")
    [line] = without_state([Mine()])
    assert line.startswith("Mine is a callback of Keras's that nbkeras does not know")


def test_every_callback_of_keras_s_is_known(keras):
    made = [each for each in vars(keras.callbacks).values() if isinstance(each, type)]
    others = {"BackupAndRestore", "Callback", "CallbackList", "LambdaCallback"}
    bare = [kind.__new__(kind) for kind in made if kind.__name__ not in others]
    assert without_state(bare) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("OrbaxCheckpoint", {"best": 0.5, "_batches_seen_since_last_saving": 3, "_total_batches_seen": 7}),
        ("BaseLogger", {"seen": 32, "totals": {"loss": 1.5}}),
    ],
)
def test_what_they_count_is_kept(keras, name, fields):
    kind = getattr(keras.callbacks, name, None)
    if kind is None:
        assert (keras.__name__, name) in {("keras", "BaseLogger"), ("tf_keras", "OrbaxCheckpoint")}
        return
    one, other = kind.__new__(kind), kind.__new__(kind)
    for place, values in ((one, fields), (other, dict.fromkeys(fields, 0))):
        vars(place).update(values)
    write_callbacks([other], read_callbacks([one]), {})
    assert {key: getattr(other, key) for key in fields} == fields


def test_keras_s_own_backup_is_refused_in_any_dress(keras, tmp_path):
    class Dressed(keras.callbacks.BackupAndRestore):
        pass

    for kind in (keras.callbacks.BackupAndRestore, Dressed):
        with pytest.raises(Refusal, match=f"received {kind.__name__}: take it out"):
            refuse_other_backups([kind(str(tmp_path / "k"))])


def test_methods_that_fail_are_refused_by_name(keras):
    class Failing(keras.callbacks.Callback):
        def __init__(self, give, take):
            super().__init__()
            self.get_state, self.set_state = give, take

    def fail(*given):
        raise ValueError("mine,\nin two lines")

    with pytest.raises(
        Refusal, match=r"from Failing.get_state, received ValueError: mine, in two lines: mend"
    ):
        read_callbacks([Failing(fail, print)])
    with pytest.raises(Refusal, match=r"from Failing.get_state, received TypeError: .* received object"):
        read_callbacks([Failing(object, print)])
    callback = Failing(lambda: {"a": np.ones(2)}, fail)
    with pytest.raises(
        Refusal, match=r"Failing.set_state to take .* received ValueError: mine, in two lines"
    ):
        write_callbacks([callback], read_callbacks([callback]), {})
