"""What the newest snapshot shows: calibration, gradients, and what each entrant learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from core.compare.courses import judged_split
from core.figures import (
    Figure,
    confusion_figure,
    lens_figure,
    predicted_figure,
    reliability_figure,
    surface_figure,
)
from core.judging.yardsticks import gives_probabilities
from core.live import blocks
from core.live.blocks import Block
from core.live.reading import State
from core.live.view import View
from core.live.words import of_sigmoids
from core.records import Experiment, Snapshot
from core.spec import Entrant, ExperimentSpec


def _nothing_yet() -> Block:
    return blocks.text("learned", "There is something to see once training has begun.", "info")


def _side_by_side(
    experiment: Experiment, kind: str, figure_of: Callable[[Entrant], Figure | str]
) -> Block:
    """A small chart for each entrant, or the reason why it has none."""
    cells = []
    for entrant in experiment.spec.lineup:
        figure, name = figure_of(entrant), f"{kind}_{entrant.place}"
        head = blocks.heading(f"{name}_heading", entrant.title)
        if isinstance(figure, str):
            cells.append([head, blocks.text(name, figure, "caption")])
        else:
            label = f"{kind} of {entrant.title}"
            cells.append([head, blocks.chart(name, figure, label=label, height=280)])
    return blocks.grid(kind, cells)


def calibration(state: State, view: View) -> Iterator[Block]:
    """A reliability diagram for each entrant, all seeds together."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None:
        yield _nothing_yet()
        return
    if snapshot.reliability is None:
        yield blocks.text(
            "calibration_caption",
            "Calibration is about probabilities of classes; this data set asks for a number.",
            "caption",
        )
        return
    yield blocks.text(
        "calibration_caption",
        "Is it right as often as it is sure? On the line it is; below it is too sure. Bars count "
        f"the rows in each bin, all seeds together: {judged_split(experiment.spec).rows} "
        f"(epoch {snapshot.epoch:,}).{of_sigmoids(experiment.spec)}",
        "caption",
    )
    spec, tables = experiment.spec, snapshot.reliability

    def figure_of(entrant: Entrant) -> Figure | str:
        if not gives_probabilities(entrant.loss, spec.dataset.task):
            return "Its outputs are scores, not probabilities."
        rows = tables[spec.runs_of(entrant.place)].sum(0)
        return reliability_figure(entrant.color, rows, f"{experiment.id} {entrant.place}")

    yield _side_by_side(experiment, "calibration", figure_of)


def lens(state: State, view: View) -> Iterator[Block]:
    """Each entrant's gradient over where the newest batch lies."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None or experiment.facts is None:
        yield _nothing_yet()
        return
    is_classification = experiment.spec.dataset.task.is_classification
    yield blocks.text(
        "lens_caption",
        "How hard each loss pulls at one row, over the rows of the newest batch. Far to the left "
        "are confident mistakes: there CrossEntropy and BCE pull hardest, and MSE on "
        "probabilities hardly at all, which is why it stalls on them. Each step down the axis is "
        "ten times less."
        if is_classification
        else "How hard each loss pulls at one row, over the residuals of the newest batch.",
        "caption",
    )
    yield blocks.chart(
        "lens_chart",
        lens_figure(
            experiment.facts.lens,
            snapshot.margins,
            experiment.spec.lineup,
            experiment.id,
            is_classification,
        ),
        label="Size of the gradient of each loss, over a histogram of the newest batch",
        height=340,
    )


def surfaces(state: State, view: View) -> Iterator[Block]:
    """Decision surfaces for data in the plane; else confusions, or predictions."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None:
        yield _nothing_yet()
        return
    seeds = experiment.spec.seeds
    seed = view.seed if view.seed in seeds else seeds[0]
    if snapshot.confusion is None or snapshot.surface is not None:
        offered = {str(each): str(each) for each in seeds}
        yield blocks.controls(
            "learned_controls", blocks.choice("seed", "Seed", offered, str(seed), look="menu")
        )
    words = _explained(snapshot, experiment.spec)
    yield blocks.text("learned_caption", f"{words} Epoch {snapshot.epoch:,}.", "caption")
    place = seeds.index(seed)
    yield _side_by_side(
        experiment, "learned", lambda entrant: _learned(experiment, snapshot, entrant, place)
    )


def _explained(snapshot: Snapshot, spec: ExperimentSpec) -> str:
    if snapshot.surface is not None and spec.dataset.outputs == 2:
        return "Blue is sure of class 0, orange of class 1, white undecided: one scale for all."
    if snapshot.surface is not None:
        return "The plane in the colour of the class predicted there."
    rows = judged_split(spec).rows
    if snapshot.confusion is not None:
        return f"Rows of each true class by predicted class, all seeds together: {rows}."
    return f"Predictions against the truth, in standard deviations; on the line they agree: {rows}."


def _learned(
    experiment: Experiment, snapshot: Snapshot, entrant: Entrant, seed_place: int
) -> Figure:
    revision = f"{experiment.id} {entrant.place}"
    runs = experiment.spec.runs_of(entrant.place)
    run = runs.start + seed_place
    if snapshot.surface is not None and snapshot.extent is not None:
        assert snapshot.points is not None
        return surface_figure(
            snapshot.surface[run],
            snapshot.extent[seed_place],
            snapshot.points[seed_place],
            experiment.spec.dataset.outputs,
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
