"""Shapes of losses -> figures: loss and gradient along a prediction, and over three classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.anatomy.shapes import Shape, ShapeAxis, Simplex
from core.figures.drawing import LOG, NEUTRAL, Figure, across, chart, scatter, typed
from core.losses import LossSpec

#: What is drawn of a shape, by its field, and the titles of the axes.
QUANTITIES = {"loss": "Loss", "by_prediction": "Gradient in the output", "by_logit": "In the logit"}
_Y_TITLES = {
    "loss": "loss, each in its own unit",
    "by_prediction": "dL/dp",
    "by_logit": "dL/dz",
}
_X_TITLES = {
    ShapeAxis.PROBABILITY: "predicted probability p",
    ShapeAxis.LOGIT: "logit z",
    ShapeAxis.PREDICTION: "predicted value",
}
#: The share of a curve between which it is drawn whole.
_BULK = (0.04, 0.96)
#: What is free above a chart, in pixels.
_ROOM_FOR_BUTTONS = 26


def shape_figure(
    shapes: Sequence[tuple[LossSpec, Sequence[Shape | None]]],
    quantity: str,
    axis: ShapeAxis,
    target: int,
    log_y: bool,
) -> Figure:
    """One quantity of each loss along the axis, for the ``target``-th of its targets.

    The axis has room for all of them. Each curve is followed by a mark, and the first shape is
    a line: the browser puts them at the place of the sliders. The table of the sliders is the
    legend of all such charts, so that many losses leave them their room.
    """
    traces = []
    low, high = 0.0, 0.0
    for loss, by_target in shapes:
        every = [getattr(each, quantity) for each in by_target if each is not None]
        if every[0] is None:
            continue
        shape = by_target[target]
        values = getattr(shape, quantity, np.full(len(axis.places), np.nan))
        drawn = np.abs(values) if log_y else values
        # What shoots up is cut off, so that the rest can be told apart.
        bulk = np.nanquantile(np.concatenate(every), _BULK)
        low, high = min(low, bulk[0]), max(high, bulk[1])
        line = {"color": loss.color, "dash": loss.dash, "width": 2}
        traces.append(
            scatter(loss.title, np.array(axis.places), drawn.astype(np.float32)) | {"line": line}
        )
        traces.append(
            {"type": "scatter", "name": loss.title, "x": [], "y": [], "mode": "markers"}
            | {"marker": {"color": loss.color, "size": 9}, "hoverinfo": "skip"}
        )
    title = _Y_TITLES[quantity]
    if axis is ShapeAxis.PREDICTION and quantity == "by_prediction":
        title = "dL/d(predicted value)"
    figure = chart(
        f"shape {axis}",
        traces,
        _X_TITLES[axis],
        title,
        x={"decimals": 3},
        ties={"xaxis": (f"shape {axis}", 1)},
    )
    layout = figure["layout"]
    layout["showlegend"] = False
    layout["margin"] |= {"t": _ROOM_FOR_BUTTONS}
    layout["shapes"] = [across({"x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"})]
    layout["xaxis"] |= {"rangemode": "normal"}
    if log_y:
        layout["yaxis"] |= LOG
        layout["yaxis"]["title"]["text"] = title if quantity == "loss" else f"|{title}|"
    elif high > low:
        margin = 0.06 * (high - low)
        layout["yaxis"] |= {"range": [float(low - margin), float(high + margin)]}
    return figure


def simplex_figure(loss: LossSpec, simplex: Simplex) -> Figure:
    """The loss over all probabilities of three classes, as a triangle."""
    known = simplex.losses[np.isfinite(simplex.losses)]
    low, high = float(known.min()), float(np.quantile(known, 0.97))
    axis = {"linecolor": NEUTRAL, "gridcolor": "rgba(128,128,128,0.25)", "tickformat": ".1f"}
    names = ("a", "b", "c")
    points = {
        "type": "scatterternary",
        "name": loss.title,
        "mode": "markers",
        "marker": {
            "color": typed(simplex.losses.astype(np.float32)),
            "colorscale": "Viridis",
            "reversescale": True,
            "cmin": low,
            "cmax": high,
            "size": 6,
            "symbol": "hexagon",
            "colorbar": {"thickness": 10, "len": 0.8, "outlinewidth": 0, "title": {"text": "loss"}},
        },
        "hovertemplate": "p = (%{a:.2f}, %{b:.2f}, %{c:.2f})<br>loss %{marker.color:.4f}"
        "<extra></extra>",
        "showlegend": False,
        **{name: typed(p.astype(np.float32)) for name, p in zip(names, simplex.p, strict=True)},
    }
    layout: Figure = {
        "template": {},
        "uirevision": loss.key,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13},
        "margin": {"l": 48, "r": 8, "t": 32, "b": 36},
        "showlegend": False,
        "ternary": {
            "sum": 1,
            "bgcolor": "rgba(0,0,0,0)",
            **{
                f"{name}axis": axis | {"title": {"text": f"class {number}"}}
                for number, name in enumerate(names)
            },
        },
    }
    return {"data": [points], "layout": layout}
