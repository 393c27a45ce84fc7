"""``%faq`` tells a name from words, and refuses in one line."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from nbkeras import recipes
from nbkeras.magics import faq
from nbkeras.magics.completion import complete
from nbkeras.magics.config import NBKeras


@pytest.fixture
def ask(monkeypatch):
    shown = []
    monkeypatch.setattr(faq, "display", lambda bundle, raw: shown.append(bundle["text/plain"]))
    shell = InteractiveShell.instance()
    magics = faq.FaqMagics(shell, NBKeras())

    def answer(line):
        shown.clear()
        magics.faq(line)
        return "".join(shown)

    yield answer
    InteractiveShell.clear_instance()


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
        ("early --cod", "type --code"),
    ],
)
def test_a_mistake_is_one_line(ask, line, message):
    with pytest.raises(UsageError) as error:
        ask(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_names_complete():
    assert ("early_stopping", "recipe") in complete("%faq ear", "ear")
