"""What no seed reaches is told by a cell's words."""

from __future__ import annotations

import pytest

from nbkeras.reproducibility.proof.source import Source
from nbkeras.reproducibility.unreached import unreached


@pytest.mark.parametrize(
    ("cell", "hash_seed", "words"),
    [
        ("rng = np.random.default_rng()", "", ["line 1, np.random.default_rng(): no seed reaches it"]),
        ("rng = np.random.default_rng(3)", "", []),
        ("rng = np.random.RandomState(seed=3)", "", []),
        ("import random\nrng = random.Random()", "", ["line 2, random.Random(): no seed reaches it"]),
        ("words = list(set(text))", "", ["line 1, set(text): texts in a set have another order"]),
        ("words = list(set(text))", "random", ["line 1, set(text): texts in a set have another order"]),
        ("words = list(set(text))", "0", []),
        ("words = sorted(set(text)); count = len(set(text))", "", []),
        ("x = np.random.normal(); y = tf.random.normal((3,))", "", []),
        ("no python", "", []),
    ],
)
def test_what_no_seed_reaches(cell, hash_seed, words, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    if hash_seed:
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
    found = list(unreached(Source(cell, {}), 7))
    assert len(found) == len(words)
    for said, expected in zip(found, words, strict=True):
        assert said.startswith(expected)


def test_the_mend_has_the_seed():
    (said,) = unreached(Source("rng = np.random.default_rng()", {}), 7)
    assert said.endswith(": np.random.default_rng(7)")
