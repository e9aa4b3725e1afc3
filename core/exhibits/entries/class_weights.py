"""Class weights fade as training goes on, and weight decay brings them back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.data import DataSpec
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Exhibit, Part, Source
from core.exhibits.outcome import Contrast, tie
from core.spec import (
    EntrantSpec,
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    TrainingSpec,
)

#: The class whose errors count ten times: malignant, which is class 0.
_WEIGHTED = 0
_SGD = OptimizerSpec(name=OptimizerName.SGD, learning_rate=0.1)

#: Without weight decay. All training rows can be told apart, which is where weights fade.
_LONG = ExperimentSpec(
    data=DataSpec(name="breast_cancer", validation_fraction=0.5),
    network=NetworkSpec(hidden_sizes=(32,)),
    optimizer=_SGD,
    training=TrainingSpec(batch_size=16, epochs=300),
    entrants=(
        EntrantSpec(loss="cross_entropy", name="No weights"),
        EntrantSpec(
            loss="cross_entropy", parameters={"class_weights": (10.0, 1.0)}, name="Weights 10 to 1"
        ),
    ),
    seeds=tuple(range(10)),
)
#: The first hundredth of it: the same starts and batches, so the very same networks on their way.
_EARLY = _LONG.model_copy(update={"training": TrainingSpec(batch_size=16, epochs=3)})
_DECAYED = _LONG.model_copy(update={"optimizer": _SGD.model_copy(update={"weight_decay": 0.01})})

#: With log t the logits grow as much over each doubling of the time: a ratio of 1. With the square
#: root of t it would be 1.41, with t itself 2, and 0 where they stop.
_AS_A_LOGARITHM = 0.41


def _push(race: Evidence) -> NDArray[np.float64]:
    """``[S]``: how much larger a share of held-out rows is called malignant for the weights."""
    confusion = race.snapshot.confusion
    # A race of classes has one.
    assert confusion is not None
    share = confusion[:, :, _WEIGHTED].sum(axis=1) / confusion.sum(axis=(1, 2))
    plain, weighted = (share[race.spec.runs_of(place)] for place in (0, 1))
    push: NDArray[np.float64] = weighted - plain
    return push


def _growth(race: Evidence) -> NDArray[np.float64]:
    """``[S]``: growth of the logits over the last doubling of the epochs by that over the one
    before, without weights."""
    looks, sizes = race.snapshot.looks, race.snapshot.logit_size
    assert looks is not None
    assert sizes is not None
    end = np.log(looks[-1])
    doublings = [end - 2 * np.log(2), end - np.log(2), end]
    after = looks > 0
    logs = np.log(looks[after])
    quarter, half, whole = (
        np.array([np.interp(at, logs, run) for run in sizes[after, race.spec.runs_of(0)].T])
        for at in doublings
    )
    growth: NDArray[np.float64] = (whole - half) / (half - quarter)
    return growth


def _judge(parts: Sequence[Evidence]) -> list[Contrast]:
    late, decayed, early = (_push(race) for race in parts)
    more = "more held-out rows called malignant for the weights"
    return [
        Contrast(f"{more} after 3 epochs than after 300", early - late, 100, "%"),
        Contrast(f"{more} with weight decay than without", decayed - late, 100, "%"),
        *tie(
            "growth of the logits over the last doubling of the epochs by that over the one "
            "before, less 1",
            _growth(parts[0]) - 1,
            _AS_A_LOGARITHM,
        ),
    ]


EXHIBIT = Exhibit(
    key="class_weights",
    question="Do class weights still matter at the end of a long training?",
    claim="What class weights do to the predictions fades as training goes on, while the logits "
    "grow like the logarithm of the time; weight decay brings it back.",
    source=Source(
        'Byrd and Lipton, "What is the effect of importance weighting in deep learning?", 2019; '
        'Soudry et al., "The implicit bias of gradient descent on separable data", 2018',
        "the first: the share of test images that networks call one of two classes, by the weights "
        "and over the epochs, with and without L2 regularisation; the second: that logits grow "
        "like log t, a theorem on linear models",
    ),
    parts=(
        Part(
            "300 epochs without weight decay",
            _LONG,
            (Chart("Without weight decay: do the two come together?", "error in accuracy"),),
        ),
        Part(
            "300 epochs with weight decay",
            _DECAYED,
            (Chart("With weight decay: do they stay apart?", "error in accuracy"),),
        ),
        Part(
            "The first 3 epochs",
            _EARLY,
            (Chart("At first: how far are they apart?", "error in accuracy"),),
        ),
    ),
    judge=_judge,
    why=(
        "Where a network can get all training rows right, the logits grow without end and the "
        "border between the classes comes to depend on the rows nearest to it, whatever each "
        "counts. Weight decay stops that growth, so that every row keeps a loss for its weight to "
        "multiply."
    ),
)
