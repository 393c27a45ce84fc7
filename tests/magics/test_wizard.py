"""``%wizard`` takes a name with spaces, and refuses others in one line with those that are meant."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from nbkeras.magics.config import NBKeras
from nbkeras.magics.wizard import WizardMagics


@pytest.fixture
def wizard(shell):
    return WizardMagics(shell, NBKeras()).wizard


@pytest.mark.parametrize("line", ["early_stopping", "early stopping", "Early-Stopping", " early  stopping "])
def test_a_name_may_have_spaces(wizard, capsys, line):
    wizard(line)
    assert "EarlyStopping" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("early", "%wizard: expected the name of a recipe, received 'early': did you mean early_stopping"),
        ("stop training", "did you mean early_stopping"),
        ("--insert", "--insert: expected the form's name, received none"),
    ],
)
def test_another_word_is_refused_with_what_is_meant(wizard, line, message):
    with pytest.raises(UsageError) as error:
        wizard(line)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
