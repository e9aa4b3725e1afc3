"""The stage of the Train page: one training as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from core.compare.courses import CurveAxis, courses, judged_split, shared_courses
from core.compare.curves import CurveSet, RunCurves
from core.compare.so_far import SoFar, sentence
from core.figures import Ghost, loss_figure, shared_figure
from core.judging.yardsticks import Shared, first_yardstick, shared
from core.live import blocks, diagnosed, entrant_table, learned, terms, words
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import SMOOTHING, View
from core.records import Experiment, Measure, Split
from core.spec import Entrant

#: Newest epochs shown in the printed list; the download has them all.
_PRINTED_EPOCHS = 200
#: Points of a loss by step, shared out among the entrants, whose charts are small.
_POINTS = 900
_FEWEST_POINTS = 200
_NONE_YET = "The first epoch is not complete yet."
_AXES = {axis.value: axis.value.capitalize() for axis in CurveAxis}


def parts_of(state: State, view: View) -> Iterator[Part]:
    experiment = state.experiment
    runs = state.curves.evaluated(state.runs)
    yield Part("progress", state.progress, lambda: words.progress(state))
    so_far = cache(lambda: _so_far(experiment, runs))
    yield Part("said", state.judged, lambda: _said(experiment, runs, so_far()))
    yield diagnosed.part_of(state, runs)
    ghost = state.ghost.judged if state.ghost else None
    yield Part("compared", (state.judged, ghost), lambda: _compared(state, runs, view))
    yield Part("units", (state.step, state.judged), lambda: _units(state, view))
    yield Part("learned", state.looked_at, lambda: _learned(state, view))
    yield Part("numbers", state.judged, lambda: entrant_table.draw(experiment, runs, so_far()))
    yield Part("printed", state.judged, lambda: _printed(experiment, runs[0]))


def _so_far(experiment: Experiment, runs: Sequence[RunCurves]) -> SoFar:
    """By the task's first yardstick."""
    spec = experiment.spec
    measure = first_yardstick(spec.dataset.task).measure
    return SoFar.of(courses(runs, spec, judged_split(spec), measure))


def _said(experiment: Experiment, runs: Sequence[RunCurves], so_far: SoFar) -> Iterator[Block]:
    """One sentence that says what the comparison shows so far."""
    told = sentence(
        so_far,
        first_yardstick(experiment.spec.dataset.task),
        is_finished=experiment.status.is_finished,
        is_any_left=any(run.diverged_step is None for run in runs),
    )
    yield blocks.text("said", blocks.typed(told), "said")


# ------------------------------------------------------------------ charts


def _compared(state: State, runs: Sequence[RunCurves], view: View) -> Iterator[Block]:
    """All entrants on one axis, by a yardstick that is the same for all."""
    experiment, spec = state.experiment, state.experiment.spec
    offered = {each.key: each for each in shared(spec.dataset)}
    picked = view.judged_by if view.judged_by in offered else next(iter(offered))
    titles = {key: each.title for key, each in offered.items()}
    split = judged_split(spec)
    ghost = _ghost(state.ghost, offered[picked])
    has_ghost = ghost is not None or (view.ghost and not view.before)
    before = [blocks.toggle("before", "Last run behind", is_on=view.before)] if has_ghost else []
    yield blocks.controls(
        "compared_controls",
        blocks.choice(
            "judged_by",
            "Judged by",
            titles,
            picked,
            tips={key: terms.of_shared(spec.dataset.task, each) for key, each in offered.items()},
        ),
        *before,
        blocks.choice("axis", "Over", _AXES, view.axis.value, look="menu", tips=terms.AXES),
    )
    facts = experiment.facts
    on_axis = shared_courses(runs, spec, facts, offered[picked]) if facts else []
    yield blocks.chart(
        "compared_chart",
        shared_figure(
            on_axis,
            state.curves,
            offered[picked],
            axis=view.axis,
            band=view.band,
            seeds=view.seeds,
            split=split,
            ghost=ghost,
        ),
        label=f"{titles[picked]} of each entrant by {view.axis.value}",
        height=220,
    )


def _ghost(state: State | None, judged_by: Shared) -> Ghost | None:
    """What the page showed before, by the same yardstick; None where it has no such score."""
    if state is None or state.experiment.facts is None:
        return None
    spec = state.experiment.spec
    if judged_by not in shared(spec.dataset):
        return None
    runs = state.curves.evaluated(state.runs)
    return Ghost(shared_courses(runs, spec, state.experiment.facts, judged_by), state.curves)


def _units(state: State, view: View) -> Iterator[Block]:
    """Each loss as it trains, in its own units: they have no axis in common."""
    experiment, spec = state.experiment, state.experiment.spec
    circles = ", circles for validation" if spec.data.validation_rows else ""
    yield blocks.heading(
        "units_heading",
        f"Each loss in its own units: training by step{circles}",
        blocks.toggle("log", "Log axis", is_on=view.log),
        blocks.menu(
            "Smoothing",
            blocks.slider(
                "smoothing",
                "Smoothing; 0 draws the loss as it was recorded",
                SMOOTHING.low,
                SMOOTHING.high,
                0.01,
                view.smoothing,
            ),
        ),
    )
    points = max(_FEWEST_POINTS, _POINTS // len(spec.entrants))
    first_runs = [state.runs[spec.runs_of(entrant.place)][0] for entrant in spec.lineup]
    curves = state.curves.view(first_runs, view.smoothing, points)
    yield blocks.grid(
        "units", [[_unit_chart(experiment, curves, entrant, view)] for entrant in spec.lineup]
    )


def _unit_chart(experiment: Experiment, curves: CurveSet, entrant: Entrant, view: View) -> Block:
    facts = experiment.facts
    figure = loss_figure(
        curves,
        entrant,
        baseline=facts.baselines[entrant.place] if facts else None,
        log_y=view.log,
        is_validated=bool(experiment.spec.data.validation_rows),
        later_baseline=facts.later_baseline(entrant.place) if facts else None,
    )
    label = f"{entrant.title} by training step"
    return blocks.chart(f"units_{entrant.place}", figure, label=label, height=180)


def _learned(state: State, view: View) -> Iterator[Block]:
    yield blocks.heading("learned_heading", "What each network learned")
    yield from learned.replay(state)
    yield from learned.pictures(state, view)


def _printed(experiment: Experiment, first: RunCurves) -> Iterator[Block]:
    """The losses as a training script prints them, and all numbers as a file."""
    line = first.evaluation(Split.TRAIN, Measure.EPOCH_LOSS)
    total = experiment.spec.training.epochs
    lines = [
        f"Epoch [{epoch}/{total}], Loss: {value:.4f}"
        for epoch, value in zip(
            line.epochs[-_PRINTED_EPOCHS:].tolist(),
            line.values[-_PRINTED_EPOCHS:].tolist(),
            strict=True,
        )
    ]
    yield blocks.heading(
        "printed_heading",
        f"{experiment.spec.lineup[0].title}, printed epoch by epoch",
        blocks.download("CSV", "losses.csv"),
    )
    yield blocks.printed("printed", "\n".join(lines) or _NONE_YET)
