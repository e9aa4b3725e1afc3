"""Lines and points that carry data, and numbers on maps, can be seen on both pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.anatomy.shapes import Shape, ShapeAxis
from core.compare.courses import Course, CurveAxis, courses
from core.compare.curves import Curves
from core.compare.forest import Row
from core.compare.intervals import Spread
from core.data import DATASETS
from core.figures import (
    Figure,
    Ghost,
    confusion_figure,
    forest_figure,
    lens_figure,
    loss_figure,
    predicted_figure,
    range_figure,
    reliability_figure,
    shape_figure,
    shared_figure,
    units_figure,
)
from core.judging.yardsticks import shared, yardsticks
from core.losses import LOSSES, Task
from core.records import Measure, Split
from core.records.snapshot import MARGIN_EDGES, RELIABILITY_BINS
from core.spec import ExperimentSpec
from core.spec.entrants import PALETTE
from tests.core.experiments import entrants
from tests.core.figures.test_figures import drawn, values
from tests.core.test_colors import contrast, theme

COLORS = sorted({loss.color for loss in LOSSES.values()} | {color for color, _dash in PALETTE})
SPEC = ExperimentSpec(entrants=entrants("mse"), seeds=(0, 1))
(ENTRANT,) = SPEC.lineup
CURVES = Curves("abc", SPEC.run_count)
#: So much is asked of lines and points, and of text.
OF_LINES, OF_TEXT = 3, 4.5


def figures(color: str) -> Iterator[Figure]:
    """One of each kind that has lines or points of an entrant's, in this colour."""
    entrant = replace(ENTRANT, color=color)
    for smoothing in (0.0, 0.9):
        yield loss_figure(drawn(SPEC, smoothing=smoothing), entrant, baseline=2.3, log_y=False)
    _, judged_by, *_ = shared(DATASETS["iris"])
    accuracy = course(color, Measure.ACCURACY)
    yield shared_figure(
        [accuracy], CURVES, judged_by, axis=CurveAxis.EPOCH, band=Spread.INTERVAL, seeds=True,
        split=Split.VAL, ghost=Ghost([accuracy], CURVES),
    )  # fmt: skip
    loss = course(color, Measure.LOSS)
    yield units_figure(
        loss, loss, CURVES, split=Split.VAL, axis=CurveAxis.EPOCH, band=Spread.RANGE, seeds=True,
        baseline=2.3, log_y=False,
    )  # fmt: skip
    rates = [0.01, 0.1]
    tested: Any = {"rates": rates, "steps": 9, "skills": [[0.1, 0.2]]}
    yield range_figure(tested, rates[:1], [entrant], "abc")
    lens: Any = {"margins": [-1.0, 1.0], "gradients": [[0.1, 0.2]]}
    margins = np.ones((1, len(MARGIN_EDGES) - 1), np.int32)
    yield lens_figure(lens, margins, [entrant], "abc", True)
    table = np.full((3, RELIABILITY_BINS), 5, np.float32)
    yield reliability_figure(color, table, "abc")
    some = np.array([0, 1], np.float32)
    yield predicted_figure(color, some, some, "abc")
    row = Row("A", "B", 0.5, -1, 2, True, False, "said")
    yield forest_figure([row], yardsticks(Task.BINARY)[0], {"A": color, "B": color}, "abc")
    axis = ShapeAxis.PREDICTION
    places = np.array(axis.places)
    shape = Shape(places, places**2, 2 * places, 2 * places)
    painted = replace(LOSSES["mse"], color=color)
    yield shape_figure([(painted, [shape])], "loss", axis, 0, log_y=False)


def course(color: str, measure: Measure) -> Course:
    (made,) = courses(drawn(SPEC).runs, SPEC, Split.VAL, measure)
    return replace(made, entrant=replace(ENTRANT, color=color), diverged_steps=(None, 40))


def strokes(figure: Figure) -> Iterator[tuple[str, str, float]]:
    """What each line and point is of, its colour, and its opacity beside the colour's own."""
    for trace in figure["data"]:
        opacity = trace.get("opacity", 1)
        if trace.get("line", {}).get("width"):
            yield trace["name"], trace["line"]["color"], opacity
        if marker := trace.get("marker"):
            outline = marker.get("line", {}).get("color", marker["color"])
            yield f"points of {trace['name']}", outline, opacity * marker.get("opacity", 1)
        if bar := trace.get("error_y"):
            yield f"bars of {trace['name']}", bar["color"], opacity
    for shape in figure["layout"].get("shapes", []):
        yield "shape", shape["line"]["color"], shape.get("opacity", 1)


def over(color: str, page: str, opacity: float = 1) -> str:
    """What is seen of a colour that the page shows through."""
    if parts := re.fullmatch(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)", color):
        *rgb, alpha = map(float, parts.groups())
        opacity *= alpha
    else:
        rgb = list(channels(color))
    mixed = opacity * np.array(rgb) + (1 - opacity) * channels(page)
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def channels(color: str) -> NDArray[np.float64]:
    return np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)], float)


def test_a_color_over_another() -> None:
    assert over("#000000", "#ffffff", 0.5) == over("rgba(0,0,0,0.5)", "#ffffff") == "#808080"
    assert over("#0072b2", "#ffffff") == "#0072b2"


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("color", COLORS)
def test_every_line_and_point_stands_out_from_the_page(color: str, mode: str) -> None:
    page = theme(mode)["backgroundColor"]
    for figure in figures(color):
        seen = list(strokes(figure))
        assert seen
        for name, stroke, opacity in seen:
            assert contrast(over(stroke, page, opacity), page) >= OF_LINES, name


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_counts_of_a_confusion_map_are_read_on_every_cell(mode: str) -> None:
    heat, counts = confusion_figure(np.array([[3, 1], [0, 1000]]), "abc")["data"]
    # Text without a colour has that of the theme; within a heat map Plotly picks another.
    assert counts["mode"] == "text"
    assert "color" not in counts["textfont"]
    assert "texttemplate" not in heat
    page, text = theme(mode)["backgroundColor"], theme(mode)["textColor"]
    (_, lowest), (_, highest) = heat["colorscale"]
    for share in np.linspace(0, 1, 101):
        cell = over(between(lowest, highest, share), page)
        assert contrast(text, cell) >= OF_TEXT, share


def between(lowest: str, highest: str, share: float) -> str:
    """The colour of a share, as a colour scale has it."""
    ends = [np.array(re.findall(r"[\d.]+", color), float) for color in (lowest, highest)]
    *rgb, alpha = (1 - share) * ends[0] + share * ends[1]
    return f"rgba({','.join(str(round(channel)) for channel in rgb)},{alpha:.4f})"


def test_counts_stand_on_their_cells() -> None:
    heat, counts = confusion_figure(np.array([[3, 1], [0, 1000]]), "abc")["data"]
    assert heat["x"] == heat["y"] == ["0", "1"]
    # A row is a true class: none of class 1 was predicted to be 0.
    assert list(zip(counts["y"], counts["x"], counts["text"], strict=True)) == [
        ("0", "0", "3"), ("0", "1", "1"), ("1", "1", "1,000"),
    ]  # fmt: skip


# ------------------------------------------------------------------ what stands before what


def test_what_is_smoothed_stands_before_all_that_was_measured_and_is_bolder() -> None:
    curves = drawn(SPEC, smoothing=0.9)
    traces = loss_figure(curves, ENTRANT, baseline=None, log_y=False)["data"]
    shown = [trace for trace in traces if trace["name"] != "validation"]
    assert [trace["name"] for trace in shown] == ["training"] * 2 + ["smoothed"] * 2
    for raw, smoothed in zip(shown[:2], shown[2:], strict=True):
        assert smoothed["line"]["color"] == ENTRANT.color != raw["line"]["color"]
        assert smoothed["line"]["width"] > 2 * raw["line"]["width"]
    for trace, run in zip(shown[2:], curves.runs, strict=True):
        np.testing.assert_array_equal(values(trace["y"]), run.smoothed.y)
