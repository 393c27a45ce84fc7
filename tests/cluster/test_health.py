"""When a worker is given up, from its signs of life alone: no process runs here."""

from __future__ import annotations

import time

import pytest

from nbkeras.cluster.health import Health, hanging

PATIENCE = 12.0


def worker(rank, *, state="runs", waits=True, stood=15.0):
    """Return a worker that has been seen at one place for so long."""
    now = time.monotonic()
    signs = {"stack": 1, "done": 4, "waits": waits, "place": 7, "busy": 2.0}
    return Health(rank, state, heard=now, since=now - stood, signs=signs)


@pytest.mark.parametrize(
    ("workers", "blamed"),
    [
        ([worker(0), worker(1)], None),
        ([worker(0), worker(1, waits=False)], (1, "rank 1 stood")),
        ([worker(0, stood=2.0), worker(1, waits=False)], None),
        ([worker(0, waits=False), worker(1, waits=False)], None),
        ([worker(0, state="done"), worker(1, waits=False)], (1, "rank 1 stood")),
        ([worker(0), worker(1, state="done")], (1, "has left the cell, and rank 0 has waited for it for")),
        ([worker(0, stood=2.0), worker(1, state="done")], None),
        ([worker(0, state="done"), worker(1, state="done")], None),
    ],
)
def test_who_is_waited_for_in_vain(workers, blamed):
    found = hanging(workers, PATIENCE)
    assert (found is None) == (blamed is None)
    if blamed is not None:
        assert found[0] == blamed[0]
        assert blamed[1].removeprefix("rank 1 ") in found[1]


@pytest.mark.parametrize(
    ("waits", "worked", "stands"), [(True, 0.0, True), (True, 0.1, False), (False, 0.9, True)]
)
def test_one_that_makes_steps_does_not_stand_where_it_is_seen(waits, worked, stands):
    """Short steps are seen at one place each time: in the operation of TensorFlow that makes them."""
    health = worker(0, waits=waits)
    health.hear({**health.signs, "busy": 2.0 + worked})
    assert (health.stood(time.monotonic()) > PATIENCE) == stands
