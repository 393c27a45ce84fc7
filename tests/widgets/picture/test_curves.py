from __future__ import annotations

import math

import pytest

from nbkeras.widgets.picture.curves import Curve, Gap, pieces, thin
from nbkeras.widgets.picture.numerals import seconds, tick, value
from nbkeras.widgets.picture.ticks import count_axis, value_axis

NAN, INF = math.nan, math.inf


def test_thinning_keeps_extremes_gaps_and_both_ends() -> None:
    points = [(float(x), math.sin(x / 50)) for x in range(20_000)]
    points[7777] = (7777.0, 5.0)
    points[8888] = (8888.0, -5.0)
    points[12_345] = (12_345.0, NAN)

    kept = thin(points, 200)

    assert len(kept) <= 200 + 3
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert {5.0, -5.0} <= {y for _, y in kept}
    assert any(math.isnan(y) for _, y in kept)
    assert [x for x, _ in kept] == sorted(x for x, _ in kept)


def test_a_short_curve_is_not_thinned() -> None:
    points = [(1.0, 2.0), (2.0, 3.0)]
    assert thin(points, 2) == points


def test_steps_that_all_have_one_number_are_thinned_too() -> None:
    assert thin([(3.0, float(y)) for y in range(100)], 10)


def test_gaps_break_a_line_and_are_told_apart() -> None:
    lines, gaps = pieces([(1, 1.0), (2, NAN), (3, INF), (4, INF), (5, 2.0), (6, 3.0)])

    assert lines == [[(1, 1.0)], [(5, 2.0), (6, 3.0)]]
    assert gaps == [Gap(2, 2, "NaN"), Gap(3, 4, "inf")]


def test_the_last_point_is_the_last_that_can_be_drawn() -> None:
    curve = Curve("training", "train", "#000000", dashed=False, points=[(1, 0.5), (2, NAN)])
    assert curve.last == (1, 0.5)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 1.0], ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.12, 0.98], ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([2.3, 2.31], ["2.300", "2.302", "2.304", "2.306", "2.308", "2.310"]),
        ([1e-4, 1.0], ["0.0001", "0.001", "0.01", "0.1", "1"]),
        ([15_000, 60_000], ["10k", "20k", "30k", "40k", "50k", "60k"]),
        ([], []),
        ([NAN], []),
    ],
)
def test_ticks_are_round_numbers(values: list[float], labels: list[str]) -> None:
    axis = value_axis(values)
    assert [label for _, label in axis.ticks] == labels


@pytest.mark.parametrize(
    "values",
    [[5.0], [0.0], [-3.0, -3.0], [1e-300, 1e300], [-1e308, 1e308, 1.0], [1e-12, 2e-12], [1e9, 1e9 + 1]],
)
def test_every_value_has_a_place_between_the_axis_ends(values: list[float]) -> None:
    axis = value_axis(values)
    for number in values:
        if abs(number) < 1e300:
            assert -1e-9 <= axis.place(number) <= 1 + 1e-9


def test_the_scale_is_logarithmic_only_for_positive_values_over_three_decades() -> None:
    assert value_axis([0.001, 1.1]).log
    assert not value_axis([0.001, 0.9]).log
    assert not value_axis([0.0, 1000.0]).log
    assert not value_axis([-1.0, 1000.0]).log


@pytest.mark.parametrize(("low", "high"), [(1, 2), (1, 3), (1, 20), (1, 500), (0, 1_000_000)])
def test_epochs_and_steps_have_whole_ticks(low: int, high: int) -> None:
    axis = count_axis(low, high)
    assert 2 <= len(axis.ticks) <= 8
    assert all(number == int(number) and low <= number <= high for number, _ in axis.ticks)


def test_one_epoch_has_one_tick_in_the_middle() -> None:
    axis = count_axis(1, 1)
    assert axis.ticks == ((1, "1"),)
    assert axis.place(1) == 0.5


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0000"),
        (1.0, "1.0000"),
        (-0.5, "-0.5000"),
        (99.99999, "100.0000"),
        (123.456, "123.46"),
        (1e6, "1,000,000"),
        (1e12, "1.000e12"),
        (-2.5e-5, "-2.500e-5"),
        (-INF, "-inf"),
    ],
)
def test_values_read_like_keras_own(number: float, text: str) -> None:
    assert value(number) == text


def test_durations_and_ticks() -> None:
    assert [seconds(each) for each in (0.004, 59.0, 3600.0, NAN)] == ["0.00s", "59.0s", "1h", "-"]
    assert [tick(each, 2.5) for each in (0, 2.5, 5.0)] == ["0", "2.5", "5.0"]
    assert tick(2_500_000, 500_000) == "2.5M"
    assert tick(3e20, 1e20) == "3e20"
