"""The messages, against the files that the TypeScript side decodes in its own tests."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path

import numpy as np
import pytest

from nbkeras.runs.events import Event, Fresh
from nbkeras.runs.run import Run
from nbkeras.widgets.protocol import FULL_POINTS, SKETCH_POINTS, TICK_POINTS, Controls, keyframe, tick

FIXTURES = Path(__file__).resolve().parents[2] / "extension" / "test" / "fixtures"
PHASES = ("train", "validate", "predict")
AXES = ("step", "epoch")


def load(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())


def number(value):
    return math.nan if value == "NaN" else float(value)


def set_progress(run, decoded):
    for name, value in decoded.items():
        known = None if value == "NaN" else value
        setattr(run.progress, name, PHASES[int(value)] if name == "phase" else known)


def assert_same(message, fixture):
    assert message.content == fixture["content"]
    assert [base64.b64encode(buffer).decode() for buffer in message.buffers] == fixture["buffers"]


@pytest.mark.parametrize("name", ["keyframe_full", "keyframe_sketch", "keyframe_evaluate"])
def test_keyframe_is_the_one_that_the_view_reads(name):
    fixture = load(name)
    content, decoded = fixture["content"], fixture["decoded"]
    about = content["run"]
    run = Run(about["kind"], about["name"])
    run.id, run.created = about["id"], about["started"]
    run.notes = about["notes"]
    names = [metric["name"] for metric in about["metrics"]]
    # A sketch may name a metric of which it brings no point.
    run._metrics = dict.fromkeys(names)
    for series in decoded["points"]:
        record = run.record_step if series["axis"] == "step" else run.record_epoch
        for x, y in zip(series["x"], series["y"], strict=True):
            record(int(x), {names[series["metric"]]: number(y)})
    run.events = [Event(event["step"], event["text"], 0.0) for event in about["events"]]
    run.status, run.reason = about["status"], about["reason"]
    set_progress(run, decoded["progress"])
    message = keyframe(
        run,
        content["seq"],
        Controls(**about["controls"]),
        points=FULL_POINTS if content["full"] else SKETCH_POINTS,
    )
    # A sketch that leaves nothing out says that it is full.
    message.content["full"] = content["full"]
    assert_same(message, fixture)


@pytest.mark.parametrize("name", ["tick", "tick_empty", "tick_epoch_end"])
def test_tick_is_the_one_that_the_view_reads(name):
    fixture = load(name)
    content, decoded = fixture["content"], fixture["decoded"]
    run = Run("fit")
    names = ["loss", "val_loss", "accuracy", "learning_rate"]
    for each in names:
        run.record_epoch(1, {each: 0.0})
    set_progress(run, decoded["progress"])
    fresh = Fresh()
    for series in decoded["points"]:
        rows = fresh.steps if series["axis"] == "step" else fresh.epochs
        for x, y in zip(series["x"], series["y"], strict=True):
            rows.append((int(x), {names[series["metric"]]: number(y)}))
    fresh.events = [Event(event["step"], event["text"], 0.0) for event in content.get("events", [])]
    run.status = content.get("status", "running")
    assert_same(tick(run, fresh, content["seq"], status="status" in content), fixture)


def size(message):
    return len(json.dumps(message.content)) + sum(map(len, message.buffers))


@pytest.mark.parametrize("metrics", [1, 4, 20])
def test_sizes_are_bounded(metrics):
    run = Run("fit")
    values = np.random.default_rng(0).normal(size=60_000)
    for step, value in enumerate(values):
        run.record_step(step, {f"metric_{i}": float(value) + i for i in range(metrics)})
    for epoch in range(1, 3000):
        run.record_epoch(epoch, {f"metric_{i}": 1 / epoch for i in range(metrics)})
    full, sketch = keyframe(run, 1, Controls()), keyframe(run, 1, Controls(), points=SKETCH_POINTS)
    assert full.points <= FULL_POINTS
    assert size(full) <= 100_000
    assert sketch.points <= max(SKETCH_POINTS, 8 * metrics)
    assert size(sketch) <= 4_000 + 400 * metrics
    assert sketch.content["full"] is False
    # Peaks survive the thinning.
    _, _, y = full.buffers
    assert np.frombuffer(y, "<f4").max() == pytest.approx(values.max() + metrics - 1, rel=1e-6)


def test_a_sketch_of_little_is_the_full_picture():
    run = Run("fit")
    run.record_step(1, {"loss": math.inf})
    run.record_epoch(1, {"loss": math.nan})
    message = keyframe(run, 3, Controls(), points=SKETCH_POINTS)
    assert message.content["full"] is True
    assert np.frombuffer(message.buffers[2], "<f4").tolist()[0] == math.inf


def test_a_tick_of_many_short_epochs_is_bounded_and_keeps_the_extremes():
    run = Run("loop")
    fresh = Fresh()
    for epoch in range(1, 5001):
        values = {"loss": -1.0 if epoch == 2500 else 1 / epoch}
        run.record_epoch(epoch, values)
        fresh.epochs.append((epoch, values))
    message = tick(run, fresh, 1, status=False)
    assert message.size < 1000
    assert message.points == message.content["series"][0][2] <= TICK_POINTS
    y = np.frombuffer(message.buffers[2], np.float32)
    assert y.min() == -1.0
