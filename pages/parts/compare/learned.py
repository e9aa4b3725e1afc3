"""What the newest snapshot shows: calibration, gradients, and what each entrant learned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.figures import (
    Figure,
    confusion_figure,
    lens_figure,
    predicted_figure,
    reliability_figure,
    surface_figure,
)
from core.judging.yardsticks import gives_probabilities
from core.records import Experiment, Snapshot
from core.spec import Entrant
from pages.parts.shell.text import escaped
from pages.parts.widgets.live_chart import live_chart


def _nothing_yet() -> None:
    st.info("There is something to see once training has begun.", icon=":material/hourglass_empty:")


def _side_by_side(
    experiment: Experiment,
    snapshot: Snapshot,
    kind: str,
    figure_of: Callable[[Entrant], Figure | str],
) -> None:
    """A small chart for each entrant, or the reason why it has none."""
    lineup = experiment.spec.lineup
    with st.grid(min(3, len(lineup)), min_column_width=220, gap="small"):
        for entrant in lineup:
            figure = figure_of(entrant)
            with st.container():
                st.markdown(f"**{escaped(entrant.title)}**")
                if isinstance(figure, str):
                    st.caption(figure)
                    continue
                live_chart(
                    figure,
                    key=f"{kind}_{entrant.place}",
                    label=f"{kind} of {entrant.title}",
                    steps=snapshot.step,
                    status=experiment.status.value,
                    height=280,
                )


def draw_calibration(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """A reliability diagram for each entrant, all seeds together."""
    if snapshot is None:
        return _nothing_yet()
    if snapshot.reliability is None:
        st.caption(
            "Calibration is about probabilities of classes; this data set asks for a number."
        )
        return
    st.caption(
        f"Is it right as often as it is sure? On the line it is; below it is too sure. Bars count "
        f"the held-out rows in each bin, all seeds together (epoch {snapshot.epoch:,})."
    )
    spec, tables = experiment.spec, snapshot.reliability

    def figure_of(entrant: Entrant) -> Figure | str:
        if not gives_probabilities(entrant.loss, spec.dataset.task):
            return "Its outputs are scores, not probabilities."
        table = tables[spec.runs_of(entrant.place)].sum(0)
        return reliability_figure(entrant.color, table, f"{experiment.id} {entrant.place}")

    _side_by_side(experiment, snapshot, "calibration", figure_of)


def draw_lens(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """Each entrant's gradient over where the newest batch lies."""
    if snapshot is None or experiment.facts is None:
        return _nothing_yet()
    is_classification = experiment.spec.dataset.task.is_classification
    st.caption(
        "How hard each loss pulls at one row, over the rows of the newest batch. Far to the left "
        "are confident mistakes: there CrossEntropy and BCE pull hardest, and MSE on "
        "probabilities hardly at all, which is why it stalls on them. Each step down the axis is "
        "ten times less."
        if is_classification
        else "How hard each loss pulls at one row, over the residuals of the newest batch."
    )
    live_chart(
        lens_figure(
            experiment.facts.lens,
            snapshot.margins,
            experiment.spec.lineup,
            experiment.id,
            is_classification,
        ),
        key="lens_chart",
        label="Size of the gradient of each loss, over a histogram of the newest batch",
        steps=snapshot.step,
        status=experiment.status.value,
        height=340,
    )


def draw_learned(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """Decision surfaces for data in the plane; else confusions, or predictions."""
    if snapshot is None:
        return _nothing_yet()
    spec = experiment.spec
    seeds = list(spec.seeds)
    seed = seeds[0]
    if snapshot.confusion is None or snapshot.surface is not None:
        seed = st.selectbox("Seed", seeds, key=f"learned_seed_{experiment.id}", width=160)
    place = seeds.index(seed)
    st.caption(f"{_explained(snapshot, spec.dataset.outputs)} Epoch {snapshot.epoch:,}.")
    _side_by_side(
        experiment,
        snapshot,
        "learned",
        lambda entrant: _learned(experiment, snapshot, entrant, place),
    )


def _explained(snapshot: Snapshot, classes: int) -> str:
    if snapshot.surface is not None and classes == 2:
        return "Blue is sure of class 0, orange of class 1, white undecided: one scale for all."
    if snapshot.surface is not None:
        return "The plane in the colour of the class predicted there."
    if snapshot.confusion is not None:
        return "Held-out rows of each true class by predicted class, all seeds together."
    return "Predictions against the truth, in standard deviations; on the line they agree."


def _learned(
    experiment: Experiment, snapshot: Snapshot, entrant: Entrant, seed_place: int
) -> Figure:
    revision = f"{experiment.id} {entrant.place}"
    runs = experiment.spec.runs_of(entrant.place)
    run = runs.start + seed_place
    if snapshot.surface is not None and snapshot.extent is not None:
        assert snapshot.points is not None
        classes = experiment.spec.dataset.outputs
        return surface_figure(
            snapshot.surface[run],
            snapshot.extent[seed_place],
            snapshot.points[seed_place],
            classes,
            revision,
        )
    if snapshot.confusion is not None:
        counts = snapshot.confusion[runs].sum(0).astype(np.int64)
        return confusion_figure(counts, revision)
    assert snapshot.predicted is not None
    assert snapshot.actual is not None
    return predicted_figure(
        entrant.color, snapshot.predicted[run], snapshot.actual[seed_place], revision
    )
