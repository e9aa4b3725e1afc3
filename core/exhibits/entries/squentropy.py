"""Squentropy beside CrossEntropy: as accurate, and better calibrated?"""

from __future__ import annotations

from collections.abc import Sequence

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Drawing, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import EntrantSpec, ExperimentSpec, NetworkSpec, TrainingSpec

#: An accuracy of 97% over 898 held-out rows has a standard error of about half a percentage
#: point: what is nearer than that, these rows could not tell apart either.
_MARGIN = 0.005

_SPEC = ExperimentSpec(
    data=DataSpec(name="digits", validation_fraction=0.5),
    network=NetworkSpec(hidden_sizes=(128,)),
    training=TrainingSpec(epochs=100),
    entrants=(EntrantSpec(loss="cross_entropy"), EntrantSpec(loss="squentropy")),
    seeds=tuple(range(10)),
)


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (race,) = parts
    accuracy, ece = (
        [race.end(place, measure) for place in (0, 1)]
        for measure in (Measure.ACCURACY, Measure.ECE)
    )
    return [
        Contrast(
            "Squentropy's accuracy less CrossEntropy's, and "
            f"{100 * _MARGIN:g} percentage points that it may be lower",
            accuracy[1] - accuracy[0] + _MARGIN,
            100,
            " percentage points",
        ),
        Contrast("CrossEntropy's ECE less Squentropy's", ece[0] - ece[1]),
    ]


EXHIBIT = Exhibit(
    key="squentropy",
    question="Does adding the square of the wrong logits make CrossEntropy better?",
    claim="Squentropy is at least as accurate as CrossEntropy, and its confidences are nearer to "
    "the truth.",
    source=Source(
        'Hui, Belkin and Wright, "Cut your losses with squentropy", 2023',
        "accuracy, calibration and spread over random starts of networks trained by cross-entropy, "
        "by a rescaled square loss and by squentropy, on many tasks with several classes",
    ),
    parts=(
        Part(
            "One rate for both",
            _SPEC,
            (
                Chart("Accuracy: is Squentropy's lower?", "accuracy", Drawing.END),
                Chart("ECE, lower is better: whose confidences are nearer?", "ece", Drawing.END),
            ),
        ),
    ),
    judge=_judge,
    why=(
        "CrossEntropy alone never stops rewarding larger logits, so a network that fits its "
        "training rows grows too sure. Squentropy also pulls every wrong class's logit to 0, which "
        "bounds one side of the difference. Whether the confidences that come of it are nearer to "
        "the share of right answers depends on how sure the network may rightly be: where "
        "CrossEntropy is hardly too sure, there is little to gain."
    ),
)
