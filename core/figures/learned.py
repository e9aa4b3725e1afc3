"""Snapshots -> figures of what each entrant learned and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.figures.drawing import NEUTRAL, Figure, across, chart, scatter, typed
from core.records.snapshot import RELIABILITY_BINS

#: From class 0 to class 1, white between: blue and orange, told apart by every eye.
_SURFACE_SCALE = [[0, "#3b6fb6"], [0.5, "#f2f2f2"], [1, "#d9822b"]]
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
    classes: int,
    revision: str,
) -> Figure:
    """p(class 1) over the plane, or the class predicted; judged rows on it."""
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
    traces = [plane]
    for number, (color, symbol) in enumerate(CLASS_LOOKS[:classes]):
        rows = points[points[:, 2] == number]
        mark = {
            "color": color,
            "symbol": symbol,
            "size": 5,
            "line": {"color": "#ffffff", "width": 0.8},
        }
        traces.append(
            scatter(f"class {number}", rows[:, 0].copy(), rows[:, 1].copy())
            | {"mode": "markers", "marker": mark, "hoverinfo": "skip"}
        )
    return _square(chart(revision, traces, "", ""))


def _scale(classes: int) -> dict[str, Any]:
    if classes == 2:
        return {"zmin": 0, "zmax": 255, "colorscale": _SURFACE_SCALE}
    steps = []
    for number, (color, _symbol) in enumerate(CLASS_LOOKS[:classes]):
        for edge in (number / classes, (number + 1) / classes):
            steps.append([edge, f"{color}88"])
    return {"zmin": -0.5, "zmax": classes - 0.5, "colorscale": steps}


def _square(figure: Figure) -> Figure:
    figure["layout"]["showlegend"] = False
    figure["layout"]["hovermode"] = False
    figure["layout"]["margin"] |= {"t": 4}
    for name in ("xaxis", "yaxis"):
        figure["layout"][name] = {"visible": False, "constrain": "domain"}
    figure["layout"]["yaxis"] |= {"scaleanchor": "x"}
    return figure


def confusion_figure(counts: NDArray[np.int64], revision: str) -> Figure:
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
        "text": [[f"{count:,}" if count else "" for count in row] for row in counts.tolist()],
        "texttemplate": "%{text}",
        "hovertemplate": "true %{y}, predicted %{x}: %{customdata} rows<extra></extra>",
        "colorscale": [[0, "rgba(128,128,128,0.08)"], [1, "rgba(11,114,133,0.75)"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "showlegend": False,
        "xgap": 1,
        "ygap": 1,
    }
    figure = chart(revision, [heat], "predicted", "true class")
    figure["layout"]["hovermode"] = "closest"
    figure["layout"]["margin"] |= {"t": 4}
    plain = {"type": "category", "showgrid": False, "rangemode": "normal"}
    figure["layout"]["xaxis"] |= plain
    figure["layout"]["yaxis"] |= plain | {"autorange": "reversed"}
    return figure


def predicted_figure(
    color: str, predicted: NDArray[np.float32], actual: NDArray[np.float32], revision: str
) -> Figure:
    """Predictions against the truth of judged rows, in standard deviations."""
    marks = {"mode": "markers", "marker": {"color": color, "size": 5, "opacity": 0.6}}
    low, high = float(actual.min()), float(actual.max())
    traces = [scatter("row", actual, predicted) | marks | {"showlegend": False}]
    figure = chart(revision, traces, "true value", "predicted")
    figure["layout"]["shapes"] = [across({"x0": low, "y0": low, "x1": high, "y1": high})]
    figure["layout"]["hovermode"] = "closest"
    figure["layout"]["margin"] |= {"t": 4}
    figure["layout"]["xaxis"] |= {"rangemode": "normal", "hoverformat": ".2f"}
    figure["layout"]["yaxis"] |= {"hoverformat": ".2f"}
    return figure


def reliability_figure(color: str, table: NDArray[np.float32], revision: str) -> Figure:
    """Share rightly predicted by confidence, with the rows in each bin; table ``[3, bins]``."""
    rows, confidence, right = table.astype(np.float64)
    filled = rows > 0
    x = (confidence[filled] / rows[filled]).astype(np.float32)
    y = (right[filled] / rows[filled]).astype(np.float32)
    middles = ((np.arange(RELIABILITY_BINS) + 0.5) / RELIABILITY_BINS).astype(np.float32)
    bars = {
        "type": "bar",
        "name": "rows",
        "x": typed(middles),
        "y": typed(rows.astype(np.float32)),
        "width": 0.9 / RELIABILITY_BINS,
        "yaxis": "y2",
        "marker": {"color": NEUTRAL, "opacity": 0.35},
    }
    line = {"mode": "lines+markers", "line": {"color": color, "width": 2}}
    traces = [bars, scatter("share right", x, y) | line | {"marker": {"size": 7}}]
    figure = chart(revision, traces, "confidence", "share right")
    figure["layout"]["shapes"] = [across({"x0": 0, "y0": 0, "x1": 1, "y1": 1})]
    figure["layout"]["xaxis"] |= {
        "range": [0, 1.02],
        "hoverformat": ".2f",
        "unifiedhovertitle": {"text": "confidence %{x:.2f}"},
    }
    figure["layout"]["yaxis"] |= {"range": [0, 1.05], "hoverformat": ".1%", "tickformat": ".0%"}
    figure["layout"]["yaxis2"] = {
        "overlaying": "y",
        "side": "right",
        "type": "log",
        "title": {"text": "rows", "font": {"size": 13}},
        "automargin": True,
        "showgrid": False,
        "tickmode": "array",
        "tickvals": [1, 10, 100, 1000, 10000, 100000],
        "ticktext": ["1", "10", "100", "1k", "10k", "100k"],
        "hoverformat": ",d",
    }
    return figure
