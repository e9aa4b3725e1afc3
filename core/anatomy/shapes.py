"""What the Losses page gets to show of a loss, as plain arrays. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class ShapeAxis(StrEnum):
    """What the shape of a loss is drawn over."""

    PROBABILITY = "probability"
    LOGIT = "logit"
    PREDICTION = "prediction"

    @property
    def places(self) -> list[float]:
        """Where the shape is computed: round numbers, and probabilities near 0 and 1."""
        if self is ShapeAxis.PROBABILITY:
            edge = [0.0001, 0.001]
            return [*edge, *(n / 200 for n in range(1, 200)), *(1 - each for each in edge[::-1])]
        end = 80 if self is ShapeAxis.LOGIT else 40
        return [n / 20 for n in range(-2 * end, 2 * end + 1)]


@dataclass(frozen=True)
class Shape:
    """Loss and gradients of one example at the places ``x``, all ``[n]``.

    ``by_prediction`` is dL/dp, or dL/d(predicted value); ``by_logit`` dL/dz, of class 1 of
    two, of the true class of three, or of the (first) output for values. NaN where no output
    gives the prediction.
    """

    x: NDArray[np.float64]
    loss: NDArray[np.float64]
    by_logit: NDArray[np.float64]
    by_prediction: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Simplex:
    """The loss ``[n]`` where the network says the probabilities ``p`` ``[3, n]``."""

    p: NDArray[np.float64]
    losses: NDArray[np.float64]


@dataclass(frozen=True)
class OneStep:
    """One training step of a small network: N examples, D features, H hidden units, C logits.

    ``outputs`` is what the loss compares with the ``targets``: logits after the link.
    ``weight`` tells which weight of the last layer is followed: its output and its hidden
    unit, the one with the largest gradient. ``total_weight`` is what the sum of the ``losses``
    is divided by for the ``mean``: N, or the sum of the examples' weights. ``mean_after`` is
    the mean loss of the same examples with the updated parameters.
    """

    step: int
    x: NDArray[np.float32]
    hidden: NDArray[np.float32]
    logits: NDArray[np.float32]
    outputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    losses: NDArray[np.float32]
    total_weight: float
    mean: float
    logit_gradients: NDArray[np.float32]
    weight_gradients: NDArray[np.float32]
    weight: tuple[int, int]
    before: float
    after: float
    mean_after: float
    learning_rate: float
    parameters: int
