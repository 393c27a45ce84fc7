from __future__ import annotations

import doctest
import importlib

import pytest

from nbkeras import runs

MODULES = ["control", "legible", "library", "metrics", "record", "run", "runlist", "series"]


def examples():
    finder = doctest.DocTestFinder()
    for module in MODULES:
        name = f"nbkeras.runs.{module}"
        for each in finder.find(importlib.import_module(name), name):
            if each.examples:
                yield pytest.param(each, id=each.name.removeprefix("nbkeras.runs."))


@pytest.mark.parametrize("example", list(examples()))
def test_the_examples_in_the_docstrings_do_what_they_say(example, log):
    pytest.importorskip("pandas")
    for name, value in (("baseline", 0.4), ("more dropout", 0.3)):
        run = runs.begin("fit", name, {"batch_size": 32}, {})
        run.record_epoch(1, {"loss": 0.9, "val_loss": 0.8})
        run.record_epoch(2, {"loss": 0.2, "val_loss": value})
        run.finish("finished")
    example.globs = {}
    failed, tried = doctest.DocTestRunner().run(example)
    assert tried
    assert not failed


def test_each_public_function_has_an_example():
    with_example = {each.id.rpartition(".")[2] for each in examples()}
    functions = {"all", "delete", "export", "get", "latest", "log_path", "set_log", "to_frame"}
    assert functions <= with_example & set(runs.__all__)
