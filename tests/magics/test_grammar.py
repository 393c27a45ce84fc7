"""The grammar of all magics, and that magic and function offer the same."""

from __future__ import annotations

import inspect

import pytest
from IPython.core.error import UsageError

import nbkeras
from nbkeras.magics.fit_grammar import FIT
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.magics.monitor import MONITOR
from nbkeras.magics.switch import SWITCH
from nbkeras.runtime.refusal import Refusal


def even(text):
    if int(text) % 2:
        raise Refusal(f"--pairs: expected an even number, received {text}: give  2")
    return int(text)


GRAMMAR = Grammar(
    magic="%demo",
    summary="Show how it goes.",
    details="More of it.",
    examples="%demo --pairs 2",
    options=(
        Option("NAME", "What to show.", many=True),
        Option("--pairs", "How many pairs.", "N", even),
        Option("--loud", "Say it loudly."),
    ),
)


def test_values_by_name():
    assert GRAMMAR.parse("'a b' c --pairs 4 --loud") == {"name": ["a b", "c"], "pairs": 4, "loud": True}


def test_defaults_stand_behind_the_line():
    assert GRAMMAR.parse("", {"pairs": 6}) == {"name": [], "pairs": 6, "loud": None}
    assert GRAMMAR.parse("--pairs 2", {"pairs": 6})["pairs"] == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--pair 2", "%demo: expected --pairs, --loud; received '--pair': type --pairs"),
        ("--x", "%demo: expected --pairs, --loud; received '--x': %demo? shows them all"),
        ("--pairs 3", "%demo: --pairs: expected an even number, received 3: give  2"),
        ("--pairs", "%demo: --pairs: expected N, received nothing: type  --pairs N"),
        ("'open", '%demo: expected closed quotes, received "\'open"'),
    ],
)
def test_mistakes_are_one_line(line, words):
    with pytest.raises(UsageError) as caught:
        GRAMMAR.parse(line)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["--max-time -5m", "--epochs -3", "--batch-size -1"])
def test_values_below_nothing_are_refused_by_their_option(line):
    option, value = line.split()
    with pytest.raises(UsageError, match=f"^%%fit: {option}: expected a .* received '{value}'"):
        FIT.parse(line)
    # Checked where the options meet, in the same words as the function's.
    assert FIT.parse("--early-stopping -1")["early_stopping"] == "-1"


@pytest.mark.parametrize(
    ("grammar", "line", "words"),
    [
        (MONITOR, "a b", "%monitor: expected one RUN, received a second one, 'b': type  %monitor a"),
        (
            MONITOR,
            "'a b' c d",
            "%monitor: expected one RUN, received a second one, 'c': type  %monitor 'a b'",
        ),
        (SWITCH, "on off", "%nbkeras: expected one ACTION, received a second one, 'off': type  %nbkeras on"),
        (MONITOR, "--all", "%monitor: expected no options; received '--all': %monitor? shows how"),
    ],
)
def test_one_argument_too_many(grammar, line, words):
    with pytest.raises(UsageError) as caught:
        grammar.parse(line)
    assert str(caught.value) == words


def test_help_names_everything():
    text = GRAMMAR.help()
    for part in ("Show how it goes.", "More of it.", "[NAME …]", "--pairs N", "[--loud]", "How many pairs."):
        assert part in text


def test_every_option_of_fit_is_a_keyword_of_fitting():
    """All but --code, which trains nothing and so has nothing to wrap."""
    options = {option.dest for option in FIT.options} - {"code"}
    keywords = {
        "no_restore_best" if name == "restore_best" else name
        for name in inspect.signature(nbkeras.fitting).parameters
    }
    assert options == keywords
