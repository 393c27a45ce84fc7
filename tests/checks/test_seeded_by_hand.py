"""NBK101 and NBK102: what they need to be said, what they say, and what mends."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import tensorflow as tf

import nbkeras
from nbkeras.checks.finding import Finding
from nbkeras.checks.passes import UNKNOWN, Passes
from nbkeras.checks.seeded_by_hand import global_seed, same_noise, same_order

TABLE = Path(nbkeras.__file__).parents[1] / "docs" / "checks.md"


@pytest.fixture(autouse=True)
def no_seed():
    tf.random.set_seed(None)
    yield
    tf.random.set_seed(None)


def test_the_seed_that_is_set_is_told_and_nothing_is_drawn():
    assert global_seed() is None
    tf.random.set_seed(4)
    first = float(tf.random.normal(()))
    tf.random.set_seed(4)
    assert global_seed() == 4
    assert float(tf.random.normal(())) == first


@pytest.mark.parametrize(
    ("passes", "seed", "found"),
    [
        (Passes("keras", 4, 3), 7, True),
        (Passes("keras", 4, 3), 0, True),
        (Passes("keras", 4, 3), None, False),
        (Passes("tf_keras", 4, 3), 7, False),
        (Passes("keras", 4, 1), 7, False),
        # The order within one batch decides nothing.
        (Passes("keras", 1, 3), 7, False),
        (Passes("keras", 8, 2, steps=4), 7, False),
        (Passes("keras", 8, 3, steps=4), 7, True),
    ],
)
def test_one_order(passes, seed, found):
    finding = same_order(passes, size=16, seed=seed)
    assert (finding is not None) is found
    if finding is not None:
        assert isinstance(finding, Finding)
        assert finding.severity == "warning"
        assert f"seed {seed}, {passes.epochs} epochs of {passes.batches} batches" in str(finding)
        assert ".batch(16)" in finding.fix


def noisy():
    return tf.data.Dataset.range(6).map(lambda i: tf.cast(i, tf.float32) + tf.random.normal((), seed=1))


@pytest.mark.parametrize(
    ("passes", "words"),
    [
        (Passes("keras", 6, 3), "steps_per_epoch=len(ds)"),
        (Passes("tf_keras", 6, 3), "steps_per_epoch=len(ds)"),
        (Passes("keras", 6, 4, steps=2), "steps_per_epoch=2"),
        (Passes("keras", UNKNOWN, 3), "tf.random.Generator.from_seed"),
        (Passes("keras", 6, 3, at_once=4), "steps_per_execution=4"),
        (Passes("keras", 6, 1), None),
        (Passes("keras", 6, 2, steps=2), None),
    ],
)
def test_one_noise(passes, words):
    finding = same_noise(passes, noisy())
    assert (finding is None) is (words is None)
    if words is not None:
        assert words in str(finding)
        assert "RandomStandardNormal in map" in str(finding)
    assert same_noise(passes, tf.data.Dataset.range(6)) is None


def test_each_code_stands_in_the_table_and_each_fix_there_is_code():
    checks = Path(nbkeras.__file__).parent / "checks"
    said = {
        code
        for file in checks.glob("*.py")
        for code in re.findall(r'^\s+.*"(NBK1\d\d)",', file.read_text(), re.MULTILINE)
    }
    text = TABLE.read_text()
    assert re.findall(r"^\| (NBK1\d\d) \|", text, re.MULTILINE) == sorted(said)
    assert {"NBK101", "NBK110"} <= said
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        ast.parse("\n".join(line for line in block.splitlines() if not line.startswith("%")))
