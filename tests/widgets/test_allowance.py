"""A monitor's bytes stay within bounds, whatever its messages weigh."""

from __future__ import annotations

import itertools

import pytest

from nbkeras.widgets.allowance import BEAT, BYTES, SKETCH_EVERY, WRAPPING, Allowance


def said(seconds, tick, sketch):
    """Play a run that ticks on the recorder's beat; return ticks, sketches, the longest gap between ticks."""
    allowance = Allowance()
    ticks, sketches, due = [], 0, 0.0
    for beat in range(round(seconds / BEAT)):
        now = 100 + beat * BEAT
        if now >= due:
            due = now + allowance.sketched(sketch)
            sketches += 1
        if allowance.allows_tick(now):
            allowance.ticked(now, tick)
            ticks.append(now)
    return len(ticks), sketches, max(later - tick for tick, later in itertools.pairwise(ticks))


@pytest.mark.parametrize(
    ("tick", "sketch"), [(100, 800), (300, 2000), (350, 2500), (1000, 4000), (3000, 20_000)]
)
def test_the_bytes_of_a_minute(tick, sketch):
    ticks, sketches, _ = said(60, tick, sketch)
    # The first messages of a run may go at once.
    spoken = ticks * (tick + WRAPPING) + sketches * (sketch + WRAPPING)
    assert spoken <= 60 * BYTES + tick + sketch + 2 * WRAPPING


def test_small_ticks_go_on_every_beat():
    ticks, sketches, _ = said(60, 180, 1800)
    assert (ticks, sketches) == (600, 30)


def test_larger_ticks_are_spaced_out_evenly():
    ticks, _, gap = said(60, 280, 2400)
    assert ticks > 400
    assert gap == pytest.approx(2 * BEAT)


def test_a_large_sketch_comes_more_seldom():
    assert Allowance().sketched(1000) == SKETCH_EVERY
    assert Allowance().sketched(2 * BYTES - WRAPPING) == 4.0


def test_after_a_silence_there_is_no_burst():
    allowance = Allowance()
    allowance.ticked(0.0, 400)
    assert allowance.allows_tick(1000.0)
    allowance.ticked(1000.0, 400)
    allowance.ticked(1000.0, 400)
    assert not allowance.allows_tick(1000.0 + BEAT)
