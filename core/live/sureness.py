"""How far an entrant's sureness can be relied on: its surest rows, and one temperature for all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import judged_split
from core.compare.scores import mean_text
from core.figures import risk_figure
from core.figures.risk import Risk
from core.judging.yardsticks import Digits, gives_probabilities
from core.live import blocks, terms
from core.live.blocks import Block
from core.live.reading import State
from core.live.view import View
from core.records import Measure, Snapshot
from core.spec import Entrant

_TEMPERATURE, _SCORE = Digits(2), Digits(4)
_NO_PROBABILITIES = "–"


def sureness(state: State, view: View) -> Iterator[Block]:
    """The risk-coverage curves of all entrants, and what one temperature makes of each.

    Nothing of a snapshot that was recorded before there were any.
    """
    snapshot = state.snapshot
    if snapshot is None or snapshot.risk is None:
        return
    experiment, rows = state.experiment, judged_split(state.experiment.spec).rows
    risks = [
        Risk(entrant, experiment.spec.seeds, _of(state, entrant, snapshot.risk))
        for entrant in experiment.spec.lineup
    ]
    yield blocks.text(
        "risk_caption",
        "Is it wrong less often where it is surer? Rows are ranked by the largest probability, or "
        "for scores by how far the largest is above the next. At 20% stands the error among the "
        "surest fifth, at the right end that among all rows: one that knows what it doesn't know "
        f"stays low for long (mean and {view.band.value} over seeds).",
        "caption",
    )
    yield blocks.chart(
        "risk_chart",
        risk_figure(
            risks,
            experiment.id,
            band=view.band,
            seeds=view.seeds,
            rows=judged_split(experiment.spec).word,
        ),
        label=f"Error of each entrant among the surest share of the rows, mean and "
        f"{view.band.value} over seeds",
        height=300,
    )
    yield from _temperatures(state, snapshot, rows)


def _of(state: State, entrant: Entrant, table: NDArray[np.floating]) -> NDArray[np.float64]:
    """The entrant's rows of a table ``[K, ...]``, NaN for runs that had diverged by then."""
    assert state.snapshot is not None
    runs = state.experiment.spec.runs_of(entrant.place)
    values = table[runs].astype(np.float64)
    for place, run in enumerate(state.runs[runs]):
        if run.diverged_step is not None and run.diverged_step <= state.snapshot.step:
            values[place] = np.nan
    return values


def _temperatures(state: State, snapshot: Snapshot, rows: str) -> Iterator[Block]:
    if snapshot.temperatures is None or snapshot.unscaled is None:
        return
    columns = {
        "AURC": (snapshot.score(Measure.AURC), _SCORE),
        "T": (snapshot.temperatures, _TEMPERATURE),
        "NLL": (snapshot.unscaled[0], _SCORE),
        "NLL, rescaled": (snapshot.score(Measure.NLL_RESCALED), _SCORE),
        "ECE": (snapshot.unscaled[1], _SCORE),
        "ECE, rescaled": (snapshot.score(Measure.ECE_RESCALED), _SCORE),
    }
    spec = state.experiment.spec

    def cell(entrant: Entrant, title: str) -> str:
        if title != "AURC" and not gives_probabilities(
            entrant.loss_of(snapshot.step), spec.dataset.task
        ):
            return _NO_PROBABILITIES
        table, digits = columns[title]
        return mean_text(_of(state, entrant, table), digits) or "no score"

    yield blocks.table(
        "temperatures",
        ["", *columns],
        {entrant.title: [cell(entrant, title) for title in columns] for entrant in spec.lineup},
        "The area under each curve, and each entrant before and after one temperature",
        terms.TEMPERATURES,
    )
    yield blocks.text(
        "temperatures_caption",
        "Calibration after the fact: all logits are divided by one temperature T, which changes no "
        "predicted class (Guo et al. 2017). Above 1 the entrant was too sure, below 1 not sure "
        f"enough. T is fitted to every other of the {rows}, and NLL and ECE, before and after, are "
        "of the other half. Mean ± half the 95% interval over seeds.",
        "caption",
    )
