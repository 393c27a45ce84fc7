"""``%faq`` tells a name from words, and refuses in one line."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from nbkeras import recipes
from nbkeras.magics import faq
from nbkeras.magics.completion import complete
from nbkeras.magics.config import NBKeras
from nbkeras.magics.extension import load, unload


@pytest.fixture
def ask(monkeypatch, shell):
    shown = []
    monkeypatch.setattr(faq, "display", lambda bundle, raw: shown.append(bundle["text/plain"]))
    magics = faq.FaqMagics(shell, NBKeras())

    def answer(line):
        shown.clear()
        magics.faq(line)
        return "".join(shown)

    return answer


def test_no_words_list_all(ask):
    text = ask("")
    assert all(f"%faq {name}" in text for name in recipes.names())


@pytest.mark.parametrize("line", ["early_stopping", "Early stopping", " early_stopping "])
def test_a_name_shows_its_entry(ask, line):
    assert ask(line).startswith(recipes.get("early_stopping").question)


@pytest.mark.parametrize("line", ["erly stoping", "what's early stoping?", "'early stop"])
def test_other_words_search(ask, line):
    assert "%faq early_stopping" in ask(line)


def test_the_code_alone(ask, capsys):
    ask("early_stopping --code")
    assert capsys.readouterr().out == recipes.get("early_stopping").code()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--code", "%faq: --code: expected the name of a question, received none: type  %faq NAME --code"),
        ("erly_stoping --code", "received 'erly_stoping': did you mean early_stopping"),
        ("stop --code", "received 'stop': did you mean early_stopping"),
        ("zebra --code", "received 'zebra': %faq lists them all"),
        ("early --cod", "type --code"),
    ],
)
def test_a_mistake_is_one_line(ask, line, message):
    with pytest.raises(UsageError) as error:
        ask(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_words_are_said(ask):
    assert ask("early stopping zebra").startswith(
        "No question has all of “early stopping zebra”; the nearest:"
    )
    assert "%faq early_stopping" in ask("early stopping zebra")
    assert "nearest" not in ask("zebra")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%faq what's an epoch?", "%faq what's an epoch"),
        ("%faq early_stopping ??", "%faq early_stopping"),
        ("  %faq why?\n", "  %faq why"),
        ("%faq?", "%faq?"),
        ("%faq ?", "%faq ?"),
        ("%faq a ? b", "%faq a ? b"),
        ("model?", "model?"),
        ("%timeit?", "%timeit?"),
        ("faq = 1", "faq = 1"),
    ],
)
def test_a_question_mark_belongs_to_the_question(line, expected):
    (changed,) = faq.without_question_mark([line])
    assert changed.rstrip("\n") == expected.rstrip("\n")


def test_a_question_reaches_the_magic_as_a_cell(shell):
    before = list(shell.input_transformers_cleanup)
    load(shell)
    try:
        assert shell.transform_cell("%faq what is an epoch?") == (
            "get_ipython().run_line_magic('faq', 'what is an epoch')\n"
        )
        assert "pinfo" in shell.transform_cell("%faq?")
        assert "pinfo" in shell.transform_cell("shell?")
    finally:
        unload(shell)
        after = list(shell.input_transformers_cleanup)
    assert after == before


def test_names_complete():
    assert ("early_stopping", "recipe") in complete("%faq ear", "ear")
