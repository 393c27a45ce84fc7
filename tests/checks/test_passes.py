"""Which fits begin with their data anew, and which could train the same steps in one iterator."""

from __future__ import annotations

import pytest

from nbkeras.checks.passes import INFINITE, UNKNOWN, Passes


@pytest.mark.parametrize(
    ("line", "batches", "epochs", "steps", "at_once", "begin_anew", "steps_in_one"),
    [
        ("keras", 6, 3, None, 1, True, 6),
        ("tf_keras", 6, 3, None, 1, True, 6),
        ("keras", 6, 1, None, 1, False, 6),
        ("keras", UNKNOWN, 3, None, 1, True, None),
        ("keras", INFINITE, 3, 6, 1, False, None),
        ("keras", 6, 3, None, 3, True, 6),
        # An epoch's last call would take what belongs to the next epoch.
        ("keras", 6, 3, None, 4, True, None),
        ("tf_keras", 6, 3, None, 4, True, 6),
        ("keras", 6, 3, 6, 1, True, 6),
        ("tf_keras", 6, 3, 6, 1, True, 6),
        # Keras 3 goes on within the data; tf_keras ends when they do.
        ("keras", 6, 3, 2, 1, False, 2),
        ("keras", 6, 4, 2, 1, True, 2),
        ("tf_keras", 6, 4, 2, 1, False, 2),
        ("keras", 6, 4, 4, 1, True, None),
        ("keras", 6, 4, 9, 1, True, None),
        ("keras", UNKNOWN, 4, 9, 1, False, None),
        ("keras", 0, 4, None, 1, True, None),
    ],
)
def test_iterators_of_a_fit(line, batches, epochs, steps, at_once, begin_anew, steps_in_one):
    passes = Passes(line, batches, epochs, steps, at_once)
    assert passes.begin_anew is begin_anew
    assert passes.steps_in_one == steps_in_one
