from __future__ import annotations

import base64
import math
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from nbkeras.widgets.picture import frame, svg
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.groups import chart_of, groups_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.run import Run

SVG = "{http://www.w3.org/2000/svg}"


def curve(*values: float, dashed: bool = False) -> Curve:
    points = [(float(epoch), value) for epoch, value in enumerate(values, 1)]
    return Curve("training", "train", COLOURS[0], dashed=dashed, points=points)


def parse(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - our own


def texts(picture: str) -> list[str]:
    return [each.text or "" for each in parse(picture).iter(f"{SVG}text")]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_picture_is_well_formed_xml(any_run: Run) -> None:
    for group in groups_of(any_run):
        chart = chart_of(any_run, group)
        assert parse(draw(chart)).tag == f"{SVG}svg"
        assert chart.describe()


def test_the_line_goes_through_the_values() -> None:
    root = parse(draw(Chart("loss", "epoch", (curve(0.0, 1.0, 0.5),))))
    path = next(each for each in root.iter(f"{SVG}path") if each.get("d", "").startswith("M500 "))
    high, low, middle = 10 * frame.TOP, 10 * frame.BOTTOM, 5 * (frame.TOP + frame.BOTTOM)
    half = 5 * (frame.RIGHT - frame.LEFT)
    assert path.get("d") == f"M500 {low}l{half}{high - low} {half} {middle - high}"


def test_validation_is_dashed_and_of_another_colour(make: dict[str, Callable[[], Run]]) -> None:
    run = make["digits"]()
    train, validation = chart_of(run, groups_of(run)[0]).curves
    assert (train.label, train.dashed) == ("train", False)
    assert (validation.label, validation.dashed) == ("val", True)
    assert train.colour != validation.colour
    assert 'stroke-dasharray="50 45"' in draw(Chart("loss", "epoch", (train, validation)))


def test_a_run_in_its_first_epoch_is_drawn_by_step(make: dict[str, Callable[[], Run]]) -> None:
    run = make["without_epochs"]()
    chart = chart_of(run, groups_of(run)[0])
    assert chart.across == "step"
    assert chart.curves[0].points[-1] == (300, 1 / 300)


def test_the_validation_of_a_single_epoch_is_a_point_at_the_last_step(
    make: dict[str, Callable[[], Run]],
) -> None:
    run = make["one_epoch"]()
    chart = chart_of(run, groups_of(run)[0])
    assert chart.across == "step"
    assert len(chart.curves[0].points) == 30
    assert chart.curves[1].points == [(30, 0.2)]


def test_gaps_are_marked_and_explained() -> None:
    picture = draw(Chart("loss", "epoch", (curve(0.5, math.nan, math.inf, -math.inf, 0.4),)))
    assert "\N{MULTIPLICATION SIGN} NaN · △ inf · ▽ -inf" in texts(picture)
    assert picture.count('z"') + picture.count("zM") == 2


def test_nothing_but_gaps_says_so() -> None:
    chart = Chart("loss", "epoch", (curve(math.nan, math.nan),))
    assert "no finite values" in texts(draw(chart))
    assert chart.describe() == "Chart of loss by epoch: training has no finite values"


def test_no_curve_at_all_is_a_picture_too() -> None:
    assert "no finite values" in texts(draw(Chart("loss", "epoch", ())))


def test_a_log_scale_is_named() -> None:
    assert "log scale" in texts(draw(Chart("loss", "epoch", (curve(1e-5, 1.0),))))
    assert "log scale" not in texts(draw(Chart("loss", "epoch", (curve(0.1, 1.0),))))


def test_labels_do_not_overlap_and_stay_in_the_picture() -> None:
    curves = tuple(curve(1.0, 0.5 + each / 1000) for each in range(7))
    root = parse(draw(Chart("loss", "epoch", curves)))
    places = sorted(float(each.get("y", "")) for each in root.iter(f"{SVG}text") if each.text == "train")
    assert len(places) == 7
    assert all(after - before >= 12.9 for before, after in pairwise(places))
    assert places[-1] <= frame.BOTTOM + 4


def test_names_are_escaped_and_cut() -> None:
    picture = draw(Chart('<a href="x">&' + "m" * 100, "epoch", (curve(1.0),)))
    title = texts(picture)
    assert any(each.startswith('<a href="x">&mmm') and each.endswith("…") for each in title)


def test_words_and_lines_stand_out_on_the_ground() -> None:
    assert contrast(frame.TEXT, frame.GROUND) >= 4.5
    assert contrast(frame.STRONG, frame.GROUND) >= 4.5
    # A run's own two curves; comparisons have letters beside theirs as well.
    assert all(contrast(colour, frame.GROUND) >= 3 for colour in COLOURS[:3])


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_the_ground_makes_the_picture_independent_of_the_page(page: str) -> None:
    root = parse(draw(Chart("loss", "epoch", (curve(1.0, 0.5),))))
    ground = root[1]
    assert ground.tag == f"{SVG}rect"
    assert ground.get("fill") != page


def test_a_path_is_short_and_exact() -> None:
    assert svg.path([]) == ""
    assert svg.path([(10.4, 3.6), (9, 2), (9, 5), (12, 1)]) == "M10 4l-1-2 0 3 3-4"


def test_the_address_holds_the_whole_picture() -> None:
    picture = draw(Chart("lösß", "epoch", (curve(1.0, 0.5),)))
    mime, _, data = svg.address(picture).partition(",")
    assert mime == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == picture
