"""What is said of each kind of trouble, after the entrant's title."""

from __future__ import annotations

from core.compare.diagnosis.evidence import FEWEST_EPOCHS, Evidence, at_end
from core.compare.diagnosis.signs import (
    CONSTANT_VALUE,
    DEAD,
    EXPLODING,
    HARDLY,
    OVERFIT,
    PLATEAU,
    SATURATED,
    UNSETTLED,
    VANISHING,
    Sign,
)

#: A share below it is told as less than it.
_LEAST_TOLD = 1e-5


def _percent(share: float) -> str:
    """Whole, or with three digits where it is small."""
    if 0 < share < _LEAST_TOLD:
        return f"less than {100 * _LEAST_TOLD:g}%"
    return f"{100 * share:.3g}%" if share < 0.1 else f"{100 * share:.0f}%"


def _as_epoch(epoch: int) -> str:
    return f"since epoch {epoch:,}" if epoch else "from the start"


def dead(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"{_percent(sign.grave)} of the units in hidden layer {sign.layer + 1} give 0 for every "
        f"row {_as_epoch(sign.since)} (more than {_percent(DEAD)} is called dead)"
    )


def saturated(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"{_percent(sign.grave)} of what hidden layer {sign.layer + 1} gives lies at an end of its "
        f"range {_as_epoch(sign.since)} (more than {_percent(SATURATED)} is called saturated)"
    )


def vanishing(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"the gradient of hidden layer {sign.layer + 1} is {-sign.grave:.2g} times that of the "
        f"last layer {_as_epoch(sign.since)} (less than {VANISHING:g} is called vanishing)"
    )


def exploding(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"the gradient of hidden layer {sign.layer + 1} is {sign.grave:.3g} times that of the last "
        f"layer {_as_epoch(sign.since)} (more than {EXPLODING:g} is called exploding)"
    )


def too_high(evidence: Evidence, sign: Sign) -> str:
    training = evidence.training[sign.at]
    level, before = at_end(training[None], evidence.window)[0], evidence.place_of(sign.since)
    return (
        f"the learning rate is too high to settle: since epoch {sign.since:,} the training loss "
        f"went from {training[before]:.3g} to {level:.3g}, by {_percent(sign.grave)} of the "
        f"best constant's loss (settled is up to {_percent(UNSETTLED)})"
    )


def too_low(evidence: Evidence, sign: Sign) -> str:
    steps = evidence.epoch * evidence.spec.steps_per_epoch
    return (
        "the learning rate is too low to move: from step 1 on the training loss fell steadily, but "
        f"by {_percent(-sign.grave)} in {steps:,} steps (less than {_percent(HARDLY)} is hardly)"
    )


def constant(evidence: Evidence, sign: Sign) -> str:
    if evidence.spec.dataset.task.is_classification:
        return f"a constant predictor: 100% of the rows get one class {_as_epoch(sign.since)}"
    return (
        f"a constant predictor: predictions have {_percent(1 - sign.grave)} of the targets' SD "
        f"{_as_epoch(sign.since)} (up to {_percent(1 - CONSTANT_VALUE)} is called constant)"
    )


def overfitting(evidence: Evidence, sign: Sign) -> str:
    assert evidence.validation is not None
    validation = evidence.validation[sign.at]
    level, lowest = at_end(validation[None], FEWEST_EPOCHS)[0], evidence.place_of(sign.since)
    return (
        f"overfitting began at epoch {sign.since:,}: while the training loss fell, the validation "
        f"loss rose from {validation[lowest]:.3g} to {level:.3g}, by {_percent(sign.grave)} of "
        f"the best constant's loss (told from {_percent(OVERFIT)})"
    )


def plateau(evidence: Evidence, sign: Sign) -> str:
    level = at_end(evidence.training[sign.at : sign.at + 1], evidence.window)[0]
    return (
        f"a plateau: the training loss is flat at {level:.3g} {_as_epoch(sign.since)}, "
        f"{_percent(sign.grave)} of the best constant's loss (told above {_percent(PLATEAU)})"
    )
