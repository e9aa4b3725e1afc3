"""A race as it stands: conditions, curves on shared axes, and in tabs what they amount to."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.compare import conditions
from core.compare.courses import CurveAxis, courses, judged_split, shared_courses
from core.compare.curves import Curves, RunCurves
from core.compare.intervals import Spread
from core.figures import shared_figure, units_figure
from core.judging.yardsticks import shared
from core.records import Experiment, Measure, Run, Snapshot, Split
from pages.parts.compare import conditions as conditions_table
from pages.parts.compare import learned, verdict
from pages.parts.shell import following, session
from pages.parts.shell.text import escaped
from pages.parts.widgets.live_chart import live_chart

_SHOWN_DIGITS = 8


def draw(shown: Experiment) -> None:
    """Follow the race until it has finished."""
    following.follow(shown, _view)


def _view(experiment: Experiment, runs: tuple[Run, ...], curves: Curves) -> None:
    evaluated = curves.evaluated(runs)
    snapshot = session.snapshot(experiment.id)
    following.draw(experiment)
    _draw_conditions(experiment, snapshot)
    _draw_diverged(experiment, evaluated)
    _draw_shared(experiment, evaluated, curves)
    _draw_tabs(experiment, evaluated, curves, snapshot)


# ------------------------------------------------------------------ conditions


def _draw_conditions(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """What was equal, what was not, and the fingerprints that show it."""
    spec = experiment.spec
    rate = "" if len(set(_rates(experiment))) > 1 else f", learning rate {_rates(experiment)[0]:g}"
    has_trunk = bool(spec.network.hidden_sizes)
    trunk = "trunk weights" if has_trunk else "no hidden layers, so no trunk"
    equal = f"{trunk}, batches and their order, split, {spec.training.epochs:,} epochs{rate}"
    different = "loss, head" if rate else "loss, head, learning rate"
    prints = ""
    if experiment.facts and snapshot:
        order = f"batch order {snapshot.order_sha256[0][:_SHOWN_DIGITS]}"
        if has_trunk:
            order = f"trunk {experiment.facts.trunk_sha256[0][:_SHOWN_DIGITS]}, {order}"
        prints = f" SHA-256 for seed {spec.seeds[0]}: {order}."
    st.caption(f"**Equal:** {equal}. **Different:** {different}.{prints}")
    if conditions.trunks_agree(experiment) is False:
        st.error("The entrants of a seed did not start from the same trunk weights.")


def _rates(experiment: Experiment) -> list[float]:
    if experiment.facts:
        return experiment.facts.learning_rates
    return [entrant.learning_rate for entrant in experiment.spec.lineup]


def _draw_diverged(experiment: Experiment, runs: tuple[RunCurves, ...]) -> None:
    """How many seeds of which entrant diverged: they are counted, not dropped."""
    ended: dict[int, list[int]] = {}
    for run in runs:
        if run.diverged_step is not None:
            ended.setdefault(run.run.entrant, []).append(run.diverged_step)
    if ended:
        spec = experiment.spec
        counts = "; ".join(
            f"{escaped(spec.lineup[place].title)} in {len(steps)} of {len(spec.seeds)} seeds, "
            f"first at step {min(steps):,}"
            for place, steps in ended.items()
        )
        st.warning(
            f"No longer a finite number: {counts}. A cross marks the end of each; from there on "
            "means are over the other seeds.",
            icon=":material/trending_up:",
        )


# ------------------------------------------------------------------ curves


def _draw_shared(experiment: Experiment, runs: tuple[RunCurves, ...], curves: Curves) -> None:
    offered = {each.title: each for each in shared(experiment.spec.dataset.task)}
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        picked = st.segmented_control(
            "Judged by",
            list(offered),
            default=next(iter(offered)),
            required=True,
            key=f"shared_{experiment.spec.dataset.task.is_classification}",
            label_visibility="collapsed",
            persist_state="session",
        )
        _draw_chart_options()
    facts = experiment.facts
    on_axis = shared_courses(runs, experiment.spec, facts, offered[picked]) if facts else []
    live_chart(
        shared_figure(
            on_axis,
            curves,
            offered[picked],
            axis=_axis(),
            band=_band(),
            seeds=_with_seeds(),
            note=conditions.protocol_line(experiment.spec, facts),
        ),
        key="shared_chart",
        label=f"{picked} of each entrant, mean and {_band().value} over seeds",
        steps=curves.step,
        status=experiment.status.value,
        height=360,
    )


def _draw_chart_options() -> None:
    with st.popover("Chart", icon=":material/tune:"):
        st.segmented_control(
            "Over", list(CurveAxis), default=CurveAxis.EPOCH, required=True, key="axis",
            format_func=lambda axis: axis.value.capitalize(), persist_state="session",
        )  # fmt: skip
        st.segmented_control(
            "Band over seeds", list(Spread), default=Spread.INTERVAL, required=True, key="band",
            format_func=lambda band: band.value, persist_state="session",
        )  # fmt: skip
        st.toggle("Single seeds", key="single_seeds", persist_state="session")
        st.toggle("Log axis for losses", key="race_log_y", persist_state="session")


def _axis() -> CurveAxis:
    return CurveAxis(st.session_state.get("axis", CurveAxis.EPOCH))


def _band() -> Spread:
    return Spread(st.session_state.get("band", Spread.INTERVAL))


def _with_seeds() -> bool:
    return bool(st.session_state.get("single_seeds", False))


def _draw_tabs(
    experiment: Experiment,
    runs: tuple[RunCurves, ...],
    curves: Curves,
    snapshot: Snapshot | None,
) -> None:
    """What the open tab has; the others cost nothing until they are opened."""
    tabs: dict[str, Callable[[], None]] = {
        "Verdict": lambda: verdict.draw(experiment, runs, curves, snapshot),
        "Own units": lambda: _draw_units(experiment, runs, curves),
        "Calibration": lambda: learned.draw_calibration(experiment, snapshot),
        "Gradients": lambda: learned.draw_lens(experiment, snapshot),
        "What each learned": lambda: learned.draw_learned(experiment, snapshot),
        "Conditions": lambda: conditions_table.draw(experiment, snapshot),
    }
    for tab, draw_tab in zip(
        st.tabs(list(tabs), on_change="rerun", key="race_tabs"), tabs.values(), strict=True
    ):
        if tab.open:
            with tab:
                draw_tab()


def _draw_units(experiment: Experiment, runs: tuple[RunCurves, ...], curves: Curves) -> None:
    st.caption(
        "Each loss in its own units, with the loss of the best constant predictor. They share no "
        "axis: a smaller number in other units is not a better one."
    )
    spec = experiment.spec
    validation = courses(runs, spec, judged_split(spec), Measure.LOSS)
    training = courses(runs, spec, Split.TRAIN, Measure.EPOCH_LOSS)
    facts = experiment.facts
    with st.grid(min(3, len(validation)), min_column_width=220, gap="small"):
        for judged, trained in zip(validation, training, strict=True):
            live_chart(
                units_figure(
                    judged,
                    trained,
                    curves,
                    axis=_axis(),
                    band=_band(),
                    seeds=_with_seeds(),
                    baseline=facts.baselines[judged.entrant.place] if facts else None,
                    log_y=bool(st.session_state.get("race_log_y", False)),
                ),
                key=f"units_{judged.entrant.place}",
                label=f"{judged.entrant.title} in its own units",
                steps=curves.step,
                status=experiment.status.value,
                height=280,
            )
