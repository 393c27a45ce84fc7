"""Both Keras lines, in one process."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)
