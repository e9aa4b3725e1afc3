"""One sigmoid neuron that is sure and wrong: squared error learns slowly at first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.data import DataSpec
from core.exhibits.evidence import Evidence, Values
from core.exhibits.exhibit import Chart, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import (
    EntrantSpec,
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    Scheme,
    StartSpec,
    TrainingSpec,
)

#: Training is looked at in so many equal stretches.
_STRETCHES = 10

#: The book's start, steps and rate of squared error: its cost is half of ours, so that 0.15 there
#: is 0.075 here. BCE's rate is the one that brings the neuron to p = 1/2 in as many steps, 232.
_SPEC = ExperimentSpec(
    data=DataSpec(name="neuron"),
    network=NetworkSpec(
        hidden_sizes=(), start=StartSpec(scheme=Scheme.BY_HAND, weights=(2.0, 2.0))
    ),
    optimizer=OptimizerSpec(name=OptimizerName.SGD, learning_rate=0.075),
    training=TrainingSpec(batch_size=1, epochs=300),
    entrants=(
        EntrantSpec(loss="bce", learning_rate=0.0107),
        EntrantSpec(loss="mse", learning_rate=0.075),
    ),
)


def _falls(race: Evidence, place: int, measure: Measure) -> Values:
    """By how much a measure fell in each stretch, as a share of all that it fell: ``[S, 10]``."""
    course = race.course(place, measure)
    # Between two epochs that are judged it is on the line.
    ends = np.linspace(0, course.epochs[-1], _STRETCHES + 1)
    falls = -np.diff([np.interp(ends, course.epochs, run) for run in course.values], axis=1)
    shares: Values = falls / falls.sum(axis=1, keepdims=True)
    return shares


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (race,) = parts
    # Each by its own loss: NLL is BCE's, and of one row with two classes Brier is MSE's.
    bce, mse = _falls(race, 0, Measure.NLL), _falls(race, 1, Measure.BRIER)
    first, later = "the first tenth of the steps", "the fastest later tenth"
    return [
        Contrast(
            f"share of MSE's fall that came in {later}, less that in {first}",
            mse[:, 1:].max(axis=1) - mse[:, 0],
            scale=100,
            unit=" points",
            is_exact=True,
        ),
        Contrast(
            f"share of BCE's fall that came in {first}, less that in {later}",
            bce[:, 0] - bce[:, 1:].max(axis=1),
            scale=100,
            unit=" points",
            is_exact=True,
        ),
    ]


EXHIBIT = Exhibit(
    key="one_neuron",
    question="Does a neuron learn fastest when it is most wrong?",
    claim="Under squared error a neuron that is sure and wrong learns slowly at first and faster "
    "later; under cross-entropy it learns fastest at first.",
    source=Source(
        "Nielsen, Neural Networks and Deep Learning, chapter 3, 2015",
        "the cost of one sigmoid neuron over 300 steps, x = 1, target 0, from w = b = 2, where "
        "its output is 0.98",
    ),
    parts=(
        Part(
            "From w = 2, b = 2",
            _SPEC,
            (
                Chart("NLL: which of the two moves first?", "nll"),
                Chart("Squared error: how steep is it at first?", "brier"),
            ),
        ),
    ),
    judge=_judge,
    why=(
        "Squared error's gradient in the log-odds is 2 p times p (1 - p), and 1 - p is 0.02 at the "
        "start: the sigmoid is flat there. Cross-entropy's gradient is p itself, the error, so it "
        "is largest where the error is. Rates do not matter to this: each loss is compared with "
        "itself, later. Nothing is drawn at random, so one run is enough."
    ),
)
