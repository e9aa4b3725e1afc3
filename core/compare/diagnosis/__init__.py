"""What goes wrong in a training, in sentences: a number, its threshold, since when, and a remedy.

Nothing is said before there is evidence for it. What runs of one entrant share is said once, with
the number of the seed in which it is worst. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.compare.curves import RunCurves
from core.compare.diagnosis import advice, signs, words
from core.compare.diagnosis.evidence import Evidence
from core.compare.diagnosis.remedies import Remedy, first_that_applies, rate_times
from core.compare.diagnosis.signs import Sign, Signs
from core.losses import CUSTOM
from core.records import Facts, Snapshot
from core.spec import Entrant, ExperimentSpec

#: More sentences about one entrant would not be read.
MOST_OF_ENTRANT = 3
_HALF = 0.5


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


# ------------------------------------------------------------------ the table


@dataclass(frozen=True)
class _Symptom:
    """``signs`` looks for it; ``words`` say it after the entrant's title; ``remedies`` are tried
    in turn; what it explains, it ``hides``. One that ``follows`` from another has no remedy of its
    own. It is told where a share ``above`` this of the entrant's runs has it: what is seen in
    losses alone, and in one seed of five, is a matter of luck. One ``against_constant`` is told
    only where the best constant is not right for every row anyway."""

    kind: Kind
    signs: Callable[[Evidence], Signs | None]
    words: Callable[[Evidence, Sign], str]
    remedies: Callable[[Evidence, Sign, int], Iterable[Remedy]]
    hides: frozenset[Kind] = frozenset()
    follows: bool = False
    above: float = 0.0
    against_constant: bool = False


#: The gravest and most specific first; divergence comes before them.
_SYMPTOMS = (
    _Symptom(
        Kind.DEAD_UNITS, signs.dead, words.dead, advice.against_dead,
        frozenset({Kind.VANISHING, Kind.EXPLODING, Kind.PLATEAU}),
    ),
    _Symptom(
        Kind.SATURATION, signs.saturated, words.saturated, advice.against_saturation,
        frozenset({Kind.VANISHING, Kind.EXPLODING, Kind.PLATEAU}),
    ),
    _Symptom(
        Kind.VANISHING, signs.vanishing, words.vanishing, advice.against_vanishing,
        frozenset({Kind.RATE_TOO_LOW, Kind.PLATEAU}),
    ),
    _Symptom(Kind.EXPLODING, signs.exploding, words.exploding, advice.against_exploding),
    _Symptom(
        Kind.RATE_TOO_HIGH, signs.too_high, words.too_high, advice.lower_rate,
        frozenset({Kind.OVERFITTING, Kind.PLATEAU}), above=_HALF, against_constant=True,
    ),
    _Symptom(
        Kind.RATE_TOO_LOW, signs.too_low, words.too_low, advice.higher_rate,
        frozenset({Kind.CONSTANT, Kind.PLATEAU}), above=_HALF,
    ),
    _Symptom(
        Kind.CONSTANT, signs.constant, words.constant, advice.against_constant,
        frozenset({Kind.PLATEAU}), follows=True, against_constant=True,
    ),
    _Symptom(
        Kind.OVERFITTING, signs.overfitting, words.overfitting, advice.end_earlier, above=_HALF,
        against_constant=True,
    ),
    _Symptom(
        Kind.PLATEAU, signs.plateau, words.plateau, advice.against_plateau, above=_HALF,
        against_constant=True,
    ),
)  # fmt: skip


def _of_symptoms(evidence: Evidence) -> Iterator[Finding]:
    seeds = len(evidence.spec.seeds)
    hidden: dict[int, frozenset[Kind]] = {}
    for symptom in _SYMPTOMS:
        if symptom.against_constant and evidence.spec.dataset.one_answer:
            continue
        seen = symptom.signs(evidence)
        if seen is None or not seen.found.any():
            continue
        of_entrants = evidence.alive // seeds
        for place in np.unique(of_entrants[seen.found]).tolist():
            share = seen.found[of_entrants == place].mean()
            if symptom.kind not in hidden.get(place, ()) and share > symptom.above:
                is_helped = not (symptom.follows and place in hidden)
                hidden[place] = hidden.get(place, frozenset()) | symptom.hides
                yield _finding(evidence, symptom, seen, place, is_helped)


def _finding(
    evidence: Evidence, symptom: _Symptom, seen: Signs, place: int, is_helped: bool
) -> Finding:
    spec = evidence.spec
    of_entrant = np.flatnonzero(seen.found & (evidence.alive // len(spec.seeds) == place))
    at = int(of_entrant[seen.grave[of_entrant].argmax()])
    layer = -1 if seen.layer is None else int(seen.layer[at])
    sign = Sign(at, int(seen.since[at]), float(seen.grave[at]), layer)
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
