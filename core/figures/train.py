"""``CurveSet`` -> the Train page's figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from core.compare.curves import CurveSet, Line, RunCurves
from core.figures.drawing import (
    LOG,
    MARKED_EPOCHS,
    TRAINING,
    Figure,
    across,
    chart,
    loss_title,
    muted,
    scatter,
)
from core.records import Measure, Split
from core.spec import Entrant

#: A unit of so many characters has room above one of three charts.
_LONGEST_UNIT = 30
#: A loss of more times the untrained network's is beyond the scale.
_MOST_TIMES = 3
#: What is left free above and below the lines, as a share of their range: a label fits in.
_MARGIN = 0.12


def loss_figure(
    curves: CurveSet,
    entrant: Entrant,
    *,
    baseline: float | None,
    log_y: bool,
    is_validated: bool = True,
) -> Figure:
    """One entrant's loss in its own units: by step in training, by epoch in validation.

    ``baseline`` is the loss of the best constant predictor; None while it is not known.
    ``is_validated`` says whether rows are held out at all.
    """
    runs = [run for run in curves.runs if run.run.entrant == entrant.place]
    traces = list(_training(runs, entrant.color))
    if is_validated:
        traces += [_validation(run, entrant.color) for run in runs]
    diverged = sorted({run.diverged_step for run in runs if run.diverged_step is not None})
    shapes = [across({"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}) for x in diverged]
    if baseline is not None and (baseline > 0 or not log_y):
        shapes.append(_baseline(baseline))
    ties = {"xaxis": TRAINING}
    figure = chart(curves.experiment_id, traces, "step", "", ties=ties)
    figure["layout"] |= {"title": _title(entrant), "showlegend": False}
    figure["layout"]["shapes"] = shapes
    figure["layout"]["annotations"] = [_diverged(step, curves.step) for step in diverged]
    if log_y:
        figure["layout"]["yaxis"] |= LOG
    elif ends := _ends(runs, baseline):
        figure["layout"]["yaxis"] |= {"range": ends}
    return figure


def _ends(runs: Sequence[RunCurves], baseline: float | None) -> list[float] | None:
    """The ends of a linear axis; None while there is no loss.

    What is several times the loss of the untrained network and of the best constant, as where a
    learning rate is too high, would press all else flat. A double click shows it.
    """
    judged = [run.evaluation(Split.VAL, Measure.LOSS).values for run in runs]
    values = np.concatenate([*judged, *(run.raw.y for run in runs)]).astype(float)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    limit = _MOST_TIMES * max(abs(values[0]), abs(baseline or 0))
    also = [] if baseline is None else [baseline]
    seen = np.concatenate([values[values <= limit], also])
    if not len(seen):
        return None
    low, high = float(seen.min()), float(seen.max())
    margin = _MARGIN * (high - low) or abs(high) / 10 or 1.0
    return [low - margin, high + margin]


# ------------------------------------------------------------------ traces


def _training(runs: Sequence[RunCurves], color: str) -> Iterable[Figure]:
    """What was measured stands behind, of all seeds, and what was smoothed before it."""
    for run in runs:
        yield _loss_line("training", run.raw, muted(color), width=1)
    for run in runs:
        if run.smoothed is not None:
            yield _loss_line("smoothed", run.smoothed, color, width=2.5)


def _loss_line(name: str, line: Line, color: str, width: float) -> Figure:
    style = {"color": color, "width": width}
    return scatter(name, line.x, line.y) | {"mode": "lines", "line": style, "legendgroup": name}


def _validation(run: RunCurves, color: str) -> Figure:
    line = run.evaluation(Split.VAL, Measure.LOSS).thinned()
    return scatter("validation", line.steps, line.values) | {
        "mode": "lines+markers",
        "legendgroup": "validation",
        "line": {"color": color, "width": 2, "dash": "dot"},
        "marker": {
            "color": color,
            "size": 7,
            "symbol": "circle-open",
            "line": {"width": 1.5},
            "maxdisplayed": MARKED_EPOCHS,
        },
    }


# ------------------------------------------------------------------ lines across


def _title(entrant: Entrant) -> Figure:
    """Above the axis: a chart of this height has no room beside it."""
    place = {"x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top"}
    title = loss_title(entrant)
    # A longer unit stands in the contract on Losses.
    has_room = len(entrant.loss.unit) <= _LONGEST_UNIT
    return place | {
        "text": title if has_room else escape(entrant.title, quote=False),
        "font": {"size": 13},
        "pad": {"t": 6, "l": 4},
    }


def _baseline(value: float) -> Figure:
    label = {"text": "best constant", "textposition": "end", "yanchor": "bottom"}
    place = {"y0": value, "y1": value, "x0": 0, "x1": 1, "xref": "paper"}
    return across(place) | {"label": label | {"font": {"size": 12}}}


def _diverged(step: int, newest: int) -> Figure:
    return {
        "text": f"diverged at step {step:,}",
        "x": step,
        "y": 1,
        "yref": "paper",
        "showarrow": False,
        # The text stands on the side that has room for it.
        "xanchor": "right" if step > newest / 2 else "left",
        "yanchor": "top",
        "font": {"size": 12},
    }
