"""The stage of the Compare page: a race as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from core.compare.conditions import held_equal, protocol_line, trunks_agree
from core.compare.courses import CurveAxis, courses, judged_split, shared_courses
from core.compare.curves import RunCurves
from core.compare.intervals import Spread
from core.figures import range_figure, shared_figure, units_figure
from core.judging.yardsticks import shared
from core.live import blocks, diagnosed, learned, terms, words
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.verdict import Judged, differences, said, verdict_parts
from core.live.view import Tab, View
from core.records import Experiment, Measure, Snapshot, Split
from core.spec import ExperimentSpec

_TAB_TITLES = {
    Tab.VERDICT: "Verdict",
    Tab.UNITS: "Own units",
    Tab.CALIBRATION: "Calibration",
    Tab.GRADIENTS: "Gradients",
    Tab.LEARNED: "What each learned",
    Tab.CONDITIONS: "Conditions",
}


def parts_of(state: State, view: View) -> Iterator[Part]:
    experiment = state.experiment
    runs = state.curves.evaluated(state.runs)
    yield Part("progress", state.progress, lambda: words.progress(state))
    judged = Judged(state, runs, view)
    yield Part("said", judged.shown, lambda: said(judged))
    yield diagnosed.part_of(state, runs)
    if judged.has_pairs:
        yield Part("differences", judged.shown, lambda: differences(judged))
    yield Part("shared", state.judged, lambda: _shared_chart(state, runs, view))
    yield Part("equal", experiment.facts is not None, lambda: _equal(experiment))
    yield Part("tabs", None, lambda: _tabs(view))
    yield from _TABS[view.tab](judged)


def _tabs(view: View) -> Iterator[Block]:
    titles = {tab.value: title for tab, title in _TAB_TITLES.items()}
    yield blocks.controls(
        "tabs", blocks.choice("tab", "Below the curves", titles, view.tab.value, look="tabs")
    )


# ------------------------------------------------------------------ conditions


def _equal(experiment: Experiment) -> Iterator[Block]:
    """What was equal between the entrants, and what was not."""
    equal, different = held_equal(experiment.spec, experiment.facts)
    yield blocks.text(
        "equal",
        f"**Equal:** {', '.join(equal)}. **Different:** {', '.join(different) or 'nothing'}.",
        "caption",
    )
    if trunks_agree(experiment) is False:
        yield blocks.text(
            "unequal",
            "The entrants of a seed did not start from the same hidden layers.",
            "error",
        )


# ------------------------------------------------------------------ curves


def _shared_chart(state: State, runs: Sequence[RunCurves], view: View) -> Iterator[Block]:
    experiment, spec = state.experiment, state.experiment.spec
    offered = {each.key: each for each in shared(spec.dataset)}
    picked = view.judged_by if view.judged_by in offered else next(iter(offered))
    titles = {key: each.title for key, each in offered.items()}
    yield blocks.controls(
        "chart_controls",
        blocks.choice(
            "judged_by",
            "Judged by",
            titles,
            picked,
            look="menu",
            tips={key: terms.of_shared(spec.dataset.task, each) for key, each in offered.items()},
        ),
        blocks.menu("Chart", *_chart_options(view)),
    )
    facts = experiment.facts
    on_axis = shared_courses(runs, spec, facts, offered[picked]) if facts else []
    yield blocks.chart(
        "shared_chart",
        shared_figure(
            on_axis,
            state.curves,
            offered[picked],
            axis=view.axis,
            band=view.band,
            seeds=view.seeds,
            split=judged_split(spec),
            note=protocol_line(spec, facts),
        ),
        label=f"{titles[picked]} of each entrant, mean and {view.band.value} over seeds",
        height=300,
    )


def _chart_options(view: View) -> Iterator[Block]:
    axes = {axis.value: axis.value.capitalize() for axis in CurveAxis}
    yield blocks.choice("axis", "Over", axes, view.axis.value, tips=terms.AXES)
    spreads = {spread.value: spread.value.capitalize() for spread in Spread}
    yield blocks.choice("band", "Band over seeds", spreads, view.band.value, tips=terms.SPREADS)
    yield blocks.toggle("seeds", "Single seeds", is_on=view.seeds)
    yield blocks.toggle("log", "Log axis for losses", is_on=view.log)


def _units(state: State, runs: Sequence[RunCurves], view: View) -> Iterator[Block]:
    yield blocks.text(
        "units_caption",
        "Each loss in its own units, with the loss of the best constant predictor. They share no "
        "axis: a smaller number in other units is not a better one.",
        "caption",
    )
    spec, facts = state.experiment.spec, state.experiment.facts
    split = judged_split(spec)
    after = courses(runs, spec, split, Measure.LOSS)
    training = courses(runs, spec, Split.TRAIN, Measure.EPOCH_LOSS)
    cells = []
    for judged, trained in zip(after, training, strict=True):
        entrant = judged.entrant
        figure = units_figure(
            judged,
            trained,
            state.curves,
            split=split,
            axis=view.axis,
            band=view.band,
            seeds=view.seeds,
            baseline=facts.baselines[entrant.place] if facts else None,
            log_y=view.log,
            later_baseline=facts.later_baseline(entrant.place) if facts else None,
        )
        label = f"{entrant.title} in its own units"
        cells.append([blocks.chart(f"units_{entrant.place}", figure, label=label, height=280)])
    yield blocks.grid("units", cells)


# ------------------------------------------------------------------ the conditions of every seed


def _conditions(state: State, view: View) -> Iterator[Block]:
    """Fingerprints of every seed, and how learning rates were found."""
    experiment, snapshot = state.experiment, state.snapshot
    if experiment.facts is None or snapshot is None:
        yield blocks.text("conditions", "The conditions are known once training has begun.", "info")
        return
    facts, spec = experiment.facts, experiment.spec
    yield _fingerprints(spec, facts.trunk_sha256, snapshot)
    yield blocks.text(
        "conditions",
        "Computed from the tensors that were trained and from the orders that were used. The "
        "batches of a seed are gathered once and handed to every entrant. Last layers differ "
        "where losses need other outputs or an entrant starts its own elsewhere; else they start "
        "the same too.",
        "caption",
    )
    line = blocks.typed(protocol_line(spec, facts))
    yield blocks.text("protocol", f"**Protocol:** {line}.")
    if facts.range_test:
        yield blocks.chart(
            "range_chart",
            range_figure(facts.range_test, facts.learning_rates, spec.lineup, experiment.id),
            label="Skill of each entrant after a short training at each learning rate",
            height=300,
        )
        yield blocks.text(
            "range_caption",
            f"Every entrant was trained for {facts.range_test['steps']} steps at each rate, from "
            "the start and on the batches that the race then had. Skill is by what share the "
            "loss is less than the best constant's, on training rows. What is best for a few "
            "steps may be too fast for many.",
            "caption",
        )


def _fingerprints(spec: ExperimentSpec, trunks: Sequence[str], snapshot: Snapshot) -> Block:
    seeds = len(spec.seeds)
    rows = {}
    for place, seed in enumerate(spec.seeds):
        same = sum(trunk == trunks[place] for trunk in trunks[place::seeds])
        rows[str(seed)] = [
            trunks[place][:16],
            f"{same} of {len(spec.entrants)} entrants",
            snapshot.order_sha256[place][:16],
        ]
    columns = [
        "seed",
        "hidden layers at the start, SHA-256",
        "the same for",
        f"batch order to epoch {snapshot.epoch:,}",
    ]
    return blocks.table(
        "fingerprints", columns, rows, "Fingerprints of every seed", terms.FINGERPRINTS
    )


def _units_parts(judged: Judged) -> Iterator[Part]:
    state = judged.state
    yield Part("units", state.judged, lambda: _units(state, judged.runs, judged.view))


def _of_snapshot(
    build: Callable[[State, View], Iterator[Block]],
) -> Callable[[Judged], Iterator[Part]]:
    """What changes with the newest snapshot alone."""

    def parts(judged: Judged) -> Iterator[Part]:
        state, view = judged.state, judged.view
        yield Part(view.tab, state.looked_at, lambda: build(state, view))

    return parts


#: What can be wound back.
REPLAYED: dict[Tab, Callable[[State, View], Iterator[Block]]] = {
    Tab.CALIBRATION: learned.calibration,
    Tab.GRADIENTS: learned.lens,
    Tab.LEARNED: learned.pictures,
}


def _replayed(
    build: Callable[[State, View], Iterator[Block]],
) -> Callable[[Judged], Iterator[Part]]:
    """What a snapshot shows, of now or of any that was kept."""

    def built(state: State, view: View) -> Iterator[Block]:
        yield from learned.replay(state)
        yield from build(state, view)

    return _of_snapshot(built)


_TABS: dict[Tab, Callable[[Judged], Iterator[Part]]] = {
    Tab.VERDICT: verdict_parts,
    Tab.UNITS: _units_parts,
    **{tab: _replayed(build) for tab, build in REPLAYED.items()},
    Tab.CONDITIONS: _of_snapshot(_conditions),
}
