"""Risk-coverage curves -> the figure of them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.intervals import Spread, spread
from core.figures.drawing import Figure, chart, cut, faint, literal, muted, scatter
from core.spec import Entrant

#: Letters at a line's end: the error of all rows.
_ERROR = ".1%"


@dataclass(frozen=True)
class Risk:
    """An entrant's share of mistakes among the surest 1, 2, ..., P of P equal shares of the rows.

    ``values`` are ``[S, P]``, one row a seed; NaN where a seed has none.
    """

    entrant: Entrant
    seeds: Sequence[int]
    values: NDArray[np.float64]


def risk_figure(
    risks: Sequence[Risk], scope: str, *, band: Spread, seeds: bool, rows: str
) -> Figure:
    """A line an entrant: mean and band over seeds, single seeds on demand."""
    traces = [trace for risk in risks for trace in _lines(risk, band, seeds)]
    figure = chart(
        scope,
        traces,
        "share of rows kept, the surest first",
        f"error among them ({rows})",
        x={"decimals": 0, "share": True},
        y={"decimals": 2, "share": True},
    )
    figure["layout"]["xaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    figure["layout"]["yaxis"] |= {"rangemode": "tozero", "tickformat": "~%"}
    return figure


def _lines(risk: Risk, kind: Spread, seeds: bool) -> Iterator[Figure]:
    places = risk.values.shape[1]
    name, color = risk.entrant.title, risk.entrant.color
    x = (np.arange(1, places + 1) / places).astype(np.float32)
    band = spread(risk.values, kind)
    common = {"mode": "lines", "legendgroup": name}
    if len(risk.seeds) > 1:
        edge = common | {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        # No share of mistakes is below 0, where an interval may end.
        low, high = (np.clip(end, 0, 1).astype(np.float32) for end in (band.low, band.high))
        yield scatter(f"{name} low", x, low) | edge
        filled = {"fill": "tonexty", "fillcolor": faint(color, 0.18)}
        yield scatter(f"{name} high", x, high) | edge | filled
    if seeds:
        thin = {"line": {"color": muted(color), "width": 1}, "showlegend": False}
        for seed, row in zip(risk.seeds, risk.values, strict=True):
            one = scatter(f"{name}, seed {seed}", x, row.astype(np.float32))
            yield one | common | thin | {"hoverinfo": "skip"}
    style = {"color": color, "dash": risk.entrant.dash, "width": 2.5}
    line = scatter(name, x, band.mean.astype(np.float32)) | common | {"line": style}
    yield line | _label(name, float(band.mean[-1]))


def _label(title: str, error: float) -> Figure:
    """What stands at the end of a line: its title and the error of all rows."""
    if not np.isfinite(error):
        return {}
    return {"meta": {"label": literal(cut(title)), "newest": f"{error:{_ERROR}}"}}
