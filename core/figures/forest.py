"""Paired differences -> a forest plot: a row each, its interval on both sides of 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from core.compare.forest import Row
from core.figures.drawing import NEUTRAL, Figure, chart, cut, literal, scatter
from core.judging.yardsticks import Yardstick

_ROW_HEIGHT = 46
_FRAME_HEIGHT = 62
_TICKS_A_SIDE = 3


def forest_height(rows: Sequence[Row]) -> int:
    """Pixels, also of a plot that has no row yet."""
    return _FRAME_HEIGHT + _ROW_HEIGHT * max(1, len(rows))


def forest_figure(
    rows: Sequence[Row], yardstick: Yardstick, colors: Mapping[str, str], scope: str
) -> Figure:
    """What favours a row's left entrant is left of the line at 0, in its colour; so at the right.

    ``colors`` are by the entrants' titles.
    """
    traces = [trace for place, row in enumerate(rows) for trace in _row(row, -float(place), colors)]
    side = "higher" if yardstick.higher_is_better else "lower"
    unit = ", points" if yardstick.digits.is_share else ""
    x_title = f"{yardstick.name} {side} by{unit}"
    figure = chart(scope, traces, x_title, "", is_of_points=True)
    layout = figure["layout"]
    layout["xaxis"] |= _axis(rows)
    layout["yaxis"] = {"visible": False, "range": [0.75 - max(1, len(rows)), 0.75]}
    layout |= {
        "showlegend": False,
        "margin": {"l": 8, "r": 8, "t": 4, "b": 4},
        "shapes": [_zero()],
        "annotations": [note for place, row in enumerate(rows) for note in _sides(row, -place)],
    }
    return figure


def _row(row: Row, y: float, colors: Mapping[str, str]) -> Iterator[Figure]:
    """The parts of the interval left and right of 0, and a marker at the mean."""
    left, right = colors[row.left], colors[row.right]
    parts = (
        (row.left, left, min(row.low, 0.0), min(row.high, 0.0)),
        (row.right, right, max(row.low, 0.0), max(row.high, 0.0)),
    )
    for title, color, low, high in parts:
        if low < high:
            line = scatter(title, np.array([low, high]), np.array([y, y]))
            yield line | {
                "mode": "lines", "line": {"color": color, "width": 5}, "hoverinfo": "skip",
            }  # fmt: skip
    color = left if row.mean < 0 else right
    marker = {
        "color": color,
        "size": 13,
        "symbol": "diamond" if row.is_tested else "diamond-open",
        "line": {"width": 2, "color": color},
    }
    yield scatter(row.said, np.array([row.mean]), np.array([y])) | {
        "mode": "markers",
        "marker": marker,
        # A template would put values in where a name has signs of one.
        "text": [literal(row.said)],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _sides(row: Row, y: float) -> Iterator[Figure]:
    """Whom each side favours, written above the interval."""
    better = "" if row.is_aa_check else " better"
    texts = (
        (f"◀ {cut(row.left)}{better}", 0, "left"),
        (f"{cut(row.right)}{better} ▶", 1, "right"),
    )
    for text, x, anchor in texts:
        yield {
            "text": literal(text),
            "xref": "paper",
            "x": x,
            "xanchor": anchor,
            "y": y + 0.28,
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 12},
        }


def _zero() -> Figure:
    line = {"color": NEUTRAL, "width": 1.5}
    return {
        "type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": line,
        "layer": "below",
    }  # fmt: skip


def _axis(rows: Sequence[Row]) -> Figure:
    """As far to both sides; labels say how far from 0, on whichever side."""
    ends = [abs(end) for row in rows for end in (row.low, row.high)]
    reach = 1.08 * max(ends, default=0.0) or 1.0
    step = _step(reach / _TICKS_A_SIDE)
    count = int(reach / step)
    places = [step * k for k in range(-count, count + 1)]
    return {
        "range": [-reach, reach],
        "rangemode": "normal",
        "tickvals": places,
        "ticktext": [f"{abs(place):.6g}" for place in places],
        "showticklabels": bool(rows),
    }


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no less."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least))
