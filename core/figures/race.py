"""Courses and lenses -> the Compare page's figures of curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import Course, CurveAxis
from core.compare.curves import Curves
from core.compare.intervals import Spread, spread
from core.figures.drawing import LOG, NEUTRAL, Figure, across, chart, loss_title, scatter
from core.judging.yardsticks import Shared, within_sentence
from core.records import GradientLens, RangeTest, Split
from core.records.snapshot import MARGIN_EDGES
from core.spec import Entrant

#: Points of one figure, shared out among its lines.
_MOST_POINTS = 1500
_X_TITLES = {
    CurveAxis.STEP: "step",
    CurveAxis.EPOCH: "epoch",
    CurveAxis.SECONDS: "seconds of training (of all runs together)",
}


def shared_figure(
    courses: Sequence[Course],
    curves: Curves,
    shared: Shared,
    *,
    axis: CurveAxis,
    band: Spread,
    seeds: bool,
    split: Split,
    note: str,
) -> Figure:
    """All entrants on one axis: mean and band over seeds, single seeds on demand.

    They are judged on the rows of ``split``; ``note`` says by which fairness protocol they were
    trained.
    """
    traces = [
        trace
        for course in courses
        for trace in _course(course, curves, axis, band, seeds, lines=len(courses))
    ]
    figure = chart(
        curves.experiment_id,
        traces,
        _X_TITLES[axis],
        f"{split.word} {within_sentence(shared.title)}",
    )
    figure["layout"]["yaxis"] |= {
        "tickformat": shared.digits.tick_format,
        "hoverformat": shared.digits.format,
    }
    if axis is CurveAxis.SECONDS:
        figure["layout"]["xaxis"] |= {"hoverformat": ".2f"}
    figure["layout"]["annotations"] = [_note(note)]
    return figure


def units_figure(
    judged: Course,
    training: Course,
    curves: Curves,
    *,
    split: Split,
    axis: CurveAxis,
    band: Spread,
    seeds: bool,
    baseline: float | None,
    log_y: bool,
) -> Figure:
    """One entrant in its own units, with the loss of the best constant predictor.

    ``judged`` has its loss on the rows of ``split`` after each epoch, ``training`` the mean over
    each epoch's steps.
    """
    entrant = judged.entrant
    name = "validation" if split is Split.VAL else "after the epoch"
    traces = list(_course(judged, curves, axis, band, seeds, lines=2, name=name))
    thin = training.thinned(_MOST_POINTS // 8)
    x = thin.positions(axis, curves).astype(np.float32)
    mean = spread(thin.values, band).mean.astype(np.float32)
    traces.append(
        scatter("training", x, mean)
        | {"mode": "lines", "line": {"color": entrant.color, "width": 1.2, "dash": "dot"}}
    )
    figure = chart(
        f"{curves.experiment_id} {entrant.place}", traces, _X_TITLES[axis], loss_title(entrant)
    )
    if baseline is not None and (baseline > 0 or not log_y):
        place = {"y0": baseline, "y1": baseline, "x0": 0, "x1": 1, "xref": "paper"}
        label = {"text": "best constant", "textposition": "end", "yanchor": "bottom"}
        figure["layout"]["shapes"] = [across(place) | {"label": label | {"font": {"size": 12}}}]
    if log_y:
        figure["layout"]["yaxis"] |= LOG
    return figure


def _course(
    course: Course,
    curves: Curves,
    axis: CurveAxis,
    kind: Spread,
    seeds: bool,
    *,
    lines: int,
    name: str | None = None,
) -> Iterator[Figure]:
    """Mean and band; each seed as a thin line; a cross where a seed diverged."""
    entrant = course.entrant
    name = name or entrant.title
    per_entrant = 4 + (len(course.seeds) if seeds else 0)
    course = course.thinned(max(24, _MOST_POINTS // (lines * per_entrant)))
    x = course.positions(axis, curves).astype(np.float32)
    band = spread(course.values, kind)
    common: dict[str, Any] = {"mode": "lines", "legendgroup": name}
    edge = common | {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    if len(course.seeds) > 1:
        yield scatter(f"{name} low", x, band.low.astype(np.float32)) | edge
        filled = {"fill": "tonexty", "fillcolor": _faint(entrant.color, 0.18)}
        yield scatter(f"{name} high", x, band.high.astype(np.float32)) | edge | filled
    if seeds:
        thin = {"line": {"color": _faint(entrant.color, 0.5), "width": 1}, "showlegend": False}
        for seed, row in zip(course.seeds, course.values, strict=True):
            one = scatter(f"{name}, seed {seed}", x, row.astype(np.float32))
            yield one | common | thin | {"hoverinfo": "skip"}
    style = {"color": entrant.color, "dash": entrant.dash, "width": 2.5}
    yield scatter(name, x, band.mean.astype(np.float32)) | common | {"line": style}
    yield from _ends(course, x, name, entrant.color)


def _ends(course: Course, x: NDArray[np.float32], name: str, color: str) -> Iterator[Figure]:
    """A cross at the last value of each seed that diverged."""
    last = [
        (x[index], row[index])
        for row, step in zip(course.values, course.diverged_steps, strict=True)
        if step is not None
        for index in np.flatnonzero(np.isfinite(row))[-1:]
    ]
    if last:
        at, values = np.array(last, np.float32).T
        yield scatter(f"{name}: diverged", at, values) | {
            "mode": "markers",
            "marker": {"symbol": "x", "size": 10, "color": color},
            "legendgroup": f"{name}: diverged",
        }


def _faint(color: str, opacity: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _note(text: str) -> Figure:
    return {
        "text": escape(text[0].upper() + text[1:], quote=False),
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 0,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": NEUTRAL},
    }


# ------------------------------------------------------------------ range test and lens


def range_figure(
    tested: RangeTest, chosen: Sequence[float], lineup: Sequence[Entrant], experiment_id: str
) -> Figure:
    """Each entrant's skill after a short training at each rate, the chosen rate marked."""
    rates = np.array(tested["rates"], np.float32)
    traces = []
    for entrant, skills in zip(lineup, tested["skills"], strict=True):
        values = np.array([np.nan if s is None else max(s, -1.0) for s in skills], np.float32)
        sizes = [11 if rate == chosen[entrant.place] else 4 for rate in tested["rates"]]
        traces.append(
            scatter(entrant.title, rates, values)
            | {
                "mode": "lines+markers",
                "line": {"color": entrant.color, "dash": entrant.dash, "width": 2},
                "marker": {"size": sizes, "color": entrant.color},
            }
        )
    title = f"skill after {tested['steps']} steps"
    figure = chart(f"{experiment_id} range", traces, "learning rate", title)
    hover = {"text": "learning rate %{x:g}"}
    figure["layout"]["xaxis"] |= {
        "type": "log",
        "rangemode": "normal",
        "hoverformat": "g",
        "unifiedhovertitle": hover,
        "tickformat": "~g",
        "nticks": 5,
    }
    figure["layout"]["yaxis"] |= {"hoverformat": ".3f"}
    return figure


def lens_figure(
    lens: GradientLens,
    margins: NDArray[np.int32],
    lineup: Sequence[Entrant],
    experiment_id: str,
    is_classification: bool,
) -> Figure:
    """|dL/dz| of each entrant over the histogram of where the newest batch lies, ``[L, B]``."""
    at = np.array(lens["margins"], np.float32)
    middles = ((MARGIN_EDGES[1:] + MARGIN_EDGES[:-1]) / 2).astype(np.float32)
    traces = []
    for entrant, counts in zip(lineup, margins, strict=True):
        share = (counts / max(1, counts.sum())).astype(np.float32)
        traces.append(
            scatter(f"{entrant.title}: batch", middles, share)
            | {
                "mode": "lines",
                "yaxis": "y2",
                "line": {"color": entrant.color, "width": 1, "shape": "hvh"},
                "fill": "tozeroy",
                "fillcolor": _faint(entrant.color, 0.15),
                "legendgroup": str(entrant.place),
                "showlegend": False,
            }
        )
    for entrant in lineup:
        sizes = np.array(lens["gradients"][entrant.place], np.float32)
        style = {"color": entrant.color, "dash": entrant.dash, "width": 2.5}
        line = scatter(entrant.title, at, sizes)
        traces.append(line | {"mode": "lines", "line": style, "legendgroup": str(entrant.place)})
    title = "log-odds of the true class" if is_classification else "residual, prediction - target"
    figure = chart(f"{experiment_id} lens", traces, title, "|dL/dz| for one row")
    figure["layout"]["xaxis"] |= {
        "rangemode": "normal",
        "hoverformat": ".1f",
        "unifiedhovertitle": {"text": f"{title} %{{x:.1f}}"},
        "zeroline": True,
    }
    figure["layout"]["yaxis2"] = {
        "overlaying": "y",
        "side": "right",
        "title": {"text": "share of the batch", "font": {"size": 13}},
        "automargin": True,
        "showgrid": False,
        "rangemode": "tozero",
        "tickmode": "auto",
        "nticks": 5,
        "tickformat": ".0%",
        "hoverformat": ".0%",
    }
    # A gradient that fades is seen as one that falls by powers of ten.
    figure["layout"]["yaxis"] |= {"type": "log", "range": [-5, 0.5], "dtick": 1, "tickformat": "~g"}
    return figure
