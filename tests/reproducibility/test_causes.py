"""What is named where several causes are possible: the measured difference goes before suspicious words."""

from __future__ import annotations

import pytest

from nbkeras.reproducibility.proof import batches
from nbkeras.reproducibility.proof.source import Source
from nbkeras.reproducibility.proof.trace import Batch, Fit, RandomLayer, Trace, Value
from nbkeras.reproducibility.proof.verdict import prove

SEED = "set_random_seed(1)\n"
NOISE = RandomLayer("dropout", "Dropout", seeded=False)
FIRST = [Batch(["x1", "y1"], ["01", "01"]), Batch(["x2", "y2"], ["02", "02"])]
OTHER_ORDER = FIRST[::-1]
OTHER_VALUES = [Batch(["-", "y1"], ["07", "01"]), FIRST[1]]


def named(text, changes, *, fresh=False, start=("a", "a"), held=(), **both):
    """Return the cause that is named for a second run with some changes."""
    whole = {"weights": [("w", "1")], "losses": [0.5, 0.4], "batches": FIRST, **both}
    traces = [
        Trace("run 1", fits=[Fit("small", "keras", **whole)], start={"items": Value("list", start[0])}),
        Trace(
            "run 2",
            fits=[Fit("small", "keras", **{**whole, **changes})],
            start={"items": Value("list", start[1])},
            fresh=fresh,
            hash_probe="2" if fresh else "",
        ),
    ]
    cause = prove(traces, Source(text, {}), frozenset(held), []).cause
    return None if cause is None else cause.name


@pytest.mark.parametrize(
    ("text", "changes", "facts", "name"),
    [
        # A list of results grows in each cell.
        (
            "items.append(1)\nmodel.fit(x)",
            {"weights": [("w", "2")]},
            {"start": ("a", "b")},
            "unseeded weights",
        ),
        (SEED + "items.append(1)\nmodel.fit(x)", {"losses": [1, 1]}, {"start": ("a", "b")}, "leftover state"),
        (SEED + "model.fit(x)\nitems.append(1)", {"losses": [1, 1]}, {"start": ("a", "b")}, "operations"),
        # Threads that load in order are no race.
        (
            "pool = ThreadPool(4)\nmodel.fit(x)",
            {"batches": OTHER_ORDER},
            {"pipeline": [batches.SHUFFLED]},
            "unseeded shuffle",
        ),
        (SEED + "pool = ThreadPool(4)", {"batches": OTHER_ORDER}, {}, "thread race"),
        # A set in the cell, and no seed.
        ("words = set(text)\nmodel.fit(x)", {"weights": [("w", "2")]}, {"fresh": True}, "unseeded weights"),
        (SEED + "words = set(text)", {"batches": OTHER_VALUES}, {"fresh": True}, "hash order"),
        (SEED + "words = set(text)", {"batches": OTHER_VALUES}, {}, "not known"),
        # The time is taken, and the layers draw without a seed.
        (
            "import time\nlog(time.time())",
            {"losses": [1, 1], "seeds": [("s", "2")]},
            {},
            "dropout without a seed",
        ),
        ("import time\nseed(time.time())", {"weights": [("w", "2")]}, {}, "clock"),
        # Each place of the data holds other values, whatever the pipeline may do to the order.
        (
            "data = data.map(tf.image.random_flip_up_down, deterministic=False)",
            {"batches": OTHER_VALUES},
            {},
            "unseeded augmentation",
        ),
        ("data = data.map(f, deterministic=False)", {"batches": OTHER_ORDER}, {}, "unordered parallel map"),
        (SEED, {"batches": OTHER_ORDER}, {"held": ["data"]}, "leftover state"),
        (SEED, {"losses": [0.5, 1]}, {"layers": []}, "operations"),
        (SEED, {}, {}, None),
    ],
)
def test_the_most_probable_cause(text, changes, facts, name):
    facts = {"layers": [NOISE] if "seeds" in changes else [], "seeds": [("s", "1")], **facts}
    assert named(text, changes, **facts) == name


def test_a_run_that_fails_is_no_matter_of_seeds():
    traces = [Trace("run 1"), Trace("run 2", error="NameError: x")]
    proof = prove(traces, Source("words = set(text)", {}), frozenset(), [])
    assert proof.cause.name == "leftover state"
    traces[1].fresh = True
    proof = prove(traces, Source("words = set(text)", {}), frozenset(), [])
    assert proof.cause.fix == "Restart and Run All Cells, until that works"


def test_what_no_seed_reaches_is_not_mended_by_a_seed():
    """tf_keras's recurrent_dropout, in a cell that begins with a seed."""
    lstm = RandomLayer("lstm", "LSTM", seeded=False)
    facts = {"weights": [("w", "1")], "batches": FIRST, "layers": [lstm], "seed": 1}
    traces = [
        Trace(f"run {number}", fits=[Fit("small", "tf_keras", losses=[number, 1], **facts)])
        for number in (1, 2)
    ]
    cause = prove(traces, Source(SEED + "model.fit(x)", {}), frozenset(), []).cause
    assert "no seed reaches" in cause.why
    assert cause.fix.startswith("`recurrent_dropout=0`, or Keras 3")


def test_random_operations_of_a_seeded_cell_in_threads_are_a_race():
    text = SEED + "data = data.map(lambda x: x + tf.random.normal(x.shape), num_parallel_calls=4)"
    facts = {"pipeline": [batches.PARALLEL], "seed": 1}
    assert named(text, {"batches": OTHER_VALUES}, **facts) == "thread race"


@pytest.mark.parametrize("layer", ["layers.Dropout(0.5)", "layers.RandomFlip()"])
def test_layers_of_a_seeded_cell_are_no_cause_of_other_data(layer):
    """What an earlier cell has made draws on in the data; the model has a layer of its own."""
    text = SEED + f"model = keras.Sequential([{layer}])\nmodel.fit(data.map(items))"
    assert named(text, {"batches": OTHER_VALUES}, start=("a", "b")) == "leftover state"
    assert named(text, {"batches": OTHER_VALUES}) != "unseeded augmentation"
