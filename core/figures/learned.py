"""Snapshots -> figures of what each entrant learned and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compare.shares import wilson
from core.figures.drawing import NEUTRAL, WHOLE, Figure, across, chart, muted, scatter, typed
from core.records.snapshot import RELIABILITY_BINS

#: From class 0 to class 1, white between: blue and orange, told apart by every eye.
_SURFACE_SCALE = [[0, "#3b6fb6"], [0.5, "#f2f2f2"], [1, "#d9822b"]]
#: Shades of each class, so that those of ten fit into a byte, and the colour of no confidence.
SHADES = 25
_UNSURE = "#f2f2f2"
#: From none to all rows of a class: the theme's text is read on each, on both pages.
_SHARE_SCALE = [[0, "rgba(128,128,128,0.08)"], [1, "rgba(11,114,133,0.75)"]]
#: A share of fewer rows than this says little, and its point is open.
FEW_ROWS = 10
#: One a class, and its points' shape: ``MOST_SURFACE_CLASSES`` that every eye tells apart.
CLASS_LOOKS = (
    ("#3b6fb6", "circle"),
    ("#d9822b", "square"),
    ("#2a9d6f", "triangle-up"),
    ("#8769f0", "diamond"),
    ("#45213c", "cross"),
    ("#f2f20d", "x"),
    ("#6ef7f7", "triangle-down"),
    ("#910808", "pentagon"),
    ("#2a0891", "star"),
    ("#adebad", "hexagon"),
)


def surface_figure(
    surface: NDArray[np.uint8],
    extent: NDArray[np.float32],
    points: NDArray[np.float32],
    wrong: NDArray[np.uint8] | None,
    classes: int,
    scope: str,
    confidence: NDArray[np.uint8] | None = None,
) -> Figure:
    """p(class 1) over the plane, or the class predicted; judged rows on it.

    Those that are ``wrong`` have a ring. Of more than two classes the colour is paler where the
    ``confidence`` is less.
    """
    if classes > 2:
        surface = shaded(surface, confidence, classes)
    x_low, x_high, y_low, y_high = (float(edge) for edge in extent)
    size = len(surface)
    plane: Figure = {
        "type": "heatmap",
        "name": "surface",
        "z": typed(np.ascontiguousarray(surface)) | {"shape": f"{size}, {size}"},
        "x0": x_low,
        "dx": (x_high - x_low) / (size - 1),
        "y0": y_low,
        "dy": (y_high - y_low) / (size - 1),
        "hoverinfo": "skip",
        "zsmooth": "best" if classes == 2 else False,
        "showscale": False,
        **_scale(classes),
    }
    traces = [plane, *_class_points(points, classes, size=5)]
    if wrong is not None:
        rows = points[: len(wrong)][wrong > 0]
        ring = {"color": "#000000", "symbol": "circle-open", "size": 10, "line": {"width": 1.6}}
        traces.append(
            scatter("wrong", rows[:, 0].copy(), rows[:, 1].copy())
            | {"mode": "markers", "marker": ring, "hoverinfo": "skip"}
        )
    ties = {"xaxis": ("plane x", 1), "yaxis": ("plane y", 1)}
    return _square(chart(scope, traces, "", "", ties=ties, is_of_points=True))


def _scale(classes: int) -> dict[str, Any]:
    if classes == 2:
        return {"zmin": 0, "zmax": 255, "colorscale": _SURFACE_SCALE}
    steps = []
    for number, (color, _symbol) in enumerate(CLASS_LOOKS[:classes]):
        # From the palest shade of a class to its fullest, and on to the palest of the next.
        steps.append([number / classes, _UNSURE])
        steps.append([(number + 1 - 1 / SHADES) / classes, color])
    steps.append([1, CLASS_LOOKS[classes - 1][0]])
    return {"zmin": 0, "zmax": classes * SHADES, "colorscale": steps}


def shaded(
    surface: NDArray[np.uint8], confidence: NDArray[np.uint8] | None, classes: int
) -> NDArray[np.uint8]:
    """Of class c the numbers ``SHADES`` c and up, the more the surer: by how much the
    probability is above that of a guess."""
    if confidence is None:
        sure = np.ones(surface.shape)
    else:
        guess = 1 / classes
        sure = np.clip((confidence / 255 - guess) / (1 - guess), 0, 1)
    shades: NDArray[np.uint8] = (SHADES * surface + np.rint((SHADES - 1) * sure)).astype(np.uint8)
    return shades


def _square(figure: Figure) -> Figure:
    figure["layout"]["showlegend"] = False
    figure["layout"]["margin"] |= {"t": 4}
    for name in ("xaxis", "yaxis"):
        figure["layout"][name] = {"visible": False, "constrain": "domain"}
    figure["layout"]["yaxis"] |= {"scaleanchor": "x"}
    return figure


def curve_figure(
    color: str,
    curve: NDArray[np.float32],
    extent: NDArray[np.float32],
    points: NDArray[np.float32],
    answer: str,
    scope: str,
    *,
    is_of_classes: bool,
) -> Figure:
    """What a network answers along one feature, judged rows on it; ``answer`` says what that is.

    Rows of class 1 lie at 1 and those of class 0 at 0, where a curve that is sure and right ends.
    """
    low, high = (float(edge) for edge in extent)
    x = np.linspace(low, high, len(curve), dtype=np.float32)
    line = scatter(answer, x, curve) | {
        "mode": "lines",
        "line": {"color": color, "width": 2.5},
        "showlegend": False,
    }
    rows = points.astype(np.float32)
    if is_of_classes:
        traces = [line, *_class_points(rows, 2, size=9)]
    else:
        marks = {"mode": "markers", "marker": {"color": color, "size": 5, "symbol": "circle-open"}}
        traces = [line, scatter("row", rows[:, 0].copy(), rows[:, 1].copy()) | marks]
    figure = chart(scope, traces, "x", answer, x={"decimals": 2}, ties={"xaxis": ("feature", 1)})
    figure["layout"] |= {"showlegend": False}
    figure["layout"]["margin"] |= {"t": 4}
    figure["layout"]["xaxis"] |= {"rangemode": "normal", "range": [low, high]}
    if is_of_classes:
        # A line or a row at 0 or 1 is seen whole.
        figure["layout"]["yaxis"] |= {
            "range": [-0.06, 1.06],
            "tickmode": "array",
            "tickvals": [0, 0.5, 1],
        }
    return figure


def _class_points(points: NDArray[np.float32], classes: int, *, size: int) -> list[Figure]:
    """Rows at their first two numbers, in the look of the class that their last number is."""
    traces = []
    for number, (color, symbol) in enumerate(CLASS_LOOKS[:classes]):
        rows = points[points[:, -1] == number]
        mark = {
            "color": color,
            "symbol": symbol,
            "size": size,
            "line": {"color": "#ffffff", "width": 0.8},
        }
        traces.append(
            scatter(f"class {number}", rows[:, 0].copy(), rows[:, 1].copy())
            | {"mode": "markers", "marker": mark, "hoverinfo": "skip"}
        )
    return traces


def confusion_figure(counts: NDArray[np.int64], scope: str) -> Figure:
    """Rows of each true class by predicted class, all seeds together."""
    classes = len(counts)
    share = counts / np.maximum(1, counts.sum(1, keepdims=True))
    names = [str(number) for number in range(classes)]
    heat = {
        "type": "heatmap",
        "name": "confusion",
        "z": typed(share.astype(np.float32)) | {"shape": f"{classes}, {classes}"},
        "x": names,
        "y": names,
        "customdata": counts.tolist(),
        "hovertemplate": "true %{y}, predicted %{x}: %{customdata} rows<extra></extra>",
        "colorscale": _SHARE_SCALE,
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "showlegend": False,
        "xgap": 1,
        "ygap": 1,
    }
    traces = [heat, _counts(counts, names)]
    figure = chart(scope, traces, "predicted", "true class", is_of_points=True)
    figure["layout"]["margin"] |= {"t": 4}
    plain = {"type": "category", "showgrid": False, "rangemode": "normal"}
    figure["layout"]["xaxis"] |= plain | {"range": [-0.5, classes - 0.5]}
    figure["layout"]["yaxis"] |= plain | {"range": [classes - 0.5, -0.5]}
    return figure


def _counts(counts: NDArray[np.int64], names: list[str]) -> Figure:
    """On top of the map: text within it would be black or white by its color alone, without
    the page that shows through."""
    cells = [(true, predicted) for true, predicted in np.argwhere(counts).tolist()]
    return {
        "type": "scatter",
        "name": "counts",
        "mode": "text",
        "x": [names[predicted] for _true, predicted in cells],
        "y": [names[true] for true, _predicted in cells],
        "text": [f"{counts[cell]:,}" for cell in cells],
        "textfont": {"size": 11},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def truth_figure(color: str, counts: NDArray[np.int32], scope: str) -> Figure:
    """Rows by the probability that their true class was given; ``counts`` are of equal bins."""
    bins = len(counts)
    middles = ((np.arange(bins) + 0.5) / bins).astype(np.float32)
    bars = {
        "type": "bar",
        "name": "rows",
        "x": typed(middles),
        "y": typed(counts.astype(np.float32)),
        "width": 0.95 / bins,
        "marker": {"color": color},
        "showlegend": False,
    }
    figure = chart(
        scope, [bars], "probability of the true class", "rows", x={"decimals": 3}, y=WHOLE
    )
    figure["layout"]["margin"] |= {"t": 4}
    figure["layout"]["xaxis"] |= {"range": [0, 1]}
    figure["layout"]["yaxis"] |= {"rangemode": "tozero"}
    return figure


def predicted_figure(
    color: str, predicted: NDArray[np.float32], actual: NDArray[np.float32], scope: str
) -> Figure:
    """Predictions against the truth of judged rows, in standard deviations.

    A stick from each to where they would agree is its residual.
    """
    marks = {
        "mode": "markers",
        "marker": {"color": color, "size": 5, "symbol": "circle-open"},
        "error_y": {
            "symmetric": False,
            "array": typed(np.maximum(actual - predicted, 0)),
            "arrayminus": typed(np.maximum(predicted - actual, 0)),
            "color": muted(color),
            "thickness": 1,
            "width": 0,
        },
    }
    low, high = float(actual.min()), float(actual.max())
    traces = [scatter("row", actual, predicted) | marks | {"showlegend": False}]
    figure = chart(scope, traces, "true value", "predicted", is_of_points=True)
    figure["layout"]["shapes"] = [across({"x0": low, "y0": low, "x1": high, "y1": high})]
    figure["layout"]["margin"] |= {"t": 4}
    figure["layout"]["xaxis"] |= {"rangemode": "normal", "hoverformat": ".2f"}
    figure["layout"]["yaxis"] |= {"hoverformat": ".2f"}
    return figure


def reliability_figure(color: str, table: NDArray[np.float32], scope: str) -> Figure:
    """Share rightly predicted by confidence, with the rows in each bin; table ``[3, bins]``.

    Each share has its 95% interval, and those of few rows are open points.
    """
    rows, confidence, right = table.astype(np.float64)
    filled = rows > 0
    x = (confidence[filled] / rows[filled]).astype(np.float32)
    share = right[filled] / rows[filled]
    low, high = wilson(right[filled], rows[filled])
    middles = ((np.arange(RELIABILITY_BINS) + 0.5) / RELIABILITY_BINS).astype(np.float32)
    bars = {
        "type": "bar",
        "name": "rows",
        "x": typed(middles),
        "y": typed(rows.astype(np.float32)),
        "width": 0.9 / RELIABILITY_BINS,
        "yaxis": "y2",
        "marker": {"color": "rgba(128,128,128,0.25)", "line": {"color": NEUTRAL, "width": 1}},
    }
    points = scatter("share right", x, share.astype(np.float32)) | {
        "mode": "lines+markers",
        "line": {"color": muted(color), "width": 1.5},
        "marker": {
            "color": color,
            "size": 8,
            "symbol": ["circle-open" if few else "circle" for few in rows[filled] < FEW_ROWS],
        },
        "error_y": {
            "array": typed((high - share).astype(np.float32)),
            "arrayminus": typed((share - low).astype(np.float32)),
            "color": color,
            "thickness": 1.5,
            "width": 3,
        },
    }
    traces = [bars, points]
    figure = chart(
        scope,
        traces,
        "confidence",
        "share right",
        x={"decimals": 2},
        y={"decimals": 1, "share": True},
        y2=WHOLE,
    )
    figure["layout"]["shapes"] = [across({"x0": 0, "y0": 0, "x1": 1, "y1": 1})]
    figure["layout"]["xaxis"] |= {"range": [0, 1.02]}
    # The shares stand before the bars.
    figure["layout"]["yaxis"] |= {
        "range": [0, 1.05],
        "tickformat": ".0%",
        "overlaying": "y2",
        "tickmode": "auto",
    }
    figure["layout"]["yaxis2"] = {
        "side": "right",
        "type": "log",
        "title": {"text": "rows", "font": {"size": 13}},
        "automargin": True,
        "showgrid": False,
        "tickmode": "array",
        "tickvals": [1, 10, 100, 1000, 10000, 100000],
        "ticktext": ["1", "10", "100", "1k", "10k", "100k"],
    }
    return figure
