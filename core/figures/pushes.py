"""Shares of the gradient of the last layer -> the curve that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.figures.drawing import Figure, across, chart, scatter
from core.records.snapshot import PUSH_POINTS
from core.spec import Entrant


def push_figure(
    curves: Mapping[int, NDArray[np.float64]], lineup: Sequence[Entrant], scope: str
) -> Figure:
    """The share of the push that the rows that push most have, by how many they are.

    ``curves`` have ``PUSH_POINTS`` numbers each, by the entrant's place. As Lorenz's curve of
    incomes, turned round: the further it bends from the diagonal, the fewer rows push.
    """
    x = np.linspace(0, 1, PUSH_POINTS, dtype=np.float32)
    traces = []
    for entrant in lineup:
        if entrant.place not in curves:
            continue
        y = curves[entrant.place].astype(np.float32)
        style = {"color": entrant.color, "dash": entrant.dash, "width": 2.5}
        line = scatter(entrant.title, x, y)
        traces.append(line | {"mode": "lines", "line": style, "legendgroup": entrant.title})
    shares = {"decimals": 0, "share": True}
    figure = chart(scope, traces, "share of the rows", "share of the gradient", x=shares, y=shares)
    figure["layout"]["shapes"] = [across({"x0": 0, "y0": 0, "x1": 1, "y1": 1})]
    figure["layout"]["xaxis"] |= {"range": [0, 1], "tickformat": ".0%"}
    figure["layout"]["yaxis"] |= {"range": [0, 1.03], "tickformat": ".0%"}
    return figure
