"""What all figures share: Plotly's plain dicts, typed arrays, axes and the common layout.

Plain dicts because a frame is drawn four times a second and building ``go.Figure``
costs more than all the rest. Arrays go as Plotly's typed arrays: their bytes in base64.
Colours of text and grid are missing on purpose: the chart fills them from the theme.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.judging.yardsticks import Digits
from core.spec import Entrant, Switch

Figure = dict[str, Any]
#: How the browser writes a number beside the pointer: with so many decimals, of percents where
#: it is a share, or with so many digits that count.
Written = Mapping[str, Any]
WHOLE: Written = MappingProxyType({"decimals": 0})
FOUR_DIGITS: Written = MappingProxyType({"digits": 4})
#: An axis that charts share: its name, and the size of this chart's unit in the shared one's.
Tie = tuple[str, float]
#: The way through a training, in steps.
TRAINING: Tie = ("training", 1)
_NO_TIES: Mapping[str, Tie] = MappingProxyType({})

#: Reads on a light and on a dark page.
NEUTRAL = "#808080"
#: A logarithmic axis with whole numbers for labels, few enough for a small chart.
LOG = {"type": "log", "tickformat": "~g", "nticks": 4}
#: Up to so many epochs each has its marker; more would hide the line.
MARKED_EPOCHS = 40
#: How much of its colour a muted line keeps; the rest is grey.
_KEPT = 0.4
#: The share of all values between which their bulk lies.
_BULK = (0.05, 0.95)
#: What is left free above and below the lines, as a share of their range: a label fits in.
_HEADROOM = 0.12
_LONGEST_LABEL = 20
#: Longer titles of an upright axis are broken: a small chart is hardly higher.
_LONG_TITLE = 24


def literal(text: str) -> str:
    """The text so that Plotly shows it as it is, wherever it takes text: it would read some HTML in
    it, and put values in for what looks like ``%{meta}``.

    The browser's ``plain`` in ``chart_hover.js`` has it back.
    """
    return escape(text, quote=False).replace("%{", "&#37;{")


def scatter(name: str, x: NDArray[Any], y: NDArray[Any]) -> Figure:
    """``name`` may be what a person typed."""
    return {"type": "scatter", "name": literal(name), "x": typed(x), "y": typed(y)}


def cut(title: str) -> str:
    """A title as long as there is room for within a plot; what shows at the pointer has all."""
    return title if len(title) <= _LONGEST_LABEL else f"{title[: _LONGEST_LABEL - 1]}…"


def muted(color: str) -> str:
    """Greyer, for a line that stands behind the one in ``color``.

    A line that is faint by its opacity can't be seen well enough on one of the two pages.
    """
    mixed = (
        round(_KEPT * int(color[at : at + 2], 16) + (1 - _KEPT) * int(NEUTRAL[at : at + 2], 16))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def faint(color: str, opacity: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def typed(array: NDArray[Any]) -> dict[str, str]:
    """Plotly's typed array: the type without its byte order, and the bytes in base64."""
    return {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}


def value_range(
    lines: Iterable[NDArray[Any]], *, log: bool, also: float | None = None
) -> list[float] | None:
    """The ends of a y axis for these lines, as Plotly has them: logarithms where ``log``.

    What lies beyond the bulk by more than three times its size, such as a run that is about to
    diverge, does not count.
    The axis has room for ``also``, a line across, and its label. None where nothing is finite.
    """
    values = np.concatenate([*lines, [] if also is None else [also]]).astype(float)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(values):
        return None
    scaled = np.log10(values) if log else values
    bulk = np.quantile(scaled, _BULK)
    reach = 3 * (bulk[1] - bulk[0])
    within = scaled[(scaled >= bulk[0] - reach) & (scaled <= bulk[1] + reach)]
    across = [] if also is None or (log and also <= 0) else [np.log10(also) if log else also]
    low, high = (
        float(min(within.min(), *across, np.inf)),
        float(max(within.max(), *across, -np.inf)),
    )
    margin = _HEADROOM * (high - low) or abs(high) / 10 or 1.0
    return [low - margin, high + margin]


def across(place: Figure) -> Figure:
    return {"type": "line", "line": {"color": NEUTRAL, "width": 1, "dash": "dash"}, **place}


def loss_title(entrant: Entrant) -> str:
    """What an axis with an entrant's own loss is called, with the unit of each of its losses."""
    return f"{literal(entrant.title)} ({own_units(entrant)})"


def own_units(entrant: Entrant) -> str:
    return ", then ".join(dict.fromkeys(loss.unit for loss in entrant.losses))


def noted_line(at: float, text: str, newest: float) -> tuple[Figure, Figure]:
    """A line upright at ``at``, and the text beside it, on the side that has room for it."""
    line = across({"x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper"})
    return line, {
        "text": text,
        "x": at,
        "y": 1,
        "yref": "paper",
        "showarrow": False,
        "xanchor": "right" if at > newest / 2 else "left",
        "yanchor": "top",
        "font": {"size": 12},
    }


def switch_line(switch: Switch, at: float, newest: float) -> tuple[Figure, Figure]:
    """Where an entrant goes on with another loss, and with which."""
    return noted_line(at, f"then {literal(switch.loss.title)}", newest)


def apart(x: NDArray[Any], y: NDArray[Any], at: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """A line that ends at ``at`` and begins anew after it, as no line joins unlike units."""
    place = int(np.searchsorted(x, at, side="right"))
    if place in (0, len(x)):
        return x, y
    return np.insert(x, place, x[place - 1]), np.insert(y, place, np.nan)


def constants(
    values: Sequence[float | None], switch_at: float | None, newest: float, *, log: bool
) -> list[Figure]:
    """The loss of the best constant as a line across; of two losses each as far as it is trained.

    On a logarithmic axis none below 0.
    """
    if switch_at is None or newest <= switch_at:
        places: list[Figure] = [{"x0": 0, "x1": 1, "xref": "paper"}]
    else:
        places = [{"x0": 0, "x1": switch_at}, {"x0": switch_at, "x1": newest}]
    label = {"text": "best constant", "textposition": "end", "yanchor": "bottom"}
    return [
        across({"y0": value, "y1": value, **place}) | {"label": label | {"font": {"size": 12}}}
        for value, place in zip(values, places, strict=False)
        if value is not None and (value > 0 or not log)
    ]


def written(digits: Digits) -> Written:
    return {"decimals": digits.decimals, "share": digits.is_share}


def chart(
    scope: str,
    traces: list[Figure],
    x_title: str,
    y_title: str,
    *,
    x: Written = WHOLE,
    y: Written = FOUR_DIGITS,
    y2: Written | None = None,
    ties: Mapping[str, Tie] = _NO_TIES,
    is_of_points: bool = False,
) -> Figure:
    """``x``, ``y`` and ``y2`` say how the numbers of the axes are written beside the pointer.

    There all lines are read at one x, unless the chart is one of points, read one by one. What a
    person hides or how far they zoom is kept by the browser for all charts of a ``scope``, by the
    lines' ``legendgroup`` and by the names of the axes that have ``ties``.
    """
    hover = {"title": x_title, "xaxis": dict(x), "yaxis": dict(y), "yaxis2": dict(y2 or y)}
    groups: set[str] = set()
    for trace in traces:
        group = str(trace.get("legendgroup", trace["name"]))
        if trace.setdefault("showlegend", group not in groups):
            groups.add(group)
    layout: Figure = {
        "template": {},
        "meta": {
            "scope": scope,
            "ties": {axis: list(tie) for axis, tie in ties.items()},
            "hover": None if is_of_points else hover,
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13},
        "margin": {"l": 4, "r": 4, "t": 36, "b": 4, "pad": 2},
        "hovermode": "closest" if is_of_points else False,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": axis(x_title) | {"showgrid": False, "rangemode": "tozero"},
        "yaxis": axis(_broken(y_title)),
    }
    if all(_is_empty(trace) for trace in traces):
        for each in ("xaxis", "yaxis"):
            layout[each] |= {"range": [0, 1], "showticklabels": False}
    return {"data": traces, "layout": layout}


def _broken(title: str) -> str:
    """In two lines if it is long, of which the longer one is as short as it can be."""
    words = title.split(" ")
    if len(title) <= _LONG_TITLE or len(words) == 1:
        return title
    lines = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return "<br>".join(min(lines, key=lambda pair: max(map(len, pair))))


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
