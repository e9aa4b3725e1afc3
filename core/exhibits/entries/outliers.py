"""Outliers in the targets of a regression: MSE follows them, L1 and Huber do not."""

from __future__ import annotations

from collections.abc import Sequence

from core.data import DataSpec, OutliersIn, StressSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Exhibit, Part, Source
from core.exhibits.outcome import Contrast, tie
from core.records import Measure
from core.spec import EntrantSpec, ExperimentSpec, NetworkSpec, TrainingSpec

#: A tie: R\u00b2 less than 0.05 apart, a twentieth of the variance of the targets. On 177 held-out
#: rows another split changes R\u00b2 by about as much.
_MARGIN = 0.05


def _race(outliers: float) -> ExperimentSpec:
    """Two of five rows are held out, and stay clean: with fewer R\u00b2 says little."""
    return ExperimentSpec(
        data=DataSpec(
            name="diabetes",
            validation_fraction=0.4,
            stress=StressSpec(outliers=outliers, outlier_size=10, outliers_in=OutliersIn.TARGETS),
        ),
        network=NetworkSpec(hidden_sizes=(16,)),
        training=TrainingSpec(epochs=100),
        entrants=(EntrantSpec(loss="mse"), EntrantSpec(loss="l1"), EntrantSpec(loss="huber")),
        seeds=tuple(range(10)),
    )


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (mse, l1, huber), (clean_mse, clean_l1, clean_huber) = (
        [part.end(place, Measure.R2) for place in range(3)] for part in parts
    )
    return [
        Contrast("with outliers L1's R\u00b2 less MSE's", l1 - mse),
        Contrast("with outliers Huber's R\u00b2 less MSE's", huber - mse),
        *tie("without outliers L1's R\u00b2 less MSE's", clean_l1 - clean_mse, _MARGIN),
        *tie("without outliers Huber's R\u00b2 less MSE's", clean_huber - clean_mse, _MARGIN),
    ]


EXHIBIT = Exhibit(
    key="outliers",
    question="A few targets are typing errors: does the loss matter?",
    claim="With outliers in the targets L1 and Huber predict clean rows better than MSE; without "
    "outliers they predict them as well.",
    source=Source(
        "Huber, Robust Estimation of a Location Parameter, 1964",
        "a theory of one number estimated from a sample of which a small share comes from another "
        "distribution: the mean can be thrown off without bound, while Huber's estimator is the "
        "best there is for the worst such share. A network in place of one number is this "
        "exhibit's own",
    ),
    parts=(
        Part(
            "A tenth of the training targets moved by 10 standard deviations",
            _race(0.1),
            (Chart("R\u00b2 on clean rows, while a tenth of the training targets is wrong", "r2"),),
        ),
        Part(
            "No outliers",
            _race(0),
            (Chart("The same three losses without outliers", "r2"),),
        ),
    ),
    judge=_judge,
    why=(
        "The gradient of MSE grows with the error, so that one target that is 10 standard "
        "deviations off pulls harder than ten ordinary ones. L1 and Huber pull no harder from some "
        "distance on, and the many outvote the few. At first MSE learns what most rows share; "
        "later the network bends to single outliers, and R\u00b2 falls again."
    ),
)
