"""An experiment as it stands: status, progress, charts, numbers, printed losses.

One fragment reads what came since its cursors and draws it, four times a second while
something can still change and never after.
"""

from __future__ import annotations

import math
import time

import streamlit as st

from core.curves import Curves, CurveSet, RunCurves
from core.errors import LabError
from core.figures import loss_figure, rivals_figure
from core.losses import LOSSES
from core.records import Experiment, Measure, Split, Status, Wanted
from pages.parts import printed, session
from pages.parts.live_chart import live_chart

#: Between two looks at what is written; shorter while something asked for is awaited.
REFRESH_SECONDS = 0.25
EAGER_SECONDS = 0.08
#: Enough for Streamlit to send a frame.
SENDING_SECONDS = 0.1

_BADGES = {
    Status.QUEUED: (":material/hourglass_empty:", "gray"),
    Status.RUNNING: (":material/play_circle:", "blue"),
    Status.PAUSED: (":material/pause_circle:", "orange"),
    Status.FINISHED: (":material/check_circle:", "green"),
    Status.STOPPED: (":material/stop_circle:", "gray"),
    Status.DIVERGED: (":material/trending_up:", "red"),
    Status.FAILED: (":material/error:", "red"),
    Status.INTERRUPTED: (":material/power_off:", "orange"),
}


def draw(shown: Experiment) -> None:
    """Follow the experiment until it has finished."""
    st.fragment(_frame, run_every=_refresh_seconds(shown))(shown.id, shown.status, shown.wanted)


def _refresh_seconds(shown: Experiment) -> float | None:
    if shown.status.is_finished:
        return None
    return REFRESH_SECONDS if shown.wanted == shown.status else EAGER_SECONDS


def _frame(experiment_id: str, drawn_status: Status, drawn_wanted: Wanted) -> None:
    try:
        experiment, curves = _follow(experiment_id)
    except LabError as error:
        st.error(str(error), icon=":material/error:")
        return
    _draw_status(experiment)
    _draw_divergence(curves)
    _draw_numbers(experiment, curves.runs[0])
    _draw_loss_chart(experiment, curves)
    if len(experiment.spec.losses) > 1:
        _draw_rivals_chart(experiment, curves)
    printed.draw(experiment, curves.runs[0])
    if (experiment.status, experiment.wanted) != (drawn_status, drawn_wanted):
        # The buttons outside this fragment speak of another status. Only once the frame is
        # drawn and sent: what is not sent yet is dropped, and its charts leave the page.
        time.sleep(SENDING_SECONDS)
        st.rerun()


def _follow(experiment_id: str) -> tuple[Experiment, CurveSet]:
    """The experiment and its curves, with all that was written since the last look."""
    store = session.store()
    experiment = store.get(experiment_id)
    runs = store.runs(experiment_id)
    curves: Curves = session.curves(experiment_id, len(runs))
    curves.extend(
        store.chunks(experiment_id, after=curves.last_chunk),
        store.evaluations(experiment_id, after_epoch=curves.last_epoch),
    )
    return experiment, curves.view(runs, st.session_state.get("smoothing", 0.0))


# ------------------------------------------------------------------ status


def _draw_status(experiment: Experiment) -> None:
    icon, color = _BADGES[experiment.status]
    with st.container(horizontal=True, vertical_alignment="center", key="status"):
        st.badge(experiment.status.value.capitalize(), icon=icon, color=color)
        st.caption(_pace(experiment))
    st.progress(min(1.0, experiment.step / experiment.spec.total_steps))
    if experiment.reason:
        is_bad = experiment.status in (Status.FAILED, Status.INTERRUPTED)
        (st.error if is_bad else st.info)(experiment.reason)


def _draw_divergence(curves: CurveSet) -> None:
    ended = [
        f"{LOSSES[run.run.loss].title} at step {run.diverged_step:,}"
        for run in curves.runs
        if run.diverged_step is not None
    ]
    if ended:
        st.warning(
            f"No longer a finite number: {', '.join(ended)}. A smaller learning rate usually "
            "helps. The curve up to there is kept.",
            icon=":material/trending_up:",
        )


def _pace(experiment: Experiment) -> str:
    """Epoch, time left, steps a second and device; the place in the queue while waiting."""
    if experiment.status is Status.QUEUED:
        place = session.store().queue_place(experiment.id)
        return "Starting" if place == 1 else f"Number {place} in the queue"
    spec = experiment.spec
    parts = [f"epoch {experiment.epoch:,} of {spec.training.epochs:,}"]
    if experiment.seconds > 0 and experiment.step:
        rate = experiment.step / experiment.seconds
        if not experiment.status.is_finished:
            parts.append(f"{_duration((spec.total_steps - experiment.step) / rate)} left")
        else:
            parts.append(f"{_duration(experiment.seconds)} of training")
        parts.append(f"{rate:,.0f} steps/s")
    if experiment.facts:
        parts.append(f"on {experiment.facts.device}")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


# ------------------------------------------------------------------ numbers


def _draw_numbers(experiment: Experiment, picked: RunCurves) -> None:
    task = experiment.spec.dataset.task
    yardstick = Measure.ACCURACY if task.is_classification else Measure.R2
    name = "accuracy" if task.is_classification else "R²"
    numbers = {
        "Batch loss": _number(picked.newest_loss),
        "Training loss": _newest(picked, Split.TRAIN, Measure.LOSS),
        "Validation loss": _newest(picked, Split.VAL, Measure.LOSS),
        f"Training {name}": _newest(picked, Split.TRAIN, yardstick),
        f"Validation {name}": _newest(picked, Split.VAL, yardstick),
    }
    with st.grid(5, min_column_width=128, gap="small"):
        for label, value in numbers.items():
            st.metric(label, value)


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
    picked = experiment.spec.loss_specs[0]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**{picked.title} as it trains**")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            log_y = st.toggle("Log axis", key="log_y", persist_state="session")
            with st.popover("Smoothing"):
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
            picked.key,
            baseline=facts.baselines[picked.key] if facts else None,
            log_y=log_y,
        ),
        key="loss_chart",
        label=f"{picked.title} by training step",
        steps=curves.step,
        status=experiment.status.value,
        height=340,
    )


def _draw_rivals_chart(experiment: Experiment, curves: CurveSet) -> None:
    titles = [loss.title for loss in experiment.spec.loss_specs]
    st.markdown(f"**{titles[0]} against {' and '.join(titles[1:])}**")
    st.caption(
        "Same starting weights, same batches. The losses themselves have different units, so "
        "they share no axis; this yardstick is the same for all."
    )
    live_chart(
        rivals_figure(curves, experiment.spec, experiment.spec.losses[0]),
        key="rivals_chart",
        label="Each loss judged by the same yardstick, by epoch",
        steps=curves.step,
        status=experiment.status.value,
        height=300,
    )
