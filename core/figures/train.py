"""``CurveSet`` -> the Train page's figures."""

from __future__ import annotations

from collections.abc import Iterable

from core.compare.courses import judged_split
from core.compare.curves import CurveSet, EpochLine, Line, RunCurves
from core.figures.drawing import LOG, MARKED_EPOCHS, Figure, across, chart, loss_title, scatter
from core.judging.yardsticks import first_yardstick
from core.records import Measure, Split
from core.spec import Entrant, ExperimentSpec


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
    traces = [trace for run in runs for trace in _training(run, entrant.color)]
    if is_validated:
        traces += [_validation(run, entrant.color) for run in runs]
    diverged = sorted({run.diverged_step for run in runs if run.diverged_step is not None})
    shapes = [across({"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}) for x in diverged]
    if baseline is not None and (baseline > 0 or not log_y):
        shapes.append(_baseline(baseline))
    figure = chart(curves.experiment_id, traces, "step", loss_title(entrant))
    figure["layout"]["shapes"] = shapes
    figure["layout"]["annotations"] = [_diverged(step, curves.step) for step in diverged]
    if log_y:
        figure["layout"]["yaxis"] |= LOG
    return figure


def rivals_figure(curves: CurveSet, spec: ExperimentSpec) -> Figure:
    """Every run by the task's first yardstick and on one axis, the first entrant drawn bold.

    It is judged on the validation rows, or on the training rows where none are held out.
    """
    yardstick, split = first_yardstick(spec.dataset.task), judged_split(spec)
    # The bold one lies under the thin ones, or it would hide them where they meet.
    runs = sorted(curves.runs, key=lambda run: run.run.entrant != 0)
    traces = [
        _rival(
            run,
            run.evaluation(split, yardstick.measure).thinned(),
            spec.lineup[run.run.entrant],
        )
        for run in runs
    ]
    figure = chart(curves.experiment_id, traces, "epoch", f"{split.word} {yardstick.name}")
    figure["layout"]["yaxis"] |= {
        "tickformat": yardstick.digits.tick_format,
        "hoverformat": yardstick.digits.format,
    }
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


def _rival(run: RunCurves, line: EpochLine, entrant: Entrant) -> Figure:
    is_first = entrant.place == 0
    style = {"color": entrant.color, "dash": entrant.dash, "width": 3.5 if is_first else 1.5}
    return scatter(entrant.title, line.epochs, line.values) | {
        "mode": "lines+markers" if len(line.epochs) <= MARKED_EPOCHS else "lines",
        "legendgroup": str(entrant.place),
        "legendrank": entrant.place,
        "line": style,
        "marker": {"color": entrant.color, "size": 6 if is_first else 4},
    }


# ------------------------------------------------------------------ lines across


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
