"""What all figures share: Plotly's plain dicts, typed arrays, axes and the common layout.

Plain dicts because a frame is drawn four times a second and building ``go.Figure``
costs more than all the rest. Arrays go as Plotly's typed arrays: their bytes in base64.
Colours of text and grid are missing on purpose: the chart fills them from the theme.
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from numpy.typing import NDArray

from core.spec import Entrant

Figure = dict[str, Any]

#: Reads on a light and on a dark page.
NEUTRAL = "#808080"
#: A logarithmic axis with whole numbers for labels, few enough for a small chart.
LOG = {"type": "log", "tickformat": "~g", "nticks": 4}
#: Up to so many epochs each has its marker; more would hide the line.
MARKED_EPOCHS = 40
#: Longer axis titles are broken at their first comma.
_LONG_TITLE = 36


def scatter(name: str, x: NDArray[Any], y: NDArray[Any]) -> Figure:
    """``name`` may be what a person typed; Plotly would read it as HTML."""
    return {"type": "scatter", "name": escape(name, quote=False), "x": typed(x), "y": typed(y)}


def typed(array: NDArray[Any]) -> dict[str, str]:
    """Plotly's typed array: the type without its byte order, and the bytes in base64."""
    return {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}


def across(place: Figure) -> Figure:
    return {"type": "line", "line": {"color": NEUTRAL, "width": 1, "dash": "dash"}, **place}


def loss_title(entrant: Entrant) -> str:
    """What an axis with an entrant's own loss is called."""
    title = f"{escape(entrant.title, quote=False)} ({entrant.loss.unit})"
    return title.replace(", ", ",<br>", 1) if len(title) > _LONG_TITLE else title


def chart(revision: str, traces: list[Figure], x_title: str, y_title: str) -> Figure:
    groups: set[str] = set()
    for trace in traces:
        group = str(trace.get("legendgroup", trace["name"]))
        if trace.setdefault("showlegend", group not in groups):
            groups.add(group)
    layout: Figure = {
        "template": {},
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13},
        "margin": {"l": 4, "r": 4, "t": 36, "b": 4, "pad": 2},
        "hovermode": "x unified",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": axis(x_title)
        | {
            "showgrid": False,
            "rangemode": "tozero",
            "hoverformat": ",d",
            "unifiedhovertitle": {"text": f"{x_title} %{{x:,d}}"},
        },
        "yaxis": axis(y_title) | {"hoverformat": ".4g"},
    }
    if all(_is_empty(trace) for trace in traces):
        for each in ("xaxis", "yaxis"):
            layout[each] |= {"range": [0, 1], "showticklabels": False}
    return {"data": traces, "layout": layout}


def _is_empty(trace: Figure) -> bool:
    x = trace.get("x")
    return isinstance(x, dict) and not x["bdata"]


def axis(title: str) -> Figure:
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
        "automargin": True,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        # To hide labels that leave the chart, Plotly measures each: a quarter of a drawing.
        "ticklabeloverflow": "allow",
    }
