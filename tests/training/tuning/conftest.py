"""A Keras line, and no runs or views of other tests."""

from __future__ import annotations

import importlib

import pytest

from tests.recipes.cases import PAIRWISE


# `make grid` runs these on both lines; each takes long.
@pytest.fixture(params=["keras", "tf_keras"] if PAIRWISE else ["keras"])
def keras(request):
    return importlib.import_module(request.param)


@pytest.fixture(autouse=True)
def no_views_and_no_other_runs(monkeypatch):
    monkeypatch.setattr("nbkeras.runs.registry._runs", {})
    monkeypatch.setattr("nbkeras.training.tuning.searching.openers", [])
