"""The curve along one feature: the line, the rows on it, and both ends."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.figures import Figure, curve_figure
from core.figures.learned import CLASS_LOOKS
from tests.core.figures.test_figures import names, values

EXTENT = np.array([-3, 5], np.float32)


def drawn(answers: list[float], points: list[list[float]], *, is_of_classes: bool) -> Figure:
    figure = curve_figure(
        "#0072B2",
        np.array(answers, np.float32),
        EXTENT,
        np.array(points, np.float32),
        "p(class 1)" if is_of_classes else "predicted value",
        "abc",
        is_of_classes=is_of_classes,
    )
    go.Figure(figure)
    return figure


def test_probabilities_go_from_end_to_end_and_rows_lie_at_their_class() -> None:
    figure = drawn([0, 0.5, 1], [[1, 0], [2, 1], [3, 1]], is_of_classes=True)
    line, zeros, ones = figure["data"]
    assert values(line["x"]).tolist() == [-3, 1, 5]
    assert values(line["y"]).tolist() == [0, 0.5, 1]
    assert (values(zeros["x"]).tolist(), values(zeros["y"]).tolist()) == ([1], [0])
    assert (values(ones["x"]).tolist(), values(ones["y"]).tolist()) == ([2, 3], [1, 1])
    assert [each["marker"]["color"] for each in (zeros, ones)] == [
        color for color, _symbol in CLASS_LOOKS[:2]
    ]
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < 0
    assert high > 1
    assert figure["layout"]["xaxis"]["range"] == [-3, 5]
    assert figure["layout"]["yaxis"]["title"]["text"] == "p(class 1)"


def test_values_have_no_fixed_ends() -> None:
    figure = drawn([-4, 9, 2], [[1, 7.5], [2, -3]], is_of_classes=False)
    assert names(figure) == ["predicted value", "row"]
    _line, rows = figure["data"]
    assert values(rows["y"]).tolist() == [7.5, -3]
    assert "range" not in figure["layout"]["yaxis"]
