"""Comparing two runs: the first difference, whatever comes after it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from nbkeras.reproducibility.proof.comparing import compare
from nbkeras.reproducibility.proof.source import Source
from nbkeras.reproducibility.proof.trace import Batch, Fit, RandomLayer, Trace, Value
from nbkeras.reproducibility.proof.verdict import prove
from nbkeras.widgets.divergence import LIMIT, divergence_bundle
from nbkeras.widgets.picture.page import size

NAN = float("nan")


def fit(**changes):
    whole = Fit(
        model="small",
        line="keras",
        seed=1,
        weights=[("dense/kernel", "a"), ("dense/bias", "b")],
        seeds=[("seed", "s")],
        optimizer=[("iteration", "0")],
        layers=[RandomLayer("dropout", "Dropout", seeded=False)],
        batches=[Batch(["x1", "y1"], ["01", "01"]), Batch(["x2", "y2"], ["02", "02"])],
        losses=[0.5, NAN],
        marks={"1": [("dense/kernel", "a1")], "2": [("dense/kernel", "a2")]},
        epochs=[{"loss": 0.5, "auc": 0.25}],
        final=[("dense/kernel", "a2")],
    )
    return dataclasses.replace(whole, **changes)


def trace(label="run 1", *fits, **facts):
    return Trace(label, fits=list(fits or [fit()]), **facts)


def difference(**changes):
    return compare(trace(), trace("run 2", fit(**changes))).difference


def test_the_same():
    found = compare(trace(), trace("run 2"))
    assert found.difference is None
    assert all(check.same for check in found.checks)
    assert len(found.checks) == 8


@pytest.mark.parametrize(
    ("changes", "kind", "step", "how"),
    [
        ({"weights": [("dense/kernel", "-"), ("dense/bias", "b")], "losses": [0.1, 0]}, "weights", 0, ""),
        ({"weights": [("dense/kernel", "a")]}, "architecture", 0, ""),
        (
            {"batches": [Batch(["x1", "y1"], ["01", "01"]), Batch(["-", "y2"], ["-1", "02"])]},
            "data",
            2,
            "values",
        ),
        ({"batches": [Batch(["-", "-"], ["09", "09"])], "losses": [0.1, 0]}, "data", 1, "samples"),
        ({"batches": [Batch(["-", "-"], ["01", "01"])]}, "data", 1, "order in the batch"),
        (
            {"batches": [Batch(["x2", "y2"], ["02", "02"]), Batch(["x1", "y1"], ["01", "01"])]},
            "data",
            1,
            "order",
        ),
        ({"losses": [0.5, 0.1]}, "step", 2, ""),
        ({"marks": {"1": [("dense/kernel", "-")]}, "losses": [0.5, 0.1]}, "step", 1, ""),
        ({"losses": [0.5]}, "length", 0, ""),
        ({"epochs": [{"loss": 0.5, "auc": 0.75}]}, "history", 0, ""),
        ({"final": [("dense/kernel", "-")]}, "step", 2, ""),
        ({"optimizer": [("iteration", "9")], "losses": [0.1, 0]}, "optimizer", 0, ""),
    ],
)
def test_first_difference(changes, kind, step, how):
    found = difference(**changes)
    assert (found.kind, found.step, found.how) == (kind, step, how)


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": [("seed", "-")]},
        {"optimizer": [("iteration", "9")]},
        {"variables": {"start": Value("1.0", "-")}},
        {"epochs": [{"loss": 0.5, "auc_1": 0.25}]},
        {"marks": {}},
        {"batches": []},
        {"stopped": True, "losses": [0.5], "epochs": [], "final": [], "marks": {}},
    ],
)
def test_what_leads_to_no_other_result_is_no_difference(changes):
    assert difference(**changes) is None


def test_number_of_trainings():
    found = compare(trace(), trace("run 2", fit(), fit()))
    assert found.difference.words == "1 trainings in run 1, 2 in run 2"


def test_second_training_is_named():
    found = compare(trace("run 1", fit(), fit()), trace("run 2", fit(), fit(losses=[0.1, 0])))
    assert found.difference.fit == 1
    assert [check.what for check in found.checks if not check.same] == ["fit 2: loss by step"]


def test_trace_goes_through_json():
    whole = trace(
        "run 1", fit(variables={"x": Value("int", "1", "2")}), start={"n": Value("1", "d")}, fresh=True
    )
    again = Trace.from_json(whole.to_json())
    assert repr(again) == repr(whole)
    assert json.loads(whole.to_json())["label"] == "run 1"


def test_picture_has_words_for_all_that_it_shows():
    """Read aloud it says the same; nothing in it runs."""
    other = trace("run 2", fit(losses=[0.5, 0.1, 0.2]))
    proof = prove(
        [trace("run 1", fit(losses=[0.5, 0.2, 0.1])), other], Source("", {}), frozenset(), ["Said."]
    )
    html = divergence_bundle(proof)["text/html"]
    assert 'alt="Chart of difference of the loss by step: between run 1 and run 2, from step 2 on,' in html
    assert '<th scope="row"' in html
    assert "<script" not in html
    assert "Said." in html


def test_picture_of_a_long_training_stays_small():
    losses = [1 / (step + 1) for step in range(100_000)]
    runs = [trace("run 1", fit(losses=losses)), trace("run 2", fit(losses=[each + 1e-3 for each in losses]))]
    assert size(divergence_bundle(prove(runs, Source("", {}), frozenset(), []))) <= LIMIT
