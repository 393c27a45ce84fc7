"""The grammar of all magics, and that magic and function offer the same."""

from __future__ import annotations

import inspect

import pytest
from IPython.core.error import UsageError

import nbkeras
from nbkeras.magics.completion import GRAMMARS
from nbkeras.magics.config import NBKeras
from nbkeras.magics.fit import FIT
from nbkeras.magics.grammar import Grammar, Option
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
        ("--pairs", "%demo: argument --pairs: expected one argument: %demo? shows how"),
        ("'open", '%demo: expected closed quotes, received "\'open"'),
    ],
)
def test_mistakes_are_one_line(line, words):
    with pytest.raises(UsageError) as caught:
        GRAMMAR.parse(line)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


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


@pytest.mark.parametrize("grammar", GRAMMARS, ids=lambda grammar: grammar.magic)
def test_declared_defaults_exist_in_the_configuration(grammar):
    for option in grammar.options:
        if option.config:
            assert NBKeras.class_traits()[option.config].metadata["config"]


def test_configuration_refuses_what_the_option_would():
    from traitlets import TraitError

    with pytest.raises(TraitError, match="expected a time such as"):
        NBKeras(max_time="soon")
    assert NBKeras(max_time="10m", quiet=True).fit_defaults() == {"max_time": "10m", "quiet": True}
