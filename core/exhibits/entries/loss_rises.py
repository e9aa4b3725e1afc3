"""The loss on held-out rows rises while accuracy goes on rising."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import ExperimentSpec, NetworkSpec, OptimizerSpec, TrainingSpec

#: A rise by less than this could be the up and down of one epoch to the next.
_RISE = 0.1

#: Half of the rows are held out: few are left to learn from, and 899 tell accuracies apart.
_SPEC = ExperimentSpec(
    data=DataSpec(name="digits", validation_fraction=0.5),
    network=NetworkSpec(hidden_sizes=(128, 128)),
    optimizer=OptimizerSpec(learning_rate=0.003),
    training=TrainingSpec(epochs=60),
    # As many as show a gain of accuracy by a fifth of a point, which is all that there is.
    seeds=tuple(range(16)),
)


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (training,) = parts
    nll = training.course(0, Measure.NLL).values
    accuracy = training.course(0, Measure.ACCURACY).values
    # One epoch for all seeds, as the chart's mean has it: each seed's own lowest NLL would be at a
    # moment that is lucky for its accuracy too.
    lowest = int(np.nanmean(nll, axis=0).argmin())
    return [
        Contrast(
            f"how far NLL ends above that of the epoch where it was lowest, beyond {_RISE:.0%}",
            nll[:, -1] / nll[:, lowest] - 1 - _RISE,
            scale=100,
            unit="%",
        ),
        Contrast(
            "accuracy at the end less accuracy at the epoch of the lowest NLL",
            accuracy[:, -1] - accuracy[:, lowest],
            scale=100,
            unit=" points",
        ),
    ]


EXHIBIT = Exhibit(
    key="loss_rises",
    question="The validation loss goes up: is the network getting worse?",
    claim="After its lowest point CrossEntropy on held-out rows rises while accuracy rises too.",
    source=Source(
        "Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017",
        "NLL and test error of a ResNet of 110 layers on CIFAR-100: late in training NLL rose "
        "while the error fell from 29% to 27%",
    ),
    parts=(
        Part(
            "CrossEntropy on digits",
            _SPEC,
            (
                Chart("NLL, the loss that is trained, on held-out rows", "nll"),
                Chart("Accuracy of the same network", "accuracy"),
            ),
        ),
    ),
    judge=_judge,
    why=(
        "Once nearly all training rows are right, CrossEntropy falls further only by making every "
        "answer surer. On new rows that costs little where the answer is right and much where it "
        "is wrong, so a few sure mistakes raise the mean loss. Accuracy asks only which class is "
        "on top, and that can get better all the while."
    ),
)
