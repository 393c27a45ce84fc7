"""What callbacks draw between epochs is noted, and set again where the data are brought to their place."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from nbkeras.callbacks.backup.boundaries import Boundaries, Retraced
from nbkeras.callbacks.backup.callback_draws import ends_with_epochs
from nbkeras.callbacks.backup.packing import pack, unpack


@pytest.fixture(autouse=True)
def state_of_others():
    held = random.getstate(), np.random.get_state()  # noqa: NPY002 - users' own
    yield
    random.setstate(held[0])
    np.random.set_state(held[1])  # noqa: NPY002


def begin():
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002


def draw(count):
    return [random.random(), *np.random.random(count)]  # noqa: NPY002, S311


def train(callbacks, epochs=4):
    """Draw data in each epoch and let callbacks draw at its end; return the data and what was noted."""
    begin()
    boundaries, data = Boundaries(), []
    for epoch in range(epochs):
        boundaries.around(epoch, "begin", lambda: None)
        data.append(draw(3))
        boundaries.around(epoch, "end", callbacks)
    form, arrays = pack(boundaries.state())
    return data, unpack(json.loads(json.dumps(form)), arrays), arrays


@pytest.mark.parametrize("count", [0, 1, 700])
def test_a_replay_draws_the_same_data(count):
    expected, noted, arrays = train(lambda: draw(count))
    begin()
    retraced, received = Retraced(noted), []
    for epoch in range(4):
        retraced.come(epoch, "begin")
        received.append(draw(3))
        retraced.come(epoch, "end")
    assert received == expected
    assert retraced.strayed() == []
    assert retraced.drawn() == {"python", "numpy"}
    # A draw or two moves only the place in the numbers: those are kept once.
    assert len(arrays) == {0: 1, 1: 2, 700: 5}[count]


def test_other_data_are_named():
    _, noted, _ = train(np.random.random)
    begin()
    retraced = Retraced(noted)
    for epoch in range(4):
        retraced.come(epoch, "begin")
        draw(3 + (epoch == 1))
        retraced.come(epoch, "end")
    [line] = retraced.strayed()
    assert line.startswith("not exact: the data drew other numbers from NumPy's random state than before")
    # Data that draw nothing are the same, whatever a callback draws between batches.
    begin()
    retraced = Retraced(noted)
    retraced.come(0, "end")
    assert retraced.strayed() == []
    assert retraced.drawn() == set()


def test_where_data_read_ahead_nothing_is_noted():
    boundaries = Boundaries(noted=False)
    boundaries.around(0, "end", lambda: draw(1))
    assert boundaries.state() == {"noted": [], "last": None}
    assert ends_with_epochs({"steps_per_epoch": None, "workers": 1})
    for given in ({"steps_per_epoch": 3}, {"validation_steps": 3}, {"workers": 2}):
        assert not ends_with_epochs(given)
