"""What happened to a run, in its static picture."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from nbkeras.runs.run import Run
from nbkeras.widgets.picture import frame
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.groups import chart_of, groups_of
from nbkeras.widgets.picture.marks import marks_of
from nbkeras.widgets.static_html import static_bundle

SVG = "{http://www.w3.org/2000/svg}"


def staged(*stages: int, epochs: int = 12, first: int = 1, steps: int | None = 10) -> Run:
    """A run of ten steps an epoch with stages that begin before these epochs."""
    run = Run("fit", "staged")
    progress = run.progress
    progress.steps = steps
    for epoch in range(first, first + epochs):
        if epoch in stages:
            number = stages.index(epoch) + 1
            run.add_event(f"stage {number} of {len(stages)}: head and all of base, 3 layers")
        progress.epoch, progress.step = epoch, 10
        progress.done += 10
        run.record_epoch(epoch, {"loss": 1 / epoch})
    return run


def labels(run: Run) -> list[tuple[float, str]]:
    """The labels in a run's first chart, and where they begin."""
    root = ET.fromstring(draw(chart_of(run, groups_of(run)[0])))  # noqa: S314 - our own
    row = str(frame.TOP - 4)
    found = (each for each in root.iter(f"{SVG}text") if each.get("y") == row)
    return sorted((float(each.get("x", "")), each.text or "") for each in found)


def lines(run: Run) -> list[float]:
    picture = draw(chart_of(run, groups_of(run)[0]))
    return [float(x) for x in re.findall(rf"M([\d.]+) {frame.TOP}V{frame.BOTTOM}", picture)]


def test_stages_have_their_names_at_their_lines() -> None:
    run = staged(1, 5, 9)
    across = (frame.RIGHT - frame.LEFT) / 11
    # The first one began before the first point; the others at the ends of epochs 4 and 8.
    expected = [frame.LEFT, frame.LEFT + 3 * across, frame.LEFT + 7 * across]
    assert lines(run) == pytest.approx(expected, abs=0.06)
    assert [text for _, text in labels(run)] == ["stage 1 of 3", "stage 2 of 3", "stage 3 of 3"]
    assert [x for x, _ in labels(run)] == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("first", "steps"), [(1, None), (21, 10)])
def test_epochs_of_unknown_length_or_that_begin_later_are_no_matter(first: int, steps: int | None) -> None:
    run = staged(first, first + 4, first=first, steps=steps)
    assert [mark.x for mark in marks_of(run, steps=False, limit=20)][1:] == [first + 3]


def test_in_the_first_epoch_a_mark_stands_at_its_step() -> None:
    run = Run("fit", "first epoch")
    for step in range(1, 101):
        run.progress.done = run.progress.step = step
        run.record_step(step, {"loss": 1 / step})
        if step == 50:
            run.add_event("learning rate set to 0.01")
    assert [mark.x for mark in marks_of(run, steps=True, limit=20)] == [50]
    # Where no epoch has ended and none is counted, nobody can say how much of one this is.
    assert marks_of(run, steps=False, limit=20) == ()
    assert [text for _, text in labels(run)] == ["learning rate set to 0.01"]


def test_what_happens_at_one_step_shares_a_line() -> None:
    run = staged(1, epochs=8)
    for event in ("paused", "resumed", "paused", "resumed"):
        run.add_event(event)
    assert len(lines(run)) == 2
    place, text = labels(run)[-1]
    assert text == "paused, resumed"
    # At the right edge the words stand before their line.
    assert frame.RIGHT - 100 < place < frame.RIGHT - 70


def test_many_marks_keep_apart_and_stay_in_the_chart() -> None:
    run = staged(*range(1, 21), epochs=20)
    found = labels(run)
    assert 4 <= len(found) <= 8
    assert all(after - before >= 5 * len(text) for (before, text), (after, _) in pairwise(found))
    # Cut in its number, one could be taken for another.
    assert all(re.fullmatch(r"stage \d+( of 20)?", text) for _, text in found)
    last, text = found[-1]
    assert last + 5 * len(text) <= frame.RIGHT


def test_what_has_ended_a_run_is_no_mark() -> None:
    run = staged(1, 5)
    run.add_event("stopping: stop button")
    assert [text for _, text in labels(run)][-1] == "stopping"
    run.finish("stopped", "stop button")
    assert [text for _, text in labels(run)] == ["stage 1 of 2", "stage 2 of 2"]


def test_the_saved_picture_has_them_too() -> None:
    run = staged(1, 5)
    run.finish("finished")
    html = static_bundle(run)["text/html"]
    assert "step 40: stage 2 of 2: head and all of base, 3 layers" in html
    (picture,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', html)
    assert "stage 2 of 2</text>" in base64.b64decode(picture).decode()
