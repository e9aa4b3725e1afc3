"""Where training ended: one dot a seed of each entrant, with mean and interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.compare.intervals import interval
from core.figures.drawing import Figure, chart, cut, literal, scatter, value_range
from core.judging.yardsticks import Digits
from core.spec import Entrant

#: Dots of a row stand one above the other in this share of its height, so that equal ones show.
_DOTS = (0.06, -0.14)
_INTERVAL_AT = -0.26
_LABEL_AT = 0.16


def ends_figure(
    lineup: Sequence[Entrant],
    values: NDArray[np.float64],
    *,
    x_title: str,
    digits: Digits,
    scope: str,
) -> Figure:
    """A row for each entrant, in their order from the top. ``values`` ``[L, S]`` may be NaN, as
    of seeds that diverged; ``[L, 0]`` draws the rows alone."""
    rows = list(zip(lineup, values, strict=True))
    traces = [
        trace for place, (entrant, row) in enumerate(rows) for trace in _row(entrant, row, -place)
    ]
    figure = chart(scope, traces, x_title, "", is_of_points=True)
    layout = figure["layout"]
    layout["xaxis"] |= {"rangemode": "normal", "tickformat": _ticks(digits), "nticks": 6}
    ends = value_range([row for row in values if len(row)], log=False) if len(values) else None
    if ends:
        layout["xaxis"] |= {"range": ends}
    layout["yaxis"] = {"visible": False, "range": [0.5 - max(1, len(rows)), 0.5]}
    layout |= {
        "showlegend": False,
        "margin": {"l": 8, "r": 8, "t": 4, "b": 4},
        "annotations": [
            _label(entrant, row, digits, -place) for place, (entrant, row) in enumerate(rows)
        ],
    }
    return figure


def _ticks(digits: Digits) -> str:
    """Seeds may end so close together that whole percents would say the same again and again."""
    return digits.format if digits.is_share else digits.tick_format


def _row(entrant: Entrant, values: NDArray[np.float64], y: float) -> Iterator[Figure]:
    """A dot a seed, and below them the mean with its 95% interval where there is one."""
    known = values[np.isfinite(values)].astype(np.float32)
    heights = y + np.linspace(*_DOTS, len(known), dtype=np.float32)
    yield scatter(entrant.title, known, heights) | {
        "mode": "markers",
        "marker": {"color": entrant.color, "size": 10, "opacity": 0.75},
    }
    if not len(known):
        return
    found, at = interval(known), np.array([y + _INTERVAL_AT])
    if np.isfinite(found.low):
        ends = np.array([found.low, found.high])
        yield scatter(f"{entrant.title}, 95% interval", ends, np.repeat(at, 2)) | {
            "mode": "lines", "line": {"color": entrant.color, "width": 5}, "hoverinfo": "skip",
        }  # fmt: skip
    yield scatter(f"{entrant.title}, mean", np.array([found.mean]), at) | {
        "mode": "markers",
        "marker": {"color": entrant.color, "size": 13, "symbol": "diamond"},
    }


def _label(entrant: Entrant, values: NDArray[np.float64], digits: Digits, y: float) -> Figure:
    """The entrant's title with the mean, above its row."""
    known = values[np.isfinite(values)]
    mean = f"  {known.mean():{digits.format}}" if len(known) else ""
    missing = len(values) - len(known)
    gone = f"  ({missing} of {len(values)} without a score)" if missing else ""
    return {
        "text": f"<b>{literal(cut(entrant.title))}</b>{mean}{gone}",
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "y": y + _LABEL_AT,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 13},
    }
