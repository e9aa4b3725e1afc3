"""What a run is judged by, and one number of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    AUROC = "auroc"
    MSE = "mse"
    MAE = "mae"
    R2 = "r2"


@dataclass(frozen=True)
class Evaluation:
    """One number about one run at the end of one epoch (0: before training)."""

    run: int
    epoch: int
    step: int
    split: Split
    measure: Measure
    value: float
