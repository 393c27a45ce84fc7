"""``%config NBKeras``: the defaults of the magics."""

from __future__ import annotations

import pytest
from traitlets import TraitError

from nbkeras import runs
from nbkeras.magics.completion import GRAMMARS
from nbkeras.magics.config import NBKeras
from nbkeras.magics.fit_grammar import FIT


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs.set_log(None)
    yield
    runs.set_log(None)


@pytest.mark.parametrize("grammar", GRAMMARS, ids=lambda grammar: grammar.magic)
def test_declared_defaults_exist_in_the_configuration(grammar):
    for option in grammar.options:
        if option.config:
            assert NBKeras.class_traits()[option.config].metadata["config"]


def test_every_default_reaches_its_option():
    """All traits but the log's are options of %%fit, and each declared one is handed on."""
    chosen = {
        "early_stopping": "3",
        "checkpoint": "best.keras",
        "tensorboard": "logs",
        "csv": "log.csv",
        "max_time": "10m",
        "quiet": True,
    }
    assert set(NBKeras.class_trait_names(config=True)) - {"config", "parent", "log"} == set(chosen)
    assert NBKeras(**chosen).fit_defaults() == chosen
    assert NBKeras().fit_defaults() == {}
    assert FIT.parse("--csv other.csv", NBKeras(**chosen).fit_defaults())["csv"] == "other.csv"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("max_time", "soon", "max_time: expected a time such as"),
        ("csv", "deep/a.csv", "csv: expected a file in a folder that is there"),
        ("log", ".", "log: expected a file, received the directory '.'"),
        ("log", "/dev/null/runs.sqlite", "log: expected a place that can be written"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(name, value, words):
    config = NBKeras(log="mine.sqlite")
    with pytest.raises(TraitError) as caught:
        setattr(config, name, value)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert runs.log_path().name == "mine.sqlite"


def test_numbers_and_none_are_what_they_say():
    config = NBKeras(early_stopping=3, max_time=600, csv="log.csv", log="mine.sqlite")
    assert config.fit_defaults() == {"early_stopping": "3", "max_time": "600", "csv": "log.csv"}
    config.early_stopping = config.max_time = config.csv = config.log = None
    assert config.fit_defaults() == {}
    assert runs.log_path() is None
    for name, value in (("early_stopping", -1), ("max_time", 0), ("csv", 5), ("max_time", True)):
        with pytest.raises(TraitError) as caught:
            setattr(config, name, value)
        assert "\n" not in str(caught.value)


def test_what_was_refused_does_not_keep_the_extension_from_loading(shell, tmp_path, capsys, caplog):
    """IPython keeps what %config was given in a configuration of its own, right or wrong."""
    (tmp_path / "out").mkdir()
    shell.run_line_magic("load_ext", "nbkeras")
    for line in ("csv = 5", "early_stopping = '-3'", "checkpoint = 'out/best.keras'", "max_time = '10m'"):
        shell.run_line_magic("config", f"NBKeras.{line}")
    (tmp_path / "out").rename(tmp_path / "gone")
    (tmp_path / "out").touch()
    capsys.readouterr()
    shell.run_line_magic("reload_ext", "nbkeras")
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" is not used: ")[0] for line in said] == [
        "nbkeras: NBKeras.csv",
        "nbkeras: NBKeras.early_stopping",
        "nbkeras: NBKeras.checkpoint",
    ]
    config = next(each for each in shell.configurables if isinstance(each, NBKeras))
    assert config.fit_defaults() == {"max_time": "10m"}
    shell.run_line_magic("unload_ext", "nbkeras")


def test_the_log_can_be_put_elsewhere_or_off():
    config = NBKeras(log="deep/mine.sqlite")
    assert runs.log_path().parts[-2:] == ("deep", "mine.sqlite")
    config.log = ""
    assert runs.log_path() is None
