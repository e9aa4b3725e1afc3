"""What the newest snapshot shows: calibration, gradients, and what each loss learned."""

from __future__ import annotations

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
from core.losses import LOSSES
from core.records import Experiment
from core.records import Snapshot
from core.judging.yardsticks import gives_probabilities
from pages.parts.live_chart import live_chart


def _nothing_yet() -> None:
    st.info("There is something to see once training has begun.", icon=":material/hourglass_empty:")


def _side_by_side(
    experiment: Experiment, snapshot: Snapshot, kind: str, figures: dict[str, Figure | str]
) -> None:
    """A small chart for each loss, or the reason why it has none."""
    with st.grid(min(3, len(figures)), min_column_width=220, gap="small"):
        for loss, figure in figures.items():
            with st.container():
                st.markdown(f"**{LOSSES[loss].title}**")
                if isinstance(figure, str):
                    st.caption(figure)
                    continue
                live_chart(
                    figure,
                    key=f"{kind}_{loss}",
                    label=f"{kind} of {LOSSES[loss].title}",
                    steps=snapshot.step,
                    status=experiment.status.value,
                    height=280,
                )


def draw_calibration(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """A reliability diagram for each loss, all seeds together."""
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
    seeds = len(experiment.spec.seeds)
    figures: dict[str, Figure | str] = {}
    for index, loss in enumerate(experiment.spec.losses):
        if gives_probabilities(experiment.spec.loss(loss), experiment.spec.dataset.task):
            table = snapshot.reliability[index * seeds : (index + 1) * seeds].sum(0)
            figures[loss] = reliability_figure(loss, table, f"{experiment.id} {loss}")
        else:
            figures[loss] = "Its outputs are scores, not probabilities."
    _side_by_side(experiment, snapshot, "calibration", figures)


def draw_lens(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """Each loss's gradient over where the newest batch lies."""
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
            experiment.spec.losses,
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
    figures: dict[str, Figure | str] = {
        loss: _learned(experiment, snapshot, loss, index * len(seeds), place)
        for index, loss in enumerate(spec.losses)
    }
    st.caption(f"{_explained(snapshot, spec.dataset.outputs)} Epoch {snapshot.epoch:,}.")
    _side_by_side(experiment, snapshot, "learned", figures)


def _explained(snapshot: Snapshot, classes: int) -> str:
    if snapshot.surface is not None and classes == 2:
        return "Blue is sure of class 0, orange of class 1, white undecided: one scale for all."
    if snapshot.surface is not None:
        return "The plane in the colour of the class predicted there."
    if snapshot.confusion is not None:
        return "Held-out rows of each true class by predicted class, all seeds together."
    return "Predictions against the truth, in standard deviations; on the line they agree."


def _learned(
    experiment: Experiment, snapshot: Snapshot, loss: str, first: int, place: int
) -> Figure:
    revision = f"{experiment.id} {loss}"
    run = first + place
    if snapshot.surface is not None and snapshot.extent is not None:
        assert snapshot.points is not None
        classes = experiment.spec.dataset.outputs
        return surface_figure(
            snapshot.surface[run],
            snapshot.extent[place],
            snapshot.points[place],
            classes,
            revision,
        )
    if snapshot.confusion is not None:
        seeds = len(experiment.spec.seeds)
        counts = snapshot.confusion[first : first + seeds].sum(0).astype(np.int64)
        return confusion_figure(counts, revision)
    assert snapshot.predicted is not None
    assert snapshot.actual is not None
    return predicted_figure(loss, snapshot.predicted[run], snapshot.actual[place], revision)
