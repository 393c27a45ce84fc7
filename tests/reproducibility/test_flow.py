"""Which names of a cell may decide its training."""

from __future__ import annotations

import ast

import pytest

from nbkeras.reproducibility.proof.flow import Flow


@pytest.mark.parametrize(
    ("text", "feeding", "others"),
    [
        ("start = now()\nmodel.fit(x)\nprint(now() - start)", "model x", "start"),
        ("t = now()\nscale = 1 + t\nmodel.fit(x * scale)", "t scale x", ""),
        ("seed = draw()\nnp.random.seed(seed)\nmodel.fit(np.ones(3))", "seed", ""),
        ("items.append(1)\nmodel.fit(x)", "x", "items"),
        ("rows = []\nfor row in load():\n    rows.append(row)\nmodel.fit(rows)", "rows row load", ""),
        ("if quick:\n    model.rate = given\nmodel.fit(x)", "quick given", ""),
        ("shuffle(order)\nprint(much)\nmodel.fit(x[order])", "order", "much"),
        ("def batches():\n    yield rng.random()\nmodel.fit(batches())", "rng batches", ""),
        ("with open(path) as file:\n    words = file.read()\nmodel.fit(words)", "path file words", ""),
        ("a = 1\nb = a", "a b", ""),
    ],
)
def test_what_reaches_a_training(text, feeding, others):
    flow = Flow(ast.parse(text), {"np"}.__contains__)
    assert {name for name in feeding.split() if not flow.feeds(name)} == set()
    assert {name for name in others.split() if flow.feeds(name)} == set()
