"""CrossEntropy and BCE are one function of p where there are two classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Exhibit, Part, Source
from core.exhibits.outcome import Contrast
from core.records import Measure
from core.spec import ExperimentSpec, NetworkSpec, TrainingSpec, as_one_function

#: Trained apart in float32, the two may round differently, and training amplifies that.
_TOLERANCE = 1e-3

_SPEC = as_one_function(
    ExperimentSpec(
        data=DataSpec(name="moons"),
        network=NetworkSpec(hidden_sizes=(16,)),
        training=TrainingSpec(epochs=60),
        seeds=(0, 1, 2, 3, 4),
    )
)


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    (race,) = parts
    ce, bce = (race.course(place, Measure.NLL).values for place in (0, 1))
    distance = np.abs(ce - bce).max(axis=1)
    return [
        Contrast(
            f"how far their NLL stays below {_TOLERANCE:g} apart at every epoch",
            _TOLERANCE - distance,
            is_exact=True,
        )
    ]


EXHIBIT = Exhibit(
    key="ce_is_bce",
    question="Are CrossEntropy and BCE two losses or one?",
    claim="For two classes CrossEntropy and BCE are one function of p, and train alike.",
    source=Source(
        "An identity: softmax of two logits is the sigmoid of their difference",
        "nothing is measured there; here both are trained on two moons",
    ),
    parts=(
        Part(
            "One function of p",
            _SPEC,
            (Chart("How far apart do the two lines get?", "skill in nll"),),
        ),
    ),
    judge=_judge,
    why=(
        "Both are -log p of the true class. With two logits, p is the sigmoid of their difference, "
        "and the difference learns twice as fast as one logit would. Once that is made up for, "
        "only rounding is left."
    ),
)
