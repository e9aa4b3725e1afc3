"""``CurveSet`` -> Plotly figure, as the plain ``{"data": [...], "layout": {...}}``.

Plain dicts because a frame is drawn four times a second and building ``go.Figure``
costs more than all the rest. Arrays go as Plotly's typed arrays: their bytes in base64.
Colours of text and grid are missing on purpose: the chart fills them from the theme.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.curves import CurveSet, EpochLine, Line, RunCurves
from core.datasets import split_sizes
from core.losses import LOSSES, LossSpec
from core.records import Measure, Split
from core.spec import ExperimentSpec

Figure = dict[str, Any]

#: Reads on a light and on a dark page.
NEUTRAL = "#808080"
#: A logarithmic axis with whole numbers for labels, few enough for a small chart.
_LOG = {"type": "log", "tickformat": "~g", "nticks": 4}
#: Up to so many epochs each has its marker; more would hide the line.
_MARKED_EPOCHS = 40
#: Longer axis titles are broken at their first comma.
_LONG_TITLE = 36


def loss_figure(curves: CurveSet, loss: str, *, baseline: float | None, log_y: bool) -> Figure:
    """One loss in its own units: by step in training, by epoch in validation.

    ``baseline`` is the loss of the best constant predictor; None while it is not known.
    """
    spec = LOSSES[loss]
    runs = [run for run in curves.runs if run.run.loss == loss]
    traces = [trace for run in runs for trace in _training(run, spec.color)]
    traces += [_validation(run, spec.color) for run in runs]
    diverged = sorted({run.diverged_step for run in runs if run.diverged_step is not None})
    shapes = [_across({"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}) for x in diverged]
    if baseline is not None and (baseline > 0 or not log_y):
        shapes.append(_baseline(baseline))
    figure = _figure(curves, traces, "step", _loss_title(spec))
    figure["layout"]["shapes"] = shapes
    figure["layout"]["annotations"] = [_diverged(step, curves.step) for step in diverged]
    if log_y:
        figure["layout"]["yaxis"] |= _LOG
    return figure


def rivals_figure(curves: CurveSet, spec: ExperimentSpec, picked: str) -> Figure:
    """Every run by one yardstick and on one axis, the picked loss drawn bold.

    It is accuracy, or R² for regression, on the validation rows; on the training rows
    where none are held out.
    """
    is_classification = spec.dataset.task.is_classification
    measure = Measure.ACCURACY if is_classification else Measure.R2
    held_out = split_sizes(spec.data)[1] > 0
    split = Split.VAL if held_out else Split.TRAIN
    # The bold one lies under the thin ones, or it would hide them where they meet.
    runs = sorted(curves.runs, key=lambda run: run.run.loss != picked)
    traces = [_rival(run, run.evaluation(split, measure).thinned(), picked) for run in runs]
    order = list(LOSSES)
    for trace in traces:
        trace["legendrank"] = order.index(trace["legendgroup"])
    title = (
        f"{'validation' if held_out else 'training'} {'accuracy' if is_classification else 'R²'}"
    )
    figure = _figure(curves, traces, "epoch", title)
    figure["layout"]["yaxis"]["tickformat"] = ".0%" if is_classification else ""
    figure["layout"]["yaxis"]["hoverformat"] = ".1%" if is_classification else ".3f"
    return figure


# ------------------------------------------------------------------ traces


def _training(run: RunCurves, color: str) -> Iterable[Figure]:
    if run.smoothed is None:
        yield _loss_line("training", run.raw, color, width=1.5) | {"opacity": 0.6}
    else:
        yield _loss_line("training", run.raw, color, width=1) | {"opacity": 0.45}
        yield _loss_line("smoothed", run.smoothed, color, width=2.5)


def _loss_line(name: str, line: Line, color: str, width: float) -> Figure:
    style = {"color": color, "width": width}
    return _trace(name, line.x, line.y) | {"mode": "lines", "line": style, "legendgroup": name}


def _validation(run: RunCurves, color: str) -> Figure:
    line = run.evaluation(Split.VAL, Measure.LOSS).thinned()
    return _trace("validation", line.steps, line.values) | {
        "mode": "lines+markers",
        "legendgroup": "validation",
        "line": {"color": color, "width": 2, "dash": "dot"},
        "marker": {
            "color": color,
            "size": 7,
            "symbol": "circle-open",
            "line": {"width": 1.5},
            "maxdisplayed": _MARKED_EPOCHS,
        },
    }


def _rival(run: RunCurves, line: EpochLine, picked: str) -> Figure:
    spec, is_picked = LOSSES[run.run.loss], run.run.loss == picked
    style = {"color": spec.color, "dash": spec.dash, "width": 3.5 if is_picked else 1.5}
    return _trace(spec.title, line.epochs, line.values) | {
        "mode": "lines+markers" if len(line.epochs) <= _MARKED_EPOCHS else "lines",
        "legendgroup": spec.key,
        "line": style,
        "marker": {"color": spec.color, "size": 6 if is_picked else 4},
    }


def _trace(name: str, x: NDArray[np.int32], y: NDArray[np.float32]) -> Figure:
    return {"type": "scatter", "name": name, "x": _typed(x), "y": _typed(y)}


def _typed(array: NDArray[Any]) -> dict[str, str]:
    """Plotly's typed array: the type without its byte order, and the bytes in base64."""
    return {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}


# ------------------------------------------------------------------ lines across


def _baseline(value: float) -> Figure:
    label = {"text": "best constant", "textposition": "end", "yanchor": "bottom"}
    place = {"y0": value, "y1": value, "x0": 0, "x1": 1, "xref": "paper"}
    return _across(place) | {"label": label | {"font": {"size": 12}}}


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


def _across(place: Figure) -> Figure:
    return {"type": "line", "line": {"color": NEUTRAL, "width": 1, "dash": "dash"}, **place}


# ------------------------------------------------------------------ layout


def _loss_title(spec: LossSpec) -> str:
    title = f"{spec.title} ({spec.unit})"
    return title.replace(", ", ",<br>", 1) if len(title) > _LONG_TITLE else title


def _figure(curves: CurveSet, traces: list[Figure], x_title: str, y_title: str) -> Figure:
    seen: set[str] = set()
    for trace in traces:
        trace["showlegend"] = trace["legendgroup"] not in seen
        seen.add(trace["legendgroup"])
    layout: Figure = {
        "template": {},
        "uirevision": curves.experiment_id,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13},
        "margin": {"l": 4, "r": 4, "t": 36, "b": 4, "pad": 2},
        "hovermode": "x unified",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": _axis(x_title)
        | {
            "showgrid": False,
            "rangemode": "tozero",
            "hoverformat": ",d",
            "unifiedhovertitle": {"text": f"{x_title} %{{x:,d}}"},
        },
        "yaxis": _axis(y_title) | {"hoverformat": ".4g"},
    }
    if not any(trace["x"]["bdata"] for trace in traces):
        for axis in ("xaxis", "yaxis"):
            layout[axis] |= {"range": [0, 1], "showticklabels": False}
    return {"data": traces, "layout": layout}


def _axis(title: str) -> Figure:
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
        "automargin": True,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
    }
