"""More workers than the machine has memory for are refused before one is started."""

from __future__ import annotations

import pytest

from nbkeras import Refusal
from nbkeras.cluster.hosts.starting import cluster_maker, new_cluster
from nbkeras.cluster.memory import EACH, refuse_too_many


@pytest.fixture
def machine(tmp_path):
    """The files of a machine on which 3 processes have room."""
    path = tmp_path / "proc/meminfo"
    path.parent.mkdir()
    path.write_text(f"MemAvailable: {(3 * EACH + 2**20) // 1024} kB\n")
    return tmp_path


def test_what_the_free_memory_has_room_for(machine):
    refuse_too_many(3, root=machine)
    refuse_too_many(1, 2, root=machine)
    said = "--workers: expected 3 or fewer, because each process takes about 800 MB and 2.3 GB is free here"
    with pytest.raises(Refusal) as caught:
        refuse_too_many(4, root=machine)
    assert str(caught.value) == f"{said}, received 4: type  --workers 3, or give  --max-memory 4GB"
    with pytest.raises(Refusal, match=r"expected 1 or fewer, .* received 2: type  --workers 1, or give"):
        refuse_too_many(2, 2, root=machine)
    with pytest.raises(
        Refusal, match=r"expected another machine, .* received 1: end other programs, or give"
    ):
        refuse_too_many(1, 3, root=machine)


def test_what_the_user_allows(machine):
    refuse_too_many(40, max_memory="64GB", root=machine)
    with pytest.raises(Refusal, match=r"2 or fewer, .* and 2.0 GB is what --max-memory allows, received 3"):
        refuse_too_many(3, max_memory="2GB", root=machine)


def test_where_it_cannot_be_told_nothing_is_refused(tmp_path):
    refuse_too_many(10_000, root=tmp_path)


def test_a_cluster_is_refused_before_it_is_made(tmp_path):
    with pytest.raises(Refusal, match=r"--workers: expected .* received 9: .* or give  --max-memory 8GB"):
        new_cluster(9, max_memory="1GB")
    with pytest.raises(Refusal, match=r"--workers: expected .* received 1"):
        cluster_maker(1, ps=1, max_memory="1GB")
    with pytest.raises(Refusal, match="--max-memory: expected workers on this machine, received --hosts"):
        cluster_maker(hosts=tmp_path / "hosts", max_memory="1GB")
