"""The plain data that travels: training writes it, the store keeps it, pages read it.

Needs neither torch nor the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from core.snapshot import Snapshot
from core.spec import ExperimentSpec


class Status(StrEnum):
    """Where an experiment, or one run of it, stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will be written."""
        return self not in (Status.QUEUED, Status.RUNNING, Status.PAUSED)


class Wanted(StrEnum):
    """What a person asks of an experiment; the job obeys within a chunk."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class Split(StrEnum):
    TRAIN = "train"
    VAL = "val"


class Measure(StrEnum):
    """What an evaluation row holds.

    ``LOSS`` is the run's own loss on the split, by example, at the weights that the
    epoch ended with. ``EPOCH_LOSS`` is the mean of the epoch's step losses weighted by
    example, each taken before its update: what a training script prints. The rest are
    yardsticks, the same for every loss; ``core.yardsticks`` describes them.
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


@dataclass(frozen=True)
class Facts:
    """What is known once the data is loaded and the network made.

    ``baselines`` maps each loss to the loss of the best constant predictor on the
    training rows, in the loss's own units. ``target_scale`` is the standard deviation of
    the raw training targets of the first seed (1 for classes).

    ``null_scores`` maps each yardstick that has a skill to the score, one a seed, of the
    constant that fits the training rows best, on the rows that runs are judged on.
    ``trunk_sha256`` has the SHA-256 of each run's trunk as it started, one a run.
    ``learning_rates`` and ``gradient_scales`` say with what each loss trains.
    """

    device: str
    threads: int
    parameters: int
    train_rows: int
    val_rows: int
    steps_per_epoch: int
    total_steps: int
    target_scale: float
    baselines: dict[str, float]
    torch_version: str
    null_scores: dict[str, list[float]]
    trunk_sha256: list[str]
    learning_rates: dict[str, float]
    gradient_scales: dict[str, float]
    range_test: RangeTest | None
    lens: GradientLens


class RangeTest(TypedDict):
    """Each loss's skill (L_null - L) / |L_null| after a short training at each rate.

    On training rows; L_null is the loss of the best constant, which can be below 0.

    ``skills`` has None where the loss was not finite any more.
    """

    rates: list[float]
    steps: int
    skills: dict[str, list[float | None]]


class GradientLens(TypedDict):
    """|dL/dz| of each loss for one example, by how right the network is.

    For classes ``margins`` are log-odds of the true class as the loss's link reads them
    (softmax: z_t - log sum_{c != t} exp z_c, the others equal; sigmoid: z_t; hinge:
    z_t - max_{c != t} z_c), and the gradient is that with respect to z_t. For regression
    they are residuals: what is predicted of the mean target, less it. None where there is no
    such prediction (an amount below 0) or the gradient is not finite.
    """

    margins: list[float]
    gradients: dict[str, list[float | None]]


@dataclass(frozen=True)
class Progress:
    """What one yield of ``train`` reports.

    ``losses`` is float32 ``[n, K]``: the mean loss over the batch of the n newest
    steps, one column a run; they are steps ``step - n + 1`` to ``step``, counted from 1.
    ``diverged_steps[k]`` is the first step of run k whose loss was not finite, or None.
    ``facts`` comes with the first report and ``outcome`` with the last; ``snapshot``
    with the first, the last and now and then between.
    """

    step: int
    epoch: int
    seconds: float
    losses: NDArray[np.float32]
    evaluations: tuple[Evaluation, ...]
    diverged_steps: tuple[int | None, ...]
    facts: Facts | None = None
    snapshot: Snapshot | None = None
    outcome: Status | None = None


@dataclass(frozen=True)
class Chunk:
    """Step losses as stored: number ``index`` of its experiment, counted from 0."""

    index: int
    first_step: int
    seconds: float
    losses: NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """One (loss, seed) of an experiment."""

    index: int
    loss: str
    seed: int
    status: Status
    diverged_step: int | None


@dataclass(frozen=True)
class Experiment:
    """A stored experiment as it stood when it was read.

    ``pause_after_epoch`` asks for a pause once that many epochs are complete.
    ``reason`` is the sentence for a status that needs one. ``seconds`` is time spent
    training, pauses excluded. Times are UTC.
    """

    id: str
    created_at: datetime
    spec: ExperimentSpec
    status: Status
    wanted: Wanted
    pause_after_epoch: int | None
    reason: str | None
    facts: Facts | None
    step: int
    epoch: int
    seconds: float
    heartbeat: datetime
