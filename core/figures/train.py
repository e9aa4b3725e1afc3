"""``CurveSet`` -> the Train page's figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from core.compare.curves import CurveSet, Line, RunCurves
from core.figures.drawing import (
    LOG,
    MARKED_EPOCHS,
    TRAINING,
    Figure,
    apart,
    chart,
    constants,
    literal,
    loss_title,
    muted,
    noted_line,
    own_units,
    scatter,
    switch_line,
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
    later_baseline: float | None = None,
) -> Figure:
    """One entrant's loss in its own units: by step in training, by epoch in validation.

    ``baseline`` is the loss of the best constant predictor; None while it is not known. Where the
    entrant switches its loss, ``later_baseline`` is that of the second one, and no line joins what
    was measured before and after. ``is_validated`` says whether rows are held out at all.
    """
    runs = [run for run in curves.runs if run.run.entrant == entrant.place]
    switch = entrant.switch
    switch_at = switch.step if switch and curves.step > switch.step else None
    traces = list(_training(runs, entrant.color, switch_at))
    if is_validated:
        traces += [_validation(run, entrant.color, switch_at) for run in runs]
    diverged = sorted({run.diverged_step for run in runs if run.diverged_step is not None})
    marks = [noted_line(step, f"diverged at step {step:,}", curves.step) for step in diverged]
    if switch and switch_at is not None:
        marks.append(switch_line(switch, switch_at, curves.step))
    baselines = [baseline] if switch_at is None else [baseline, later_baseline]
    ties = {"xaxis": TRAINING}
    figure = chart(curves.experiment_id, traces, "step", "", ties=ties)
    figure["layout"] |= {"title": _title(entrant), "showlegend": False}
    across = constants(baselines, switch_at, curves.step, log=log_y)
    figure["layout"]["shapes"] = [*(line for line, _text in marks), *across]
    figure["layout"]["annotations"] = [text for _line, text in marks]
    if log_y:
        figure["layout"]["yaxis"] |= LOG
    elif ends := _ends(runs, [each for each in baselines if each is not None], switch_at):
        figure["layout"]["yaxis"] |= {"range": ends}
    return figure


def _ends(
    runs: Sequence[RunCurves], baselines: Sequence[float], switch_at: int | None
) -> list[float] | None:
    """The ends of a linear axis; None while there is no loss.

    What is several times the best constant's loss and that of the untrained network, or the first
    one after a switch, would press all else flat, as where a learning rate is too high. A double
    click shows it.
    """
    judged = [run.evaluation(Split.VAL, Measure.LOSS).values for run in runs]
    values = np.concatenate([*judged, *(run.raw.y for run in runs)]).astype(float)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    later = [] if switch_at is None else [run.raw.y[run.raw.x > switch_at][:1] for run in runs]
    known = np.concatenate([values[:1], *later, baselines])
    seen = np.concatenate([values[values <= _MOST_TIMES * np.abs(known).max()], baselines])
    if not len(seen):
        return None
    low, high = float(seen.min()), float(seen.max())
    margin = _MARGIN * (high - low) or abs(high) / 10 or 1.0
    return [low - margin, high + margin]


# ------------------------------------------------------------------ traces


def _training(runs: Sequence[RunCurves], color: str, switch_at: int | None) -> Iterable[Figure]:
    """What was measured stands behind, of all seeds, and what was smoothed before it."""
    for run in runs:
        yield _loss_line("training", run.raw, muted(color), 1, switch_at)
    for run in runs:
        if run.smoothed is not None:
            yield _loss_line("smoothed", run.smoothed, color, 2.5, switch_at)


def _loss_line(name: str, line: Line, color: str, width: float, switch_at: int | None) -> Figure:
    style = {"color": color, "width": width}
    x, y = (line.x, line.y) if switch_at is None else apart(line.x, line.y, switch_at)
    return scatter(name, x, y) | {"mode": "lines", "line": style, "legendgroup": name}


def _validation(run: RunCurves, color: str, switch_at: int | None) -> Figure:
    line = run.evaluation(Split.VAL, Measure.LOSS).thinned()
    x, y = line.steps, line.values
    if switch_at is not None:
        x, y = apart(x, y, switch_at)
    return scatter("validation", x, y) | {
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
    has_room = len(own_units(entrant)) <= _LONGEST_UNIT
    return place | {
        "text": title if has_room else literal(entrant.title),
        "font": {"size": 13},
        "pad": {"t": 6, "l": 4},
    }
