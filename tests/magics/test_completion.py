"""What Tab offers on the lines of the magics."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from nbkeras.magics import completion

# What parts the tokens of IPython's completer.
DELIMITERS = " \t\n`!@#$^&*()=+[{]}\\|;:'\",<>?"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "best.keras").touch()
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data" / "it.csv").touch()
    (tmp_path / "log.csv").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    shell = SimpleNamespace(user_ns={"rate": 1, "_hidden": 2}, Completer=SimpleNamespace())
    monkeypatch.setattr(completion, "get_ipython", lambda: shell)
    return shell


def token_of(line):
    """Return the end of a line as IPython parts it."""
    return line[max(map(line.rfind, DELIMITERS)) + 1 :]


def completed(line):
    """Return the whole lines that Tab would make of one."""
    token = token_of(line)
    kept = line[: len(line) - len(token)]
    return [kept + text for text, _ in completion.complete(line, token)]


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("%wizard early_s", ["%wizard early_stopping"]),
        ("%wizard early_stopping --", ["%wizard early_stopping --insert"]),
        ("%%fit --cs", ["%%fit --csv"]),
        ("%%fit --csv log.csv --c", ["%%fit --csv log.csv --checkpoint", "%%fit --csv log.csv --code"]),
        ("%%fit --csv=log.csv --cs", []),
        ("%%fit --csv l", ["%%fit --csv log.csv"]),
        ("%%fit --csv=l", ["%%fit --csv=log.csv"]),
        ("%%fit --csv 'l", ["%%fit --csv 'log.csv"]),
        ('%%fit --csv="l', ['%%fit --csv="log.csv']),
        ("%%fit --csv ~", ["%%fit --csv ~/"]),
        ("%%fit --csv ~/", ["%%fit --csv ~/best.keras", "%%fit --csv ~/data/"]),
        ("%%fit --checkpoint=~/b", ["%%fit --checkpoint=~/best.keras"]),
        ("%%fit --tensorboard ~/", ["%%fit --tensorboard ~/data/"]),
        ("%%fit --csv m", ["%%fit --csv my\\ data/"]),
        ("%%fit --csv my\\ d", ["%%fit --csv my\\ data/"]),
        ("%%fit --csv my\\ data/", ["%%fit --csv my\\ data/it.csv"]),
        ("%%fit --csv 'my d", ["%%fit --csv 'my data/"]),
        ("%%fit --csv 'my ", ["%%fit --csv 'my data/"]),
        ("%%fit --csv [", []),
        ("%%fit --early-stopping=val_", ["%%fit --early-stopping=val_loss:"]),
        ("%%fit --epochs {ra", ["%%fit --epochs {rate"]),
        ("%%fit --epochs=$ra", ["%%fit --epochs=$rate"]),
        ("%nbkeras of", ["%nbkeras off"]),
        ("%cluster st", ["%cluster start", "%cluster status", "%cluster stop"]),
        ("%cluster push ra", ["%cluster push rate"]),
        ("%cluster start --w", ["%cluster start --workers"]),
        (
            "%cluster start --p",
            ["%cluster start --ps", "%cluster start --profile", "%cluster start --patience"],
        ),
        ("%strategy cl", ["%strategy cluster"]),
        ("%%cluster --re", ["%%cluster --restart", "%%cluster --reuse", "%%cluster --retries"]),
        ("%%fit --strategy cl", ["%%fit --strategy cluster"]),
        ("%%fit --mixed-precision bf", ["%%fit --mixed-precision bfloat16"]),
        ("%mixed_precision au", ["%mixed_precision auto"]),
        ("%mixed_precision auto ra", ["%mixed_precision auto rate"]),
        ("%placement --b", ["%placement --batch"]),
        ("%pretrained MobileNetV2 --cl", ["%pretrained MobileNetV2 --classes"]),
        ("%pretrained MobileNetV3", ["%pretrained MobileNetV3Large", "%pretrained MobileNetV3Small"]),
        ("%pretrained VGG16 --weights ~/b", ["%pretrained VGG16 --weights ~/best.keras"]),
        ("%placement --batch ra", ["%placement --batch rate"]),
        ("%lr_find model ra", ["%lr_find model rate"]),
        ("%lr_find --st", ["%lr_find --start", "%lr_find --steps"]),
        ("%batch_size_find --max-m", ["%batch_size_find --max-memory"]),
        ("%features --t", ["%features --to"]),
        ("%features model ra", ["%features model rate"]),
        ("%probe model ra", ["%probe model rate"]),
        ("%%probe model --s", ["%%probe model --saliency"]),
        ("%finetune --st", ["%finetune --stages"]),
        ("%finetune --validation-data ra", ["%finetune --validation-data rate"]),
        ("%other --cs", []),
    ],
)
def test_offers(line, offers, monkeypatch):
    from nbkeras.runs import registry

    monkeypatch.setattr(registry, "live_runs", list)
    assert completed(line) == offers


def test_what_is_offered_is_what_the_magic_reads():
    from nbkeras.magics.fit_grammar import FIT

    (line,) = completed("%%fit --csv my\\ data/")
    assert Path(FIT.parse(line.removeprefix("%%fit "))["csv"]).is_file()


@pytest.mark.parametrize("line", ["%%fit --csv=l", "%%fit --csv ~/", "%%fit --csv 'l", "%%fit --epochs {ra"])
def test_older_ipythons_get_the_same(folder, line):
    """The completer here stands for that of IPython 7, which hands its matchers the token alone."""
    folder.Completer.text_until_cursor = line
    token = token_of(line)
    offers = completion._with_text(token)
    assert offers == [text for text, _ in completion.complete(line, token)]
    assert offers
    assert all(offer.startswith(token) for offer in offers)
