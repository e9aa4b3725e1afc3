"""The signs of each kind of trouble, and the thresholds beyond which they are told.

Each function looks at all runs that are alive; None where there is nothing to look at yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.diagnosis.evidence import FEWEST_EPOCHS, Evidence, Numbers, at_end, lasting

#: Share of a layer's units beyond which it is told that they are dead. Under PyTorch's start some
#: 5 to 40 % of a narrow layer's units give 0 for every row, and training goes well with that.
DEAD = 0.5
#: Share of saturated activations. Sigmoid layers that classify well have up to half of them there.
SATURATED = 0.75
#: A hidden layer's gradient against the last layer's. Across healthy networks of up to 6 layers it
#: is 0.005 to 8; with each sigmoid layer it falls by 4 or more (Glorot and Bengio 2010).
VANISHING, EXPLODING = 1e-3, 50.0
#: Looks in a row at which a gradient is to be so: one batch may have any.
_LOOKS = 3
#: Of the best constant's loss: how far above its lowest a training loss stays that does not settle.
UNSETTLED = 0.15
#: By how much of its start a training loss falls at most that hardly moves, how often it has to
#: fall from one epoch to the next, and how much of its first half's fall its second has to have.
HARDLY = 0.03
_STEADY, _UNSLOWED = 0.9, 1 / 3
#: Share of rows that get one class, or of the targets' SD that predictions lack.
CONSTANT_CLASS, CONSTANT_VALUE = 1.0, 0.99
#: Of the best constant's loss: how far a validation loss rises above its lowest. Less than that is
#: common where training goes on past the best epoch, and costs little.
OVERFIT = 0.3
#: Of the best constant's loss: within what a loss is flat, and from where on that is a plateau;
#: and for how much of the training it has to be so, as many networks begin with one.
FLAT, PLATEAU = 0.02, 0.8
_LONG = 0.5


@dataclass(frozen=True)
class Signs:
    """Of each run that is alive ``[A]``: whether it is found, since which epoch, how grave it is
    (more is worse), and the hidden layer, counted from 0, where there is one."""

    found: NDArray[np.bool_]
    since: NDArray[np.integer]
    grave: Numbers
    layer: NDArray[np.integer] | None = None


@dataclass(frozen=True)
class Sign:
    """The signs of the gravest run; ``at`` is its place among those that are alive."""

    at: int
    since: int
    grave: float
    layer: int


def _of_layers(
    evidence: Evidence, course: Numbers | None, limit: float, looks: int
) -> Signs | None:
    """Where a share ``[n, A, H]`` of a hidden layer is above the limit, since so many looks."""
    epochs = evidence.looks
    if course is None or epochs is None:
        return None
    since = lasting(course > limit)
    is_long = len(epochs) - since >= looks
    worst = np.where(is_long, course[-1], -np.inf)
    layer = worst.argmax(1)
    runs = np.arange(len(layer))
    at = since[runs, layer]
    grave = worst[runs, layer]
    return Signs(np.isfinite(grave), epochs[np.minimum(at, len(epochs) - 1)], grave, layer)


def dead(evidence: Evidence) -> Signs | None:
    course = evidence.snapshot.dead if evidence.snapshot else None
    return _of_layers(evidence, evidence.of_alive(course), DEAD, _LOOKS)


def saturated(evidence: Evidence) -> Signs | None:
    course = evidence.snapshot.saturated if evidence.snapshot else None
    return _of_layers(evidence, evidence.of_alive(course), SATURATED, _LOOKS)


def _against_last(evidence: Evidence) -> Numbers | None:
    """Each hidden layer's gradient by the last layer's, ``[n, A, H]``; NaN where the last is 0."""
    snapshot = evidence.snapshot
    sizes = evidence.of_alive(snapshot.gradients if snapshot else None)
    if sizes is None or sizes.shape[2] < 2:
        return None
    last = sizes[..., -1:]
    return np.divide(sizes[..., :-1], last, out=np.full_like(sizes[..., :-1], np.nan),
                     where=np.isfinite(last) & (last > 0))  # fmt: skip


def vanishing(evidence: Evidence) -> Signs | None:
    ratio = _against_last(evidence)
    return _of_layers(evidence, None if ratio is None else -ratio, -VANISHING, _LOOKS)


def exploding(evidence: Evidence) -> Signs | None:
    return _of_layers(evidence, _against_last(evidence), EXPLODING, _LOOKS)


def too_high(evidence: Evidence) -> Signs | None:
    """The training loss stays above what it had reached before."""
    window, training = evidence.window, evidence.training
    before = training[:, 1:-window]
    if not evidence.has_enough or not before.shape[1]:
        return None
    rise = (at_end(training, window) - before.min(1)) / evidence.scale
    found = evidence.is_of_one_loss & (rise > UNSETTLED)
    return Signs(found, evidence.epochs[before.argmin(1) + 1], rise)


def too_low(evidence: Evidence) -> Signs | None:
    """The training loss has hardly fallen, and still falls as it did."""
    if not evidence.has_enough:
        return None
    training = evidence.training
    middle = evidence.place_of((evidence.epoch + 1) // 2)
    fall = training[:, 0] - training[:, -1]
    reach = np.maximum(np.abs(training[:, 0]), np.abs(evidence.baseline))
    steady = (np.diff(training) < 0).mean(1) >= _STEADY
    unslowed = training[:, middle] - training[:, -1] >= _UNSLOWED * (
        training[:, 0] - training[:, middle]
    )
    found = evidence.is_of_one_loss & steady & unslowed & (fall < HARDLY * reach)
    return Signs(found, np.zeros(len(fall), np.intp), -fall / reach)


def constant(evidence: Evidence) -> Signs | None:
    snapshot, epochs = evidence.snapshot, evidence.looks
    course = evidence.of_alive(snapshot.constancy if snapshot else None)
    if course is None or epochs is None or not evidence.has_enough:
        return None
    is_class = evidence.spec.dataset.task.is_classification
    since = lasting(course >= (CONSTANT_CLASS if is_class else CONSTANT_VALUE))
    began = epochs[np.minimum(since, len(epochs) - 1)]
    found = (since < len(epochs)) & (epochs[-1] - began >= FEWEST_EPOCHS)
    return Signs(found, began, course[-1])


def overfitting(evidence: Evidence) -> Signs | None:
    """The validation loss has risen while the training loss went on falling."""
    validation, training = evidence.validation, evidence.training
    if validation is None or not evidence.has_enough:
        return None
    lowest = validation.argmin(1)
    runs = np.arange(len(lowest))
    rise = (at_end(validation, FEWEST_EPOCHS) - validation[runs, lowest]) / evidence.scale
    falls = at_end(training, FEWEST_EPOCHS) < training[runs, lowest]
    found = evidence.is_of_one_loss & (rise > OVERFIT) & falls
    return Signs(found, evidence.epochs[lowest], rise)


def plateau(evidence: Evidence) -> Signs | None:
    """The training loss no longer changes, hardly below that of the best constant.

    Only where a right answer costs 0, so that the share of the constant's loss means something.
    """
    window, training, spec = evidence.window, evidence.training, evidence.spec
    if not evidence.has_enough:
        return None
    task, outputs = spec.dataset.task, spec.dataset.outputs
    lowest = np.array([each.loss.value_range(task, outputs).low for each in spec.lineup])
    has_zero = lowest[evidence.alive // len(spec.seeds)] == 0
    level = at_end(training, window)
    place = lasting((np.abs(training - level[:, None]) <= FLAT * evidence.scale[:, None]).T)
    since = evidence.epochs[np.minimum(place, len(evidence.epochs) - 1)]
    share = np.where(has_zero, level / evidence.scale, 0)
    is_long = evidence.epoch - since >= _LONG * evidence.epoch
    return Signs(evidence.is_of_one_loss & is_long & (share > PLATEAU), since, share)
