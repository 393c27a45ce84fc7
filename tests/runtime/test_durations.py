from __future__ import annotations

from datetime import timedelta

import pytest

from nbkeras.runtime.durations import format_duration, parse_duration
from nbkeras.runtime.refusal import Refusal


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (90, 90),
        (0.5, 0.5),
        ("90", 90),
        ("30s", 30),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (" 2D ", 172_800),
        (timedelta(minutes=2), 120),
    ],
)
def test_times_as_people_type_them(given, seconds):
    assert parse_duration(given, option="--max-time") == seconds


@pytest.mark.parametrize(
    "given",
    ["", "soon", "10x", "m10", "10m foo", "-5", 0, -1, float("inf"), float("nan"), True, [1], None, b"10m"],
)
def test_other_things_are_refused(given):
    with pytest.raises(Refusal, match="--max-time: expected a time such as 90s, 10m or 1h30m"):
        parse_duration(given, option="--max-time")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.3, "0.3s"), (45, "45s"), (600, "10m"), (3725, "1h 2m 5s"), (7200, "2h")],
)
def test_short_text(seconds, text):
    assert format_duration(seconds) == text
