"""What runs are judged by, and what they came to at the end of an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Split(StrEnum):
    """On which rows a run is judged."""

    TRAIN = "train"
    VAL = "val"

    @property
    def word(self) -> str:
        """As in "validation accuracy"."""
        return {Split.TRAIN: "training", Split.VAL: "validation"}[self]

    @property
    def rows(self) -> str:
        """As in "accuracy on held-out rows"."""
        return {Split.TRAIN: "training rows, as none are held out", Split.VAL: "held-out rows"}[
            self
        ]


class Measure(StrEnum):
    """What an evaluation holds.

    ``LOSS`` is the run's own loss on the split, by example, at the weights that the
    epoch ended with. ``EPOCH_LOSS`` is the mean of the epoch's step losses weighted by
    example, each taken before its update: what a training script prints. The rest are
    yardsticks, the same for every loss; ``core.judging.yardsticks`` describes them.
    """

    LOSS = "loss"
    EPOCH_LOSS = "epoch_loss"
    ACCURACY = "accuracy"
    NLL = "nll"
    BRIER = "brier"
    ECE = "ece"
    NLL_RESCALED = "nll_rescaled"
    ECE_RESCALED = "ece_rescaled"
    AUROC = "auroc"
    AURC = "aurc"
    MSE = "mse"
    MAE = "mae"
    R2 = "r2"


class Column(NamedTuple):
    """One measure on one split."""

    split: Split
    measure: Measure


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All runs as they were judged at the end of one epoch (0: before training).

    ``values`` is float32 ``[M, K]``: a row for each of the ``columns``, with a number a run. It is
    NaN where a run's outputs are not finite, and where they are no probabilities and the measure
    needs some.
    """

    epoch: int
    step: int
    columns: tuple[Column, ...]
    values: NDArray[np.float32]

    def of(self, split: Split, measure: Measure) -> NDArray[np.float32]:
        """One number a run; ``ValueError`` for what was not judged."""
        values: NDArray[np.float32] = self.values[self.columns.index(Column(split, measure))]
        return values
