"""What is advised against each kind of trouble: the first of its remedies that applies."""

from __future__ import annotations

import math
from collections.abc import Iterable

from core.compare.diagnosis.evidence import Evidence
from core.compare.diagnosis.remedies import (
    Remedy,
    activation_of,
    epochs_to,
    fewer_layers,
    first_weights_drawn,
    hidden_layer,
    no_head_factor,
    rate_times,
)
from core.compare.diagnosis.signs import UNSETTLED, Sign
from core.spec import SCALE_FREE, Activation

#: The highest rate that is proposed against one that is too low, by whether the optimizer divides a
#: gradient by its own size.
_HIGH_RATES = {True: 0.01, False: 0.1}


def against_dead(_evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    """Units that start dead need another start, those that die a lower rate."""
    if sign.since == 0:
        return (first_weights_drawn, activation_of(Activation.GELU))
    return (rate_times(0.1, place), activation_of(Activation.GELU))


def against_saturation(_evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    if sign.since == 0:
        return (activation_of(Activation.RELU),)
    return (rate_times(0.1, place), activation_of(Activation.RELU))


def against_vanishing(_evidence: Evidence, _sign: Sign, _place: int) -> Iterable[Remedy]:
    return (activation_of(Activation.RELU), fewer_layers)


def against_exploding(_evidence: Evidence, _sign: Sign, place: int) -> Iterable[Remedy]:
    return (no_head_factor, rate_times(0.1, place), fewer_layers)


def lower_rate(_evidence: Evidence, _sign: Sign, place: int) -> Iterable[Remedy]:
    return (rate_times(0.1, place),)


def higher_rate(evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    """So many times higher, in powers of ten, that half of the loss could be covered."""
    spec = evidence.spec
    highest = _HIGH_RATES[spec.optimizer.name in SCALE_FREE] / spec.lineup[place].learning_rate
    power = math.ceil(math.log10(0.5 / max(-sign.grave, 1e-6)))
    most = math.floor(math.log10(highest) + 1e-9)
    return (rate_times(10.0 ** max(1, min(power, most)), place),)


def against_constant(evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    """A rate that threw it there is to be lower, one that leaves it where it was higher."""
    training = evidence.training[sign.at]
    rise = (training[-1] - training.min()) / evidence.scale[sign.at]
    was_thrown = sign.since > 0 or rise > UNSETTLED
    return (first_weights_drawn, rate_times(0.1 if was_thrown else 10, place))


def end_earlier(_evidence: Evidence, sign: Sign, _place: int) -> Iterable[Remedy]:
    return (epochs_to(sign.since),)


def against_plateau(_evidence: Evidence, _sign: Sign, place: int) -> Iterable[Remedy]:
    return (hidden_layer, first_weights_drawn, rate_times(10, place))
