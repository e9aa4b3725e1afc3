"""What goes wrong in a training, in sentences: a number, its threshold, since when, and a remedy.

Nothing is said before there is evidence for it. What runs of one entrant share is said once, with
the number of the seed in which it is worst. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.compare.curves import RunCurves
from core.compare.evidence import FEWEST_EPOCHS, Evidence, Numbers, at_end, lasting
from core.compare.remedies import (
    Remedy,
    activation_of,
    epochs_to,
    fewer_layers,
    first_that_applies,
    first_weights_drawn,
    hidden_layer,
    no_head_factor,
    rate_times,
)
from core.losses import CUSTOM
from core.records import Facts, Snapshot
from core.spec import SCALE_FREE, Activation, Entrant, ExperimentSpec

#: More sentences about one entrant would not be read.
MOST_OF_ENTRANT = 3

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
#: The highest rate that is proposed against one that is too low, by whether the optimizer divides a
#: gradient by its own size.
_HIGH_RATES = {True: 0.01, False: 0.1}

#: A share below it is told as less than it.
_LEAST_TOLD = 1e-5


class Kind(StrEnum):
    DIVERGED = "diverged"
    DEAD_UNITS = "dead_units"
    SATURATION = "saturation"
    VANISHING = "vanishing"
    EXPLODING = "exploding"
    RATE_TOO_HIGH = "rate_too_high"
    RATE_TOO_LOW = "rate_too_low"
    CONSTANT = "constant"
    OVERFITTING = "overfitting"
    PLATEAU = "plateau"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the entrant at ``entrant``.

    ``since`` is the step at which it began. ``remedy`` is the experiment with what would help,
    None where nothing does that the spec allows.
    """

    kind: Kind
    entrant: int
    sentence: str
    since: int
    remedy: ExperimentSpec | None


def diagnose(
    spec: ExperimentSpec, facts: Facts, runs: Sequence[RunCurves], snapshot: Snapshot | None
) -> tuple[Finding, ...]:
    """All that is found, the gravest first; empty for a training that goes well."""
    evidence = Evidence.of(spec, facts, runs, snapshot)
    found = [*_diverged(spec, runs)]
    if len(evidence.alive) and evidence.epoch >= 1:
        # A loss that is 0 everywhere has no scale: nothing is more than a share of it.
        with np.errstate(divide="ignore", invalid="ignore"):
            found += _of_symptoms(evidence)
    return tuple(_told(found))


# ------------------------------------------------------------------ diverged


def _diverged(spec: ExperimentSpec, runs: Sequence[RunCurves]) -> Iterator[Finding]:
    for entrant in spec.lineup:
        steps = [run.diverged_step for run in runs[spec.runs_of(entrant.place)]]
        ended = [step for step in steps if step is not None]
        if ended:
            first = min(ended)
            yield Finding(
                Kind.DIVERGED,
                entrant.place,
                _divergence(entrant, first, len(ended), len(steps)),
                first,
                first_that_applies(spec, [rate_times(0.1, entrant.place)]),
            )


def _divergence(entrant: Entrant, first: int, count: int, seeds: int) -> str:
    where = f"in {count} of {seeds} seeds, first " if seeds > 1 else ""
    rest = " From there on, means are over the other seeds." if count < seeds else ""
    why = (
        " Your own loss may have no lowest value, or leave the numbers that float32 holds."
        if entrant.loss.key == CUSTOM
        else ""
    )
    return (
        f"{entrant.title} diverged {where}at step {first:,}: its loss is no longer a finite "
        f"number.{rest}{why}"
    )


# ------------------------------------------------------------------ signs


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


def _dead(evidence: Evidence) -> Signs | None:
    course = evidence.snapshot.dead if evidence.snapshot else None
    return _of_layers(evidence, evidence.of_alive(course), DEAD, _LOOKS)


def _saturated(evidence: Evidence) -> Signs | None:
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


def _vanishing(evidence: Evidence) -> Signs | None:
    ratio = _against_last(evidence)
    return _of_layers(evidence, None if ratio is None else -ratio, -VANISHING, _LOOKS)


def _exploding(evidence: Evidence) -> Signs | None:
    return _of_layers(evidence, _against_last(evidence), EXPLODING, _LOOKS)


def _too_high(evidence: Evidence) -> Signs | None:
    """The training loss stays above what it had reached before."""
    window, training = evidence.window, evidence.training
    before = training[:, 1:-window]
    if not evidence.has_enough or not before.shape[1]:
        return None
    rise = (at_end(training, window) - before.min(1)) / evidence.scale
    return Signs(rise > UNSETTLED, before.argmin(1) + 1, rise)


def _too_low(evidence: Evidence) -> Signs | None:
    """The training loss has hardly fallen, and still falls as it did."""
    if not evidence.has_enough:
        return None
    training = evidence.training
    middle = training.shape[1] // 2
    fall = training[:, 0] - training[:, -1]
    reach = np.maximum(np.abs(training[:, 0]), np.abs(evidence.baseline))
    steady = (np.diff(training) < 0).mean(1) >= _STEADY
    unslowed = training[:, middle] - training[:, -1] >= _UNSLOWED * (
        training[:, 0] - training[:, middle]
    )
    found = steady & unslowed & (fall < HARDLY * reach)
    return Signs(found, np.zeros(len(fall), np.intp), -fall / reach)


def _constant(evidence: Evidence) -> Signs | None:
    snapshot, epochs = evidence.snapshot, evidence.looks
    course = evidence.of_alive(snapshot.constancy if snapshot else None)
    if course is None or epochs is None or not evidence.has_enough:
        return None
    is_class = evidence.spec.dataset.task.is_classification
    since = lasting(course >= (CONSTANT_CLASS if is_class else CONSTANT_VALUE))
    began = epochs[np.minimum(since, len(epochs) - 1)]
    found = (since < len(epochs)) & (epochs[-1] - began >= FEWEST_EPOCHS)
    return Signs(found, began, course[-1])


def _overfitting(evidence: Evidence) -> Signs | None:
    """The validation loss has risen while the training loss went on falling."""
    validation, training = evidence.validation, evidence.training
    if validation is None or not evidence.has_enough:
        return None
    lowest = validation.argmin(1)
    runs = np.arange(len(lowest))
    rise = (at_end(validation, FEWEST_EPOCHS) - validation[runs, lowest]) / evidence.scale
    falls = at_end(training, FEWEST_EPOCHS) < training[runs, lowest]
    return Signs((rise > OVERFIT) & falls, lowest, rise)


def _plateau(evidence: Evidence) -> Signs | None:
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
    since = lasting((np.abs(training - level[:, None]) <= FLAT * evidence.scale[:, None]).T)
    share = np.where(has_zero, level / evidence.scale, 0)
    is_long = evidence.epoch - since >= _LONG * evidence.epoch
    return Signs(is_long & (share > PLATEAU), since, share)


# ------------------------------------------------------------------ words


def _percent(share: float) -> str:
    """Whole, or with three digits where it is small."""
    if 0 < share < _LEAST_TOLD:
        return f"less than {100 * _LEAST_TOLD:g}%"
    return f"{100 * share:.3g}%" if share < 0.1 else f"{100 * share:.0f}%"


def _as_epoch(epoch: int) -> str:
    return f"since epoch {epoch:,}" if epoch else "from the start"


def _dead_words(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"{_percent(sign.grave)} of the units in hidden layer {sign.layer + 1} give 0 for every "
        f"row {_as_epoch(sign.since)} (more than {_percent(DEAD)} is called dead)"
    )


def _saturated_words(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"{_percent(sign.grave)} of what hidden layer {sign.layer + 1} gives lies at an end of its "
        f"range {_as_epoch(sign.since)} (more than {_percent(SATURATED)} is called saturated)"
    )


def _vanishing_words(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"the gradient of hidden layer {sign.layer + 1} is {-sign.grave:.2g} times that of the "
        f"last layer {_as_epoch(sign.since)} (less than {VANISHING:g} is called vanishing)"
    )


def _exploding_words(_evidence: Evidence, sign: Sign) -> str:
    return (
        f"the gradient of hidden layer {sign.layer + 1} is {sign.grave:.3g} times that of the last "
        f"layer {_as_epoch(sign.since)} (more than {EXPLODING:g} is called exploding)"
    )


def _too_high_words(evidence: Evidence, sign: Sign) -> str:
    training = evidence.training[sign.at]
    level = at_end(training[None], evidence.window)[0]
    return (
        f"the learning rate is too high to settle: since epoch {sign.since:,} the training loss "
        f"went from {training[sign.since]:.3g} to {level:.3g}, by {_percent(sign.grave)} of the "
        f"best constant's loss (settled is up to {_percent(UNSETTLED)})"
    )


def _too_low_words(evidence: Evidence, sign: Sign) -> str:
    steps = evidence.epoch * evidence.spec.steps_per_epoch
    return (
        "the learning rate is too low to move: from step 1 on the training loss fell steadily, but "
        f"by {_percent(-sign.grave)} in {steps:,} steps (less than {_percent(HARDLY)} is hardly)"
    )


def _constant_words(evidence: Evidence, sign: Sign) -> str:
    if evidence.spec.dataset.task.is_classification:
        return f"a constant predictor: 100% of the rows get one class {_as_epoch(sign.since)}"
    return (
        f"a constant predictor: predictions have {_percent(1 - sign.grave)} of the targets' SD "
        f"{_as_epoch(sign.since)} (up to {_percent(1 - CONSTANT_VALUE)} is called constant)"
    )


def _overfitting_words(evidence: Evidence, sign: Sign) -> str:
    assert evidence.validation is not None
    validation = evidence.validation[sign.at]
    level = at_end(validation[None], FEWEST_EPOCHS)[0]
    return (
        f"overfitting began at epoch {sign.since:,}: while the training loss fell, the validation "
        f"loss rose from {validation[sign.since]:.3g} to {level:.3g}, by {_percent(sign.grave)} of "
        f"the best constant's loss (told from {_percent(OVERFIT)})"
    )


def _plateau_words(evidence: Evidence, sign: Sign) -> str:
    level = at_end(evidence.training[sign.at : sign.at + 1], evidence.window)[0]
    return (
        f"a plateau: the training loss is flat at {level:.3g} {_as_epoch(sign.since)}, "
        f"{_percent(sign.grave)} of the best constant's loss (told above {_percent(PLATEAU)})"
    )


# ------------------------------------------------------------------ remedies


def _against_dead(_evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    """Units that start dead need another start, those that die a lower rate."""
    if sign.since == 0:
        return (first_weights_drawn, activation_of(Activation.GELU))
    return (rate_times(0.1, place), activation_of(Activation.GELU))


def _against_saturation(_evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    if sign.since == 0:
        return (activation_of(Activation.RELU),)
    return (rate_times(0.1, place), activation_of(Activation.RELU))


def _against_vanishing(_evidence: Evidence, _sign: Sign, _place: int) -> Iterable[Remedy]:
    return (activation_of(Activation.RELU), fewer_layers)


def _against_exploding(_evidence: Evidence, _sign: Sign, place: int) -> Iterable[Remedy]:
    return (no_head_factor, rate_times(0.1, place), fewer_layers)


def _lower_rate(_evidence: Evidence, _sign: Sign, place: int) -> Iterable[Remedy]:
    return (rate_times(0.1, place),)


def _higher_rate(evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    """So many times higher, in powers of ten, that half of the loss could be covered."""
    spec = evidence.spec
    highest = _HIGH_RATES[spec.optimizer.name in SCALE_FREE] / spec.lineup[place].learning_rate
    power = math.ceil(math.log10(0.5 / max(-sign.grave, 1e-6)))
    most = math.floor(math.log10(highest) + 1e-9)
    return (rate_times(10.0 ** max(1, min(power, most)), place),)


def _against_constant(evidence: Evidence, sign: Sign, place: int) -> Iterable[Remedy]:
    """A rate that threw it there is to be lower, one that leaves it where it was higher."""
    training = evidence.training[sign.at]
    rise = (training[-1] - training.min()) / evidence.scale[sign.at]
    was_thrown = sign.since > 0 or rise > UNSETTLED
    return (first_weights_drawn, rate_times(0.1 if was_thrown else 10, place))


def _end_earlier(_evidence: Evidence, sign: Sign, _place: int) -> Iterable[Remedy]:
    return (epochs_to(sign.since),)


def _against_plateau(_evidence: Evidence, _sign: Sign, place: int) -> Iterable[Remedy]:
    return (hidden_layer, first_weights_drawn, rate_times(10, place))


# ------------------------------------------------------------------ the table


@dataclass(frozen=True)
class _Symptom:
    """``signs`` looks for it; ``words`` say it after the entrant's title; ``remedies`` are tried
    in turn; what it explains, it ``hides``."""

    kind: Kind
    signs: Callable[[Evidence], Signs | None]
    words: Callable[[Evidence, Sign], str]
    remedies: Callable[[Evidence, Sign, int], Iterable[Remedy]]
    hides: frozenset[Kind] = frozenset()
    follows: bool = False


#: The gravest and most specific first; divergence comes before them.
_SYMPTOMS = (
    _Symptom(
        Kind.DEAD_UNITS, _dead, _dead_words, _against_dead,
        frozenset({Kind.VANISHING, Kind.EXPLODING, Kind.PLATEAU}),
    ),
    _Symptom(
        Kind.SATURATION, _saturated, _saturated_words, _against_saturation,
        frozenset({Kind.VANISHING, Kind.EXPLODING, Kind.PLATEAU}),
    ),
    _Symptom(
        Kind.VANISHING, _vanishing, _vanishing_words, _against_vanishing,
        frozenset({Kind.RATE_TOO_LOW, Kind.PLATEAU}),
    ),
    _Symptom(Kind.EXPLODING, _exploding, _exploding_words, _against_exploding),
    _Symptom(
        Kind.RATE_TOO_HIGH, _too_high, _too_high_words, _lower_rate,
        frozenset({Kind.OVERFITTING, Kind.PLATEAU}),
    ),
    _Symptom(
        Kind.RATE_TOO_LOW, _too_low, _too_low_words, _higher_rate,
        frozenset({Kind.CONSTANT, Kind.PLATEAU}),
    ),
    _Symptom(
        Kind.CONSTANT, _constant, _constant_words, _against_constant, frozenset({Kind.PLATEAU}),
        follows=True,
    ),
    _Symptom(Kind.OVERFITTING, _overfitting, _overfitting_words, _end_earlier),
    _Symptom(Kind.PLATEAU, _plateau, _plateau_words, _against_plateau),
)  # fmt: skip


def _of_symptoms(evidence: Evidence) -> Iterator[Finding]:
    seeds = len(evidence.spec.seeds)
    hidden: dict[int, frozenset[Kind]] = {}
    for symptom in _SYMPTOMS:
        signs = symptom.signs(evidence)
        if signs is None or not signs.found.any():
            continue
        found = np.flatnonzero(signs.found)
        for place in np.unique(evidence.alive[found] // seeds).tolist():
            if symptom.kind not in hidden.get(place, ()):
                is_helped = not (symptom.follows and place in hidden)
                hidden[place] = hidden.get(place, frozenset()) | symptom.hides
                yield _finding(evidence, symptom, signs, place, is_helped)


def _finding(
    evidence: Evidence, symptom: _Symptom, signs: Signs, place: int, is_helped: bool
) -> Finding:
    spec = evidence.spec
    of_entrant = np.flatnonzero(signs.found & (evidence.alive // len(spec.seeds) == place))
    at = int(of_entrant[signs.grave[of_entrant].argmax()])
    layer = -1 if signs.layer is None else int(signs.layer[at])
    sign = Sign(at, int(signs.since[at]), float(signs.grave[at]), layer)
    seeds = len(spec.seeds)
    where = f", in {len(of_entrant)} of {seeds} seeds" if seeds > 1 else ""
    return Finding(
        symptom.kind,
        place,
        f"{spec.lineup[place].title}{where}: {symptom.words(evidence, sign)}.",
        sign.since * spec.steps_per_epoch,
        first_that_applies(spec, symptom.remedies(evidence, sign, place)) if is_helped else None,
    )


def _told(found: Iterable[Finding]) -> Iterator[Finding]:
    """As many of each entrant as will be read."""
    told: dict[int, int] = {}
    for finding in found:
        told[finding.entrant] = told.get(finding.entrant, 0) + 1
        if told[finding.entrant] <= MOST_OF_ENTRANT:
            yield finding
