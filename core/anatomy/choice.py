"""A loss as the Losses page has it chosen, and what it is told of it. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.losses import LOSSES, LossSpec, own_loss
from core.losses.parameters import Value
from core.spec import ExperimentSpec


class Axis(StrEnum):
    """What the shape of a loss is drawn over."""

    PROBABILITY = "probability"
    LOGIT = "logit"
    PREDICTION = "prediction"

    @property
    def places(self) -> list[float]:
        """Where the shape is computed: round numbers, and probabilities near 0 and 1."""
        if self is Axis.PROBABILITY:
            edge = [0.0001, 0.001]
            return [*edge, *(n / 200 for n in range(1, 200)), *(1 - each for each in edge[::-1])]
        end = 80 if self is Axis.LOGIT else 40
        return [n / 20 for n in range(-2 * end, 2 * end + 1)]


@dataclass(frozen=True)
class Choice:
    """A loss of the catalogue with what is set on it, or a person's own ``expression``."""

    key: str
    parameters: tuple[tuple[str, Value], ...] = ()
    expression: str | None = None

    @property
    def spec(self) -> LossSpec:
        """Raises ``LossExpressionError`` for an expression that can't be read."""
        if self.expression is not None:
            return own_loss(self.expression)
        return LOSSES[self.key].with_parameters(dict(self.parameters))

    def experiment(self, dataset: str, **more: Any) -> ExperimentSpec:
        """A training with it on ``dataset``; raises ``SpecError``."""
        described = {
            "data": {"name": dataset},
            "losses": [self.key],
            "loss_parameters": {self.key: dict(self.parameters)} if self.parameters else {},
            "custom_loss": self.expression,
        }
        return ExperimentSpec.parse(described | more)


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
    unit, the one with the largest gradient. ``mean_after`` is the mean loss of the same
    examples with the updated parameters.
    """

    step: int
    x: NDArray[np.float32]
    hidden: NDArray[np.float32]
    logits: NDArray[np.float32]
    outputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    losses: NDArray[np.float32]
    mean: float
    logit_gradients: NDArray[np.float32]
    weight_gradients: NDArray[np.float32]
    weight: tuple[int, int]
    before: float
    after: float
    mean_after: float
    learning_rate: float
    parameters: int
