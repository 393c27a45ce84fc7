"""What ``--search`` says, and how it gets into a cell."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbkeras import Refusal
from nbkeras.training.tuning.counting import refuse_several_fits
from nbkeras.training.tuning.marks import marked
from nbkeras.training.tuning.options import tune_options
from nbkeras.training.tuning.space import differences, parse_search


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("lr=1e-4..1e-1:log", 'hp.Float("lr", 0.0001, 0.1, sampling="log")'),
        ("rate=0..0.5", 'hp.Float("rate", 0.0, 0.5)'),
        ("rate=0..0.5:0.1", 'hp.Float("rate", 0.0, 0.5, step=0.1)'),
        ("depth=1..4", 'hp.Int("depth", 1, 4)'),
        ("width=16..128:16", 'hp.Int("width", 16, 128, step=16)'),
        ("width=16..128:log", 'hp.Int("width", 16, 128, sampling="log")'),
        ("width=16..128:2:log", 'hp.Int("width", 16, 128, step=2, sampling="log")'),
        ("shift=-1..1", 'hp.Int("shift", -1, 1)'),
        ("units=16|32|64", 'hp.Choice("units", [16, 32, 64])'),
        ("rate=0|0.5", 'hp.Choice("rate", [0.0, 0.5])'),
        ("bias=true|false", 'hp.Choice("bias", [True, False])'),
        ("act=relu|tanh", 'hp.Choice("act", ["relu", "tanh"])'),
    ],
)
def test_each_way_to_write_values(text, code):
    keras_tuner = pytest.importorskip("keras_tuner")
    (one,) = parse_search(text)
    assert one.code == code
    # The code and the call ask KerasTuner for the very same.
    asked, written = keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    assert one.ask(asked) == eval(code, {"hp": written})  # noqa: S307 - as the cell does
    assert asked.get_config() == written.get_config()


def test_what_the_docs_show_can_be_searched():
    page = (Path(__file__).parents[2] / "docs/tuning.md").read_text(encoding="utf-8")
    table = page.partition("| written | searched |")[2].partition("\n\n")[0]
    shown = re.findall(r"`(\w+=.*?)`", table.replace("\\|", "|"))
    assert len(shown) == 9
    assert [each.name for text in shown for each in parse_search(text)] == [
        text.partition("=")[0] for text in shown
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr", "expected NAME=VALUES with the name of a variable, received 'lr'"),
        ("2x=1..2", "received '2x=1..2'"),
        ("for=1..2", "received 'for=1..2'"),
        ("hp=1..2", "other names than hp"),
        ("lr=0.1", "several values to choose from, received 'lr=0.1'"),
        ("lr=1|", "several values"),
        # What others write for a range: the mend has their numbers.
        ("lr=0.0001-0.1", "give  lr=0.0001..0.1:log"),
        ("lr=[1e-4,1e-2]", "give  lr=0.0001..0.01:log"),
        ("lr=[1e-4, 1e-2]", "give  lr=1e-4..1e-1:log"),
        ("lr=0.5", "give  lr=1e-4..1e-1:log"),
        ("units=16-64", "give  units=16..64  or  units=16|64"),
        ("units=[8,16,32]", "give  units=16|32|64  or  units=1..8"),
        ("lr=1|1", "each value once"),
        ("lr=1|relu", "values of one type"),
        ("lr=1|true", "values of one type"),
        ("lr=2..1", "a range that rises"),
        ("lr=1..1", "a range that rises"),
        ("lr=1..2..3", "expected LOW..HIGH"),
        ("lr=0..1:log", "a start above 0 for :log"),
        ("lr=a..b", "numbers in the range of lr, received 'a'"),
        ("lr=1..inf", "numbers in the range of lr, received 'inf'"),
        ("lr=1..2:0", "a step above 0"),
        ("lr=1..9:1:log", "a factor above 1"),
        ("lr=1..2 lr=3..4", "each name once"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, words):
    with pytest.raises(Refusal, match=r"^search: expected ") as refusal:
        parse_search(text)
    assert words in str(refusal.value)


@given(st.text(alphabet="ab=.|:1e-0 logtruehp", max_size=24))
def test_any_text_is_read_or_refused(text):
    try:
        found = parse_search(text)
    except Refusal:
        return
    for each in found:
        ast.parse(each.code, mode="eval")


def test_assignments_ask_for_values_and_lines_stay():
    cell = "import keras\nlr = 0.1  # slow\nif lr:\n    units: int = 8\nmodel = build(units, lr, depth)\n"
    code, given_ = marked(cell, parse_search("lr=0.1..1 units=8|16 depth=1..3"))
    assert code.splitlines() == [
        "import keras",
        'lr = hp.Float("lr", 0.1, 1.0)  # slow',
        "if lr:",
        '    units: int = hp.Choice("units", [8, 16])',
        "model = build(units, lr, depth)",
    ]
    assert [each.name for each in given_] == ["depth"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("rate = 1", "expected a variable of the cell, received 'lr': write  lr = "),
        ("lrs = 1", "received 'lr': give lrs"),
        ("lr, units = 1, 2", "received another kind of assignment in line 1"),
        ("lr = 1\nlr += 1", "received another kind of assignment in line 2"),
        ("\nfor lr in (1, 2):\n    pass", "received another kind of assignment in line 2"),
        ("a = lr = 1", "received another kind of assignment"),
    ],
)
def test_a_variable_that_the_cell_does_not_plainly_set_is_refused(cell, words):
    with pytest.raises(Refusal) as refusal:
        marked(cell, parse_search("lr=0..1"))
    assert words in str(refusal.value)


def test_names_inside_functions_are_others():
    code, given_ = marked("def f(lr):\n    lr = 1\nf(lr)", parse_search("lr=0..1"))
    assert code == "def f(lr):\n    lr = 1\nf(lr)"
    assert [each.name for each in given_] == ["lr"]


def test_differences_of_two_spaces_are_named():
    def space(**values):
        return [{"class_name": "Choice", "config": {"name": n, "values": v}} for n, v in values.items()]

    assert differences(space(a=[1], b=[2], c=[3]), space(b=[2], c=[4], d=[5])) == [
        "d is new",
        "a is gone",
        "c has other values",
    ]


TWICE = "model = build()\nmodel.compile('sgd')\nmodel.fit(x)\nmodel.compile('adam')\nhistory = model.fit(x)"


def test_a_second_fit_is_seen_before_anything_runs():
    with pytest.raises(Refusal, match=r"received 2 of them \(model.fit\(…\), model.fit\(…\)\)"):
        refuse_several_fits(TWICE, {})


@pytest.mark.parametrize(
    "cell",
    [
        TWICE.rpartition("\n")[0],
        # Only one of them runs, or nobody knows how often.
        "model.compile()\nif deep:\n    model.fit(x)\nelse:\n    model.fit(y)",
        "model.compile()\nfor part in parts:\n    model.fit(part)",
        # What is fitted besides is no Keras model.
        "scaler.fit(x)\nscaler.fit(z)\nmodel.compile()\nmodel.fit(x)",
    ],
)
def test_what_may_be_one_fit_is_let_through(cell):
    refuse_several_fits(cell, {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tuner": "evolution"}, "tuner: expected random, hyperband, bayesian, grid"),
        ({"trials": 0}, "trials: expected a whole number of 1 or more"),
        (
            {"seed": 0},
            "seed: expected a whole number of 1 or more, received 0, which KerasTuner takes for none",
        ),
        ({"seed": -1}, "seed: expected a whole number of 1 or more, received -1"),
        ({"epochs": -1}, "epochs: expected a whole number of 1 or more"),
        ({"objective": "loss:up"}, "objective: expected METRIC, METRIC:min or METRIC:max"),
        ({"objective": ":min"}, "objective: expected METRIC"),
        ({"resume": True, "restart": True}, "resume: expected one of --resume and --restart"),
        ({"name": "a/b"}, "name: expected the name of a folder"),
        ({"name": ".."}, "name: expected the name of a folder"),
        ({"max_time": "soon"}, "max_time: expected a time"),
        ({"directory": "/dev/null/x"}, "directory: expected a place that can be written"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(Refusal) as refusal:
        tune_options(**options)
    assert words in str(refusal.value)
