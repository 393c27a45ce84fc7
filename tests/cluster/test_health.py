"""When a worker is given up, from its signs of life alone: no process runs here."""

from __future__ import annotations

import time

import pytest

from nbkeras.cluster import cluster
from nbkeras.cluster import health as healths
from nbkeras.cluster.beats import BEAT
from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.health import Health, hanging
from nbkeras.cluster.served import ServedCluster

PATIENCE = 12.0


def worker(rank, *, state="runs", waits=True, frees=False, stood=15.0):
    """Return a worker that has been seen at one place for so long."""
    now = time.monotonic()
    signs = {"stack": 1, "done": 4, "waits": waits, "frees": frees, "place": 7, "busy": 2.0}
    return Health(rank, state, heard=now, since=now - stood, signs=signs)


DONE, WAITS, BUSY = {"state": "done"}, {}, {"waits": False}
LATELY = {"stood": 2.0}
FREES = {"waits": False, "frees": True}


@pytest.mark.parametrize(
    ("workers", "blamed", "said"),
    [
        ([WAITS, WAITS], None, ""),
        ([WAITS, BUSY], 1, "stood at one place for 15 s (line 7 of the cell) while the others waited"),
        ([LATELY, BUSY], None, ""),
        # The end of a dataset may take a minute (see beats.py).
        ([{"stood": 60.0}, {**FREES, "stood": 60.0}], None, ""),
        ([WAITS, FREES, BUSY], 2, "stood at one place for 15 s"),
        ([{"stood": 80.0}, {**FREES, "stood": 80.0}], 1, "stood at one place for 80 s"),
        ([BUSY, BUSY], None, ""),
        ([DONE, BUSY], 1, "stood at one place"),
        ([WAITS, DONE], 1, "has left the cell, and rank 0 has waited for it for 15 s"),
        ([LATELY, DONE], None, ""),
        ([DONE, DONE], None, ""),
        ([WAITS, BUSY, BUSY], 1, "stood at one place"),
        ([LATELY, BUSY, BUSY], None, ""),
        ([DONE, BUSY, BUSY], None, ""),
    ],
)
def test_who_is_waited_for_in_vain(workers, blamed, said):
    # Made here: how long ago a sign of life came counts from now.
    found = hanging([worker(rank, **each) for rank, each in enumerate(workers)], PATIENCE)
    rank, text = found or (None, "")
    assert rank == blamed
    assert said in text


@pytest.mark.parametrize(
    ("waits", "worked", "stands"), [(True, 0.0, True), (True, 0.1, False), (False, 0.9, True)]
)
def test_one_that_makes_steps_does_not_stand_where_it_is_seen(waits, worked, stands):
    """Short steps are seen at one place each time: in the operation of TensorFlow that makes them."""
    health = worker(0, waits=waits)
    health.hear({**health.signs, "busy": 2.0 + worked})
    assert (health.stood(time.monotonic()) > PATIENCE) == stands


class Dumb:
    """A process that lives and says nothing."""

    sockets, ending = (), None

    def __init__(self, rank):
        self.rank = rank

    def execute(self, _):
        return str(self.rank)

    def messages(self):
        return []

    def kill(self):
        """Be ended."""


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Cluster(2, patience=0.2), "rank 0 was not heard of for 0 s: its process stands still"),
        (lambda: ServedCluster(1, 1, patience=0.2), r"rank 0 \(coordinator\) was not heard of for 0 s"),
    ],
)
def test_one_that_stands_still_between_two_cells(made, said, monkeypatch):
    """Variables go out and come back, and cells begin, while no cell runs."""
    monkeypatch.setattr(healths, "SILENCE", 0.2)
    monkeypatch.setattr("nbkeras.cluster.served.SILENCE", 0.2)
    cluster = made()
    cluster._kernels = [Dumb(rank) for rank in range(cluster.size)]
    cluster.healths = [Health(rank) for rank in range(cluster.size)]
    with pytest.raises(WorkerFailure, match=said):
        cluster.request("1 + 1", watched=False)
    assert cluster.broken is not None


class Late(Dumb):
    """One that answers after the notebook itself has stood still."""

    def __init__(self, rank):
        super().__init__(rank)
        self._looks = 0

    def messages(self):
        self._looks += 1
        if self._looks == 3:
            for kind, content in (
                ("execute_reply", {"status": "ok"}),
                ("status", {"execution_state": "idle"}),
            ):
                yield {"parent_header": {"msg_id": "0"}, "header": {"msg_type": kind}, "content": content}


def test_a_notebook_that_stood_still_blames_nobody(monkeypatch):
    """Its machine was paused, or it was busy."""
    monkeypatch.setattr(healths, "SILENCE", 0.5)
    monkeypatch.setattr(healths, "_NEXT", 0.1)
    monkeypatch.setattr(
        Cluster, "_messages", lambda self: ((0, each) for each in self._kernels[0].messages())
    )
    cluster = Cluster(1, patience=0.5)
    cluster._kernels, cluster.healths = [Late(0)], [Health(0)]
    stands = [1.0]
    cluster.request("1 + 1", look=lambda: time.sleep(stands.pop() if stands else 0))
    assert cluster.broken is None


def test_who_fails_is_told_within_15_seconds():
    """What a worker that hangs or stands still is given, with its next sign of life and the next look."""
    given = max(Cluster()._patience, healths.SILENCE)
    assert given + 2 * BEAT + cluster._LOOK / 1000 <= 15
