"""Which controls a view offers, and what it says where it can't; absent front ends are played."""

from __future__ import annotations

import pytest

from nbkeras.runs.run import Run
from nbkeras.runtime.frontend import Frontend
from nbkeras.widgets import offer


@pytest.fixture
def run():
    return Run("fit", parameters={"learning_rate": 0.001})


def controls(monkeypatch, run, where=Frontend.JUPYTER, version=(7, 4)):
    # Colab and VS Code, and the kernels of both, are replaced at this one seam.
    monkeypatch.setattr(offer, "frontend", lambda: where)
    monkeypatch.setattr(offer, "hears_comms_while_busy", lambda: version >= (7,))
    monkeypatch.setattr(offer, "ipykernel_version", lambda: version)
    return offer.controls_of(run)


def test_jupyter_offers_all(monkeypatch, run):
    offered = controls(monkeypatch, run)
    assert (offered.pause, offered.learning_rate, offered.hint) == (True, True, "")


def test_a_schedule_cannot_be_set(monkeypatch, run):
    run.parameters["learning_rate"] = "CosineDecay"
    assert controls(monkeypatch, run).learning_rate is False


def test_an_old_kernel_says_what_it_needs(monkeypatch, run):
    offered = controls(monkeypatch, run, version=(6, 31))
    assert offered.pause is offered.learning_rate is False
    assert offered.hint == "Pause and learning rate need ipykernel 7 or later (here: 6.31)."


@pytest.mark.parametrize("where", [Frontend.COLAB, Frontend.VSCODE])
def test_others_are_told_what_to_press(monkeypatch, run, where):
    hint = controls(monkeypatch, run, where).hint
    assert hint == f"To stop, press the stop button of {where.value}: training ends, the cell goes on."


def test_a_run_that_has_ended_offers_nothing(monkeypatch, run):
    run.finish("finished")
    offered = controls(monkeypatch, run)
    assert (offered.pause, offered.learning_rate, offered.hint) == (False, False, "")
