"""Runs to draw: each a case that the static views must master."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from nbkeras.runs.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

NAN, INF = math.nan, math.inf


def digits(name: str = "digits", epochs: int = 20, rate: float = 8.0) -> Run:
    run = Run("fit", name, parameters={"epochs": 50, "optimizer": {"name": "adam", "rate": 1e-3}})
    run.progress.epochs = 50
    for epoch in range(1, epochs + 1):
        run.progress.done += 10
        loss = 2 * math.exp(-epoch / rate) + 0.1
        values = {"loss": loss, "accuracy": 1 - loss / 3, "val_loss": loss + epoch / 100}
        run.record_epoch(epoch, values)
    run.progress.elapsed = 192.0
    run.finish("stopped", "stop button")
    return run


def long_run(epochs: int = 500, groups: int = 5) -> Run:
    run = Run("fit", "long")
    for epoch in range(1, epochs + 1):
        wave = math.sin(epoch * 12.9898) * 43758.5453 % 1
        values = {f"metric_{each}": math.exp(-epoch / 99) + wave / 9 for each in range(groups)}
        run.record_epoch(epoch, values | {f"val_{name}": y * 1.1 for name, y in values.items()})
    run.finish("finished")
    return run


def without_epochs() -> Run:
    run = Run("fit", "first epoch")
    for step in range(1, 301):
        run.record_step(step, {"loss": 1 / step})
    run.progress.done = 300
    run.finish("interrupted", "KeyboardInterrupt")
    return run


def one_epoch() -> Run:
    run = Run("loop", "one epoch")
    for step in range(1, 31):
        run.record_step(step, {"loss": 1 / step})
    run.progress.done = 30
    run.record_epoch(1, {"loss": 0.1, "val_loss": 0.2})
    run.finish("finished")
    return run


def with_gaps() -> Run:
    run = Run("search", "gaps")
    odd = {4: NAN, 5: NAN, 9: INF, 12: -INF}
    for epoch in range(1, 21):
        run.record_epoch(epoch, {"loss": odd.get(epoch, 1.0 / epoch), "nothing": NAN})
    run.finish("failed", "ValueError: no")
    return run


def hostile() -> Run:
    name = "<script>alert('x')</script> & \"quoted\" \x00\x1b[31m\ud800 {{ 7 * 7 }} " + "long " * 50
    run = Run("fit", name, parameters={name: name})
    run.add_note(name)
    run.add_event(name)
    for epoch in range(1, 4):
        run.record_epoch(epoch, {name: 1.0, 'val_"<img src=x onerror=alert(1)>': 1e308})
    run.record_epoch(4, {'val_"<img src=x onerror=alert(1)>': -1e308})
    run.finish("failed", name)
    return run


def endless() -> Run:
    """More of everything than anybody has, in characters that take much room."""
    run = Run("fit", "😀&" * 1000)
    for each in range(300):
        run.add_note(f"{each} " + "😀&" * 1000)
        run.add_event(f"{each} " + "\"'" * 1000)
    for epoch in range(1, 61):
        wave = math.sin(epoch * 12.9898) * 43758.5453 % 1
        run.record_epoch(epoch, {f"{'😀&' * 200}{each}": wave for each in range(150)})
    run.finish("failed", "😀&" * 1000)
    return run


def predicting() -> Run:
    run = Run("predict", "predict")
    run.progress.done = 20
    return run


CASES: dict[str, Callable[[], Run]] = {
    each.__name__: each
    for each in (
        digits,
        long_run,
        without_epochs,
        one_epoch,
        with_gaps,
        hostile,
        endless,
        predicting,
    )
}


@pytest.fixture(params=CASES)
def any_run(request: pytest.FixtureRequest) -> Run:
    """Each of the cases in turn."""
    return CASES[request.param]()


@pytest.fixture
def make() -> dict[str, Callable[..., Run]]:
    """The cases by name."""
    return dict(CASES)
