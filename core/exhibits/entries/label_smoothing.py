"""Label smoothing: calibration before and after one temperature, and the order of confidences."""

from __future__ import annotations

from collections.abc import Sequence

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Drawing, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import EntrantSpec, ExperimentSpec, NetworkSpec, TrainingSpec

#: Three clouds that overlap: a network with 17,000 weights learns 500 rows by heart, and with hard
#: labels its logits grow too large. 0.1 is the usual amount of smoothing.
_SPEC = ExperimentSpec(
    data=DataSpec(name="blobs", rows=1000, noise=0.6, validation_fraction=0.5),
    network=NetworkSpec(hidden_sizes=(128, 128)),
    training=TrainingSpec(epochs=150),
    entrants=(
        EntrantSpec(loss="cross_entropy", name="Hard labels"),
        EntrantSpec(
            loss="cross_entropy", parameters={"label_smoothing": 0.1}, name="Smoothed by 0.1"
        ),
    ),
    seeds=tuple(range(10)),
)

#: After a temperature smoothing has no advantage left if its confidences are nearer by less than
#: one percentage point on average, too little for anyone to act on.
_LEFT_OVER = 0.01


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (race,) = parts
    ece, rescaled, aurc = (
        race.end(0, measure) - race.end(1, measure)
        for measure in (Measure.ECE, Measure.ECE_RESCALED, Measure.AURC)
    )
    return [
        Contrast("ECE with hard labels less with smoothed ones", ece),
        Contrast(
            "ECE with smoothed labels less with hard ones after one temperature for each, and "
            f"{_LEFT_OVER:g} that it may be lower",
            _LEFT_OVER - rescaled,
        ),
        Contrast("AURC with smoothed labels less with hard ones", -aurc),
    ]


EXHIBIT = Exhibit(
    key="label_smoothing",
    question="Does label smoothing know better, or is it only shyer?",
    claim="Smoothed labels leave an overconfident network better calibrated; one temperature "
    "takes that advantage away, and the surest answers are more often wrong than with hard "
    "labels.",
    source=Source(
        'Müller, Kornblith and Hinton, "When does label smoothing help?", 2019; Xia et al., '
        '"Towards understanding why label smoothing degrades selective classification and how to '
        'fix it", 2025',
        "the first: calibration error of image classifiers, with smoothing and with a temperature "
        "instead; the second: how well confidences of large image networks sort out mistakes",
    ),
    parts=(
        Part(
            "A network that is too sure",
            _SPEC,
            (
                Chart("ECE, lower is better: does smoothing help?", "ece", Drawing.END),
                Chart("ECE after one temperature for each", "ece_rescaled", Drawing.END),
            ),
        ),
    ),
    judge=_judge,
    why=(
        "Smoothing asks for no more than 93% of any class of three, so that logits stay bounded "
        "and a network that fits its rows does not grow ever surer. Dividing logits by one number "
        "can do the same afterwards, and leaves the order of the confidences as it is. Smoothing "
        "does not: it presses down the confidence of rows that are surely right most, which "
        "brings them nearer to the mistakes."
    ),
)
