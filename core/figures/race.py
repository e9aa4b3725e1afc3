"""Courses and lenses -> the Compare page's figures of curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import Course, CurveAxis
from core.compare.curves import Curves
from core.compare.intervals import Spread, spread
from core.figures.drawing import (
    FOUR_DIGITS,
    LOG,
    TRAINING,
    Figure,
    chart,
    constants,
    cut,
    faint,
    literal,
    loss_title,
    muted,
    scatter,
    switch_line,
    value_range,
    written,
)
from core.judging.yardsticks import Digits, Reading, Shared, within_sentence
from core.records import GradientLens, RangeTest, Split
from core.records.snapshot import MARGIN_EDGES
from core.spec import Entrant

#: Points of one figure, shared out among its lines.
_MOST_POINTS = 1500
_MOST_OF_A_LINE = 125
#: Letters of a note in a line, as there is room for in a small chart.
_NOTE_WIDTH = 44
_X_TITLES = {
    CurveAxis.STEP: "step",
    CurveAxis.EPOCH: "epoch",
    CurveAxis.SECONDS: "seconds of training (of all runs together)",
}


@dataclass(frozen=True)
class Ghost:
    """The courses of the experiment that was looked at before, drawn faintly behind."""

    courses: Sequence[Course]
    curves: Curves


def shared_figure(
    courses: Sequence[Course],
    curves: Curves,
    shared: Shared,
    *,
    axis: CurveAxis,
    band: Spread,
    seeds: bool,
    split: Split,
    note: str = "",
    ghost: Ghost | None = None,
) -> Figure:
    """All entrants on one axis: mean and band over seeds, single seeds on demand.

    They are judged on the rows of ``split``; ``note`` says by which fairness protocol they were
    trained.
    """
    is_error = shared.reading is Reading.ERROR
    traces = list(_behind(ghost, axis)) if ghost else []
    for course in courses:
        traces += _course(
            course,
            curves,
            axis,
            band,
            seeds,
            lines=len(courses),
            is_log=is_error,
            labelled_in=shared.digits,
        )
    figure = chart(
        curves.experiment_id,
        traces,
        _X_TITLES[axis],
        f"{split.word} {within_sentence(shared.title)}",
        **_along(axis, courses),
        y=written(shared.digits),
    )
    figure["layout"]["yaxis"] |= {"tickformat": shared.digits.tick_format}
    if is_error:
        figure["layout"]["yaxis"] |= LOG | {"tickformat": "~%"}
    behind = ghost.courses if ghost else ()
    seen = [_trained(course, band) for course in (*courses, *behind)]
    _scale(figure, seen, log=is_error)
    if note:
        figure["layout"]["xaxis"]["title"]["text"] = _noted(_X_TITLES[axis], note)
    return figure


def _along(axis: CurveAxis, courses: Sequence[Course]) -> dict[str, Any]:
    """How places on the axis are written, and which way it shares with other charts."""
    if axis is CurveAxis.SECONDS:
        return {"x": {"decimals": 2}, "ties": {"xaxis": ("seconds", 1)}}
    steps = 1 if axis is CurveAxis.STEP else _steps_per_epoch(courses)
    return {"ties": {"xaxis": (TRAINING[0], steps)}} if steps else {}


def _steps_per_epoch(courses: Sequence[Course]) -> float:
    """0 while no epoch is judged."""
    known = (course for course in courses if len(course.epochs) > 1)
    return next((float(course.steps[1] / course.epochs[1]) for course in known), 0.0)


def _label(entrant: Entrant, mean: NDArray[np.float64], digits: Digits) -> Figure:
    """What stands at the end of an entrant's line: its title and the newest value there is."""
    known = mean[np.isfinite(mean)]
    if not len(known):
        return {}
    title = literal(cut(entrant.title))
    return {"meta": {"label": title, "newest": f"{known[-1]:{digits.format}}"}}


def _behind(ghost: Ghost, axis: CurveAxis) -> Iterator[Figure]:
    for course in ghost.courses:
        thin = course.thinned(_MOST_POINTS // (4 * len(ghost.courses)))
        mean = spread(thin.values, Spread.INTERVAL).mean.astype(np.float32)
        x = thin.positions(axis, ghost.curves).astype(np.float32)
        yield scatter(f"{course.entrant.title}, last run", x, mean) | {
            "mode": "lines",
            "line": {"color": muted(course.entrant.color), "width": 1},
            "legendgroup": course.entrant.title,
            "showlegend": False,
            "hoverinfo": "skip",
        }


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
    later_baseline: float | None = None,
) -> Figure:
    """One entrant in its own units, with the loss of the best constant predictor.

    ``judged`` has its loss on the rows of ``split`` after each epoch, ``training`` the mean over
    each epoch's steps. Where the entrant switches its loss, ``later_baseline`` is that of the
    second one, and no line joins what was measured before and after.
    """
    entrant = judged.entrant
    switch = entrant.switch if entrant.switch and curves.step > entrant.switch.step else None
    at = switch.step if switch else None
    name = "validation" if split is Split.VAL else "after the epoch"
    traces = list(_course(judged, curves, axis, band, seeds, lines=2, name=name, apart_at=at))
    thin = training.thinned(_MOST_POINTS // 8)
    if at is not None:
        thin = thin.apart(at, is_over_epochs=True)
    x = thin.positions(axis, curves).astype(np.float32)
    mean = spread(thin.values, band).mean.astype(np.float32)
    traces.append(
        scatter("training", x, mean)
        | {"mode": "lines", "line": {"color": entrant.color, "width": 1.2, "dash": "dot"}}
    )
    figure = chart(
        curves.experiment_id,
        traces,
        _X_TITLES[axis],
        loss_title(entrant),
        **_along(axis, [judged]),
    )
    baselines = [baseline] if switch is None else [baseline, later_baseline]
    newest = float(judged.positions(axis, curves)[-1]) if len(judged.epochs) else 0.0
    place = None if at is None else judged.position_of(at, axis, curves)
    figure["layout"]["shapes"] = constants(baselines, place, newest, log=log_y)
    if switch and place is not None:
        line, text = switch_line(switch, place, newest)
        figure["layout"]["shapes"].append(line)
        figure["layout"]["annotations"] = [text]
    if log_y:
        figure["layout"]["yaxis"] |= LOG
    lines = [_trained(judged, band), _trained(training, band)]
    if later_baseline is not None and switch:
        lines.append(np.array([later_baseline]))
    _scale(figure, lines, log=log_y, also=baseline)
    return figure


def _trained(course: Course, band: Spread) -> NDArray[np.float64]:
    """The mean from epoch 1 on; that of the untrained network while there is no other."""
    mean = spread(course.values, band).mean
    later = mean[course.epochs > 0]
    return later if np.isfinite(later).any() else mean


def _scale(
    figure: Figure, lines: Sequence[NDArray[np.float64]], *, log: bool, also: float | None = None
) -> None:
    """A double click shows what lies beyond, too."""
    ends = value_range(lines, log=log, also=also) if lines else None
    if ends and any(len(line) for line in lines):
        figure["layout"]["yaxis"] |= {"range": ends}


def _course(
    course: Course,
    curves: Curves,
    axis: CurveAxis,
    kind: Spread,
    seeds: bool,
    *,
    lines: int,
    name: str | None = None,
    is_log: bool = False,
    labelled_in: Digits | None = None,
    apart_at: int | None = None,
) -> Iterator[Figure]:
    """Mean and band; each seed as a thin line; a cross where a seed diverged.

    The mean has a label for its end where ``labelled_in`` says how its value is written. On a
    logarithmic axis the band ends at the lowest value there is: an interval that reaches below 0
    would have no end. No line joins what was before and after the step ``apart_at``.
    """
    entrant = course.entrant
    name = name or entrant.title
    drawn = (3 if len(course.seeds) > 1 else 1) + (len(course.seeds) if seeds else 0)
    course = _fitting(course, _MOST_POINTS // (lines * drawn))
    if apart_at is not None:
        course = course.apart(apart_at)
    x = course.positions(axis, curves).astype(np.float32)
    band = spread(course.values, kind)
    common: dict[str, Any] = {"mode": "lines", "legendgroup": name}
    edge = common | {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    if len(course.seeds) > 1:
        low = np.maximum(band.low, np.nanmin(course.values)) if is_log else band.low
        yield scatter(f"{name} low", x, low.astype(np.float32)) | edge
        filled = {"fill": "tonexty", "fillcolor": faint(entrant.color, 0.18)}
        yield scatter(f"{name} high", x, band.high.astype(np.float32)) | edge | filled
    if seeds:
        thin = {"line": {"color": muted(entrant.color), "width": 1}, "showlegend": False}
        for seed, row in zip(course.seeds, course.values, strict=True):
            one = scatter(f"{name}, seed {seed}", x, row.astype(np.float32))
            yield one | common | thin | {"hoverinfo": "skip"}
    style = {"color": entrant.color, "dash": entrant.dash, "width": 2.5}
    label = _label(entrant, band.mean, labelled_in) if labelled_in else {}
    yield scatter(name, x, band.mean.astype(np.float32)) | common | {"line": style} | label
    yield from _ends(course, x, name, entrant.color)


def _fitting(course: Course, points: int) -> Course:
    """All epochs where they fit; of a long course fewer, as each frame has every line anew."""
    most = min(points, _MOST_OF_A_LINE)
    return course if len(course.epochs) <= most else course.thinned(max(24, 3 * most // 4))


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
            "legendgroup": name,
            "showlegend": False,
        }


def _noted(title: str, note: str) -> str:
    """The title of the lower axis, with the note below it in small letters."""
    lines = wrap(note[0].upper() + note[1:], _NOTE_WIDTH)
    small = "<br>".join(literal(line) for line in lines)
    return f'{title}<br><span style="font-size:11px">{small}</span>'


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
    figure = chart(experiment_id, traces, "learning rate", title, x=FOUR_DIGITS, y={"decimals": 3})
    figure["layout"]["xaxis"] |= {
        "type": "log",
        "rangemode": "normal",
        "tickformat": "~g",
        "nticks": 5,
    }
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
                "fillcolor": faint(entrant.color, 0.15),
                "legendgroup": entrant.title,
                "showlegend": False,
            }
        )
    for entrant in lineup:
        sizes = np.array(lens["gradients"][entrant.place], np.float32)
        style = {"color": entrant.color, "dash": entrant.dash, "width": 2.5}
        line = scatter(entrant.title, at, sizes)
        traces.append(line | {"mode": "lines", "line": style, "legendgroup": entrant.title})
    title = "log-odds of the true class" if is_classification else "residual, prediction - target"
    figure = chart(
        experiment_id,
        traces,
        title,
        "|dL/dz| for one row",
        x={"decimals": 1},
        y2={"decimals": 0, "share": True},
    )
    figure["layout"]["xaxis"] |= {"rangemode": "normal", "zeroline": True}
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
    }
    # A gradient that fades is seen as one that falls by powers of ten.
    figure["layout"]["yaxis"] |= {"type": "log", "range": [-5, 0.5], "dtick": 1, "tickformat": "~g"}
    return figure
