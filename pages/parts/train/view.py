"""One training as it stands: charts, numbers, printed losses."""

from __future__ import annotations

import math

import streamlit as st

from core.compare.curves import Curves, CurveSet, RunCurves
from core.figures import loss_figure, rivals_figure
from core.judging.yardsticks import first_yardstick
from core.records import Experiment, Measure, Run, Split
from pages.parts.shell import following
from pages.parts.shell.text import escaped, in_a_row
from pages.parts.train import printed
from pages.parts.widgets.live_chart import live_chart


def draw(shown: Experiment) -> None:
    """Follow the experiment until it has finished."""
    following.follow(shown, _view)


def _view(experiment: Experiment, runs: tuple[Run, ...], curves: Curves) -> None:
    curve_set = curves.view(runs, st.session_state.get("smoothing", 0.0))
    following.draw(experiment, _numbers(experiment, curve_set.runs[0]))
    _draw_divergence(experiment, curve_set)
    _draw_loss_chart(experiment, curve_set)
    if len(experiment.spec.entrants) > 1:
        _draw_rivals_chart(experiment, curve_set)
    printed.draw(experiment, curve_set.runs[0])


def _draw_divergence(experiment: Experiment, curves: CurveSet) -> None:
    ended = [
        f"{escaped(experiment.spec.lineup[run.run.entrant].title)} at step {run.diverged_step:,}"
        for run in curves.runs
        if run.diverged_step is not None
    ]
    if ended:
        st.warning(
            f"No longer a finite number: {', '.join(ended)}. A smaller learning rate usually "
            "helps. The curve up to there is kept.",
            icon=":material/trending_up:",
        )


# ------------------------------------------------------------------ numbers


def _numbers(experiment: Experiment, picked: RunCurves) -> dict[str, str]:
    yardstick = first_yardstick(experiment.spec.dataset.task)
    name, measure = yardstick.name, yardstick.measure
    return {
        "Batch loss": _number(picked.newest_loss),
        "Training loss": _newest(picked, Split.TRAIN, Measure.LOSS),
        "Validation loss": _newest(picked, Split.VAL, Measure.LOSS),
        f"Training {name}": _newest(picked, Split.TRAIN, measure),
        f"Validation {name}": _newest(picked, Split.VAL, measure),
    }


def _newest(picked: RunCurves, split: Split, measure: Measure) -> str:
    values = picked.evaluation(split, measure).values
    newest = values[-1] if len(values) else None
    if newest is not None and measure is Measure.ACCURACY:
        return f"{newest:.1%}"
    return _number(newest)


def _number(value: float | None) -> str:
    """Four decimals where they say something, else powers of ten."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not finite"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.2e}"


# ------------------------------------------------------------------ charts


def _draw_loss_chart(experiment: Experiment, curves: CurveSet) -> None:
    first = experiment.spec.lineup[0]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**{escaped(first.title)} as it trains**")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            log_y = st.toggle("Log axis", key="log_y", persist_state="session")
            smoothing = st.popover("Smoothing", key="fold_smoothing", on_change="rerun")
    if smoothing.open:
        with smoothing:
            st.slider(
                "Weight of the past",
                0.0,
                0.99,
                step=0.01,
                key="smoothing",
                help="0 draws the loss as it was recorded.",
                persist_state="session",
            )
    facts = experiment.facts
    live_chart(
        loss_figure(
            curves,
            first,
            baseline=facts.baselines[first.place] if facts else None,
            log_y=log_y,
        ),
        key="loss_chart",
        label=f"{first.title} by training step",
        steps=curves.step,
        status=experiment.status.value,
        height=340,
    )


def _draw_rivals_chart(experiment: Experiment, curves: CurveSet) -> None:
    first, *rivals = [escaped(entrant.title) for entrant in experiment.spec.lineup]
    # One text and not two: each is parsed anew at every frame.
    st.markdown(
        f"**{first} against {in_a_row(rivals)}**  \n:gray[:small[Same starting weights, same "
        "batches. The losses themselves have different units, so they share no axis; this "
        "yardstick is the same for all.]]"
    )
    live_chart(
        rivals_figure(curves, experiment.spec),
        key="rivals_chart",
        label="Each entrant judged by the same yardstick, by epoch",
        steps=curves.step,
        status=experiment.status.value,
        height=300,
    )
