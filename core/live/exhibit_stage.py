"""The stage of an exhibit: the one or two charts that matter, large and alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import courses, judged_split, shared_courses
from core.compare.curves import RunCurves
from core.compare.intervals import Spread
from core.exhibits import EXHIBITS, Chart, Drawing
from core.exhibits import Part as ExhibitPart
from core.exhibits.judged import shared_of, yardstick_of
from core.figures import Figure, ends_figure, shared_figure
from core.judging.yardsticks import Yardstick, shared
from core.live import blocks, words
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import View

#: The style sheet makes charts as high as the screen has room for.
_HEIGHT = 420


def parts_of(state: State, view: View) -> Iterator[Part]:
    shown = _shown(view)
    title = shown.title if shown else ""
    yield Part("progress", state.progress, lambda: words.small_progress(state, title))
    runs = state.curves.evaluated(state.runs)
    yield Part("charts", (state.judged, state.looked_at), lambda: _charts(state, runs, shown))


def _shown(view: View) -> ExhibitPart | None:
    """The exhibit's part that is looked at; None where the view names no exhibit."""
    exhibit = EXHIBITS.get(view.exhibit)
    return exhibit.parts[min(view.part, len(exhibit.parts) - 1)] if exhibit else None


def _charts(state: State, runs: Sequence[RunCurves], shown: ExhibitPart | None) -> Iterator[Block]:
    spec = state.experiment.spec
    charts = shown.charts if shown else (Chart("Error", shared(spec.dataset)[0].key),)
    cells = []
    for number, chart in enumerate(charts):
        name = f"exhibit_{number}"
        figure = _DRAWN[chart.drawing](state, runs, chart)
        cells.append(
            [
                blocks.heading(f"{name}_heading", blocks.typed(chart.title)),
                blocks.chart(name, figure, label=chart.title, height=_HEIGHT),
            ]
        )
    yield blocks.grid("charts", cells)


def _course(state: State, runs: Sequence[RunCurves], chart: Chart) -> Figure:
    """All entrants on one axis, mean and 95% interval over seeds."""
    spec, facts = state.experiment.spec, state.experiment.facts
    judged_by = shared_of(spec, chart)
    return shared_figure(
        shared_courses(runs, spec, facts, judged_by) if facts else [],
        state.curves,
        judged_by,
        axis=chart.axis,
        band=Spread.INTERVAL,
        seeds=False,
        split=judged_split(spec),
    )


def _end(state: State, runs: Sequence[RunCurves], chart: Chart) -> Figure:
    """Where each seed stands, and at the end where it ended; which epoch that is of is said."""
    spec = state.experiment.spec
    yardstick = yardstick_of(spec, chart)
    epoch, values = _newest(state, runs, yardstick)
    return ends_figure(
        spec.lineup,
        values,
        x_title=f"{judged_split(spec).word} {yardstick.name}, epoch {epoch:,}",
        digits=yardstick.digits,
        scope=state.experiment.id,
    )


def _newest(
    state: State, runs: Sequence[RunCurves], yardstick: Yardstick
) -> tuple[int, NDArray[np.float64]]:
    """The newest epoch that was judged so, and its scores ``[L, S]``; ``[L, 0]`` before any.

    What is not judged at each epoch is known from snapshots alone, which come now and then.
    """
    spec, snapshot = state.experiment.spec, state.snapshot
    shape = (len(spec.entrants), len(spec.seeds))
    if yardstick.is_judged_each_epoch:
        judged = courses(runs, spec, judged_split(spec), yardstick.measure)
        epochs = min(len(course.epochs) for course in judged)
        if epochs:
            values = np.stack([course.values[:, epochs - 1] for course in judged])
            return int(judged[0].epochs[epochs - 1]), values
    elif snapshot is not None:
        diverged = np.array([run.diverged_step is not None for run in state.runs])
        scores = np.where(diverged, np.nan, snapshot.score(yardstick.measure))
        return snapshot.epoch, scores.reshape(shape)
    return 0, np.empty((shape[0], 0))


_DRAWN = {Drawing.COURSE: _course, Drawing.END: _end}
