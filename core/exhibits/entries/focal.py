"""Focal beside CrossEntropy, where a network overfits."""

from __future__ import annotations

from collections.abc import Sequence

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Drawing, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import EntrantSpec, ExperimentSpec, NetworkSpec, TrainingSpec

#: Three clouds that overlap: CrossEntropy's held-out NLL is lowest after about five epochs and then
#: rises by more than a tenth, as a network with 17,000 weights learns 500 rows by heart.
_SPEC = ExperimentSpec(
    data=DataSpec(name="blobs", rows=1000, noise=0.6, validation_fraction=0.5),
    network=NetworkSpec(hidden_sizes=(128, 128)),
    training=TrainingSpec(epochs=150),
    entrants=(
        EntrantSpec(loss="cross_entropy"),
        EntrantSpec(loss="focal", parameters={"gamma": 3.0}),
    ),
    seeds=tuple(range(10)),
)


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (race,) = parts
    return [
        Contrast(
            f"CrossEntropy's {title} less Focal's after training",
            race.end(0, measure) - race.end(1, measure),
            unit=unit,
        )
        for title, measure, unit in (("ECE", Measure.ECE, ""), ("NLL", Measure.NLL, " nats"))
    ]


EXHIBIT = Exhibit(
    key="focal",
    question="Does focal loss keep an overfitted network honest?",
    claim="Where a network overfits, focal loss leaves it better calibrated than CrossEntropy, "
    "with a lower NLL.",
    source=Source(
        'Mukhoti et al., "Calibrating deep neural networks using focal loss", 2020',
        "calibration and accuracy of deep networks on data sets of images and of texts, with focal "
        "loss and with cross-entropy",
    ),
    parts=(
        Part(
            "A network that overfits",
            _SPEC,
            (
                Chart("Who falls back after the best epoch?", "skill in nll"),
                Chart("ECE after training, lower is better", "ece", Drawing.END),
            ),
        ),
    ),
    judge=_judge,
    why=(
        "Once all training rows that can be right are right, CrossEntropy still falls by making "
        "logits larger, and the rows that stay wrong on held-out data cost ever more. Focal turns "
        "down rows that are already right, so that this push fades early. But it is no proper "
        "scoring rule: where classes truly overlap, as these clouds do, it asks for probabilities "
        "that are nearer to each other than the true ones, and may leave a network too unsure."
    ),
)
