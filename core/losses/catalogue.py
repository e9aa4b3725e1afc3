"""The catalogue of losses: one file each, listed here in the order in which pages show them.

Mistakes come last. Where two losses share a color they fit no common task and differ in dash.
"""

from __future__ import annotations

from core.losses import (
    bce,
    bce_on_probabilities,
    broadcast_mse,
    cross_entropy,
    cross_entropy_after_softmax,
    custom,
    focal,
    gaussian_nll,
    generalised_cross_entropy,
    hinge,
    huber,
    kl_div,
    l1,
    mae_on_probabilities,
    mse,
    mse_on_raw_outputs,
    nll,
    poisson_nll,
    smooth_l1,
    soft_margin,
    squentropy,
    symmetric_cross_entropy,
)
from core.losses.entry import LossSpec
from core.losses.task import Task

_LOSSES = (
    cross_entropy.LOSS,
    bce.LOSS,
    mse.LOSS,
    mse_on_raw_outputs.LOSS,
    nll.LOSS,
    bce_on_probabilities.LOSS,
    kl_div.LOSS,
    soft_margin.LOSS,
    focal.LOSS,
    hinge.LOSS,
    squentropy.LOSS,
    mae_on_probabilities.LOSS,
    generalised_cross_entropy.LOSS,
    symmetric_cross_entropy.LOSS,
    l1.LOSS,
    huber.LOSS,
    smooth_l1.LOSS,
    poisson_nll.LOSS,
    gaussian_nll.LOSS,
    custom.LOSS,
    cross_entropy_after_softmax.LOSS,
    broadcast_mse.LOSS,
)

LOSSES: dict[str, LossSpec] = {loss.key: loss for loss in _LOSSES}

#: The three that the lab is about, in the order in which they are raced.
RIVALS = ("cross_entropy", "bce", "mse")


def fitting(task: Task) -> tuple[LossSpec, ...]:
    """The losses that can be trained for a task, in catalogue order."""
    return tuple(loss for loss in LOSSES.values() if task in loss.formulas)
