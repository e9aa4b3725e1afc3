"""Two bugs that raise no error, each trained beside its right twin."""

from __future__ import annotations

from collections.abc import Sequence

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import (
    EntrantSpec,
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    TrainingSpec,
)

#: Reached by a working digits classifier within a few epochs.
_ACCURACY = 0.9
#: A tenth of the variance explained: far below any regression worth having, and above what the
#: constant that the bug learns is off 0 by on a few held-out rows.
_NEXT_TO_NOTHING = 0.1

_RIGHT, _BUG = 0, 1


def _spec(data: str, losses: tuple[str, str], rate: float, epochs: int) -> ExperimentSpec:
    """Plain SGD, which shows a gradient's size. Four rows in ten are held out, to judge well."""
    return ExperimentSpec(
        data=DataSpec(name=data, validation_fraction=0.4),
        network=NetworkSpec(hidden_sizes=(32,)),
        optimizer=OptimizerSpec(name=OptimizerName.SGD, learning_rate=rate),
        training=TrainingSpec(batch_size=32, epochs=epochs),
        entrants=tuple(EntrantSpec(loss=loss) for loss in losses),
        seeds=(0, 1, 2, 3, 4, 5),
    )


_CLASSES = _spec("digits", ("cross_entropy", "cross_entropy_after_softmax"), 0.1, 20)
_VALUES = _spec("diabetes", ("mse", "broadcast_mse"), 0.01, 30)


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    classes, values = parts
    right, bug = (classes.first_epoch(each, Measure.ACCURACY, _ACCURACY) for each in (_RIGHT, _BUG))
    r2 = values.end(_RIGHT, Measure.R2), values.end(_BUG, Measure.R2)
    return [
        Contrast(
            f"how much later the softmax before CrossEntropy reaches {_ACCURACY:.0%} accuracy",
            bug - right,
            unit=" epochs",
        ),
        Contrast("R² of MSE less that of (N, 1) against (N)", r2[_RIGHT] - r2[_BUG]),
        Contrast(
            f"how far the R² of (N, 1) against (N) stays below {_NEXT_TO_NOTHING:g}",
            _NEXT_TO_NOTHING - r2[_BUG],
        ),
    ]


EXHIBIT = Exhibit(
    key="trained_bugs",
    question="What do two famous bugs do to a training, if nothing stops it?",
    claim="A softmax before CrossEntropyLoss makes learning slow, and (N, 1) against (N) in "
    "MSELoss makes every prediction the mean.",
    source=Source(
        "A. Karpathy, list of the most common neural net mistakes (2018), for the softmax; "
        "PyTorch's own warning of sizes that differ in MSELoss, for the shapes",
        "advice from practice, where nothing is measured; here both are trained, on digits and on "
        "diabetes",
    ),
    parts=(
        Part(
            "Softmax before CrossEntropyLoss",
            _CLASSES,
            (Chart("The network still learns, slowly", "accuracy"),),
        ),
        Part(
            "(N, 1) against (N) in MSELoss",
            _VALUES,
            (Chart("At R² = 0 nothing is known but the mean", "r2"),),
        ),
    ),
    judge=_judge,
    why=(
        "The second softmax squeezes ten probabilities, so that the first gradients are a tenth as "
        "large and even a perfect answer leaves a loss of 1.46. Adam divides the gradients' size "
        "out again: with it the digits come out almost alike, and the bug goes unnoticed. "
        "In (N, 1) against (N) every prediction is compared with every target of the batch, and "
        "the best answer to all of them is their mean; PyTorch warns of it, once."
    ),
)
