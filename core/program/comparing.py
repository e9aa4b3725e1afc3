"""What a program has printed beside what the lab has: row by row, and in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Where rounding is amplified, so many first steps are held against each other.
FIRST_STEPS = 200
#: Losses that differ by less, relatively, are equal but for rounding.
TOLERANCE = 1e-5

_NOTHING = (
    "Nothing with these settings was trained on this page: press Train to have the lab's losses "
    "beside the printed ones."
)
_NOT_YET = "The lab has printed none of these epochs yet."
_AMPLIFIED = (
    "This training amplifies rounding: the lab sums in another order, and from step to step the "
    "last digits grow apart."
)


@dataclass(frozen=True)
class Comparison:
    """The largest relative difference |a - b| / |b| of the epochs that both have.

    ``epochs`` is how many both have. ``first`` is the difference within the first
    ``FIRST_STEPS`` steps, or in the first epoch where that has more: ``first_epochs`` with
    ``first_steps``.
    """

    epochs: int
    largest: float
    first_epochs: int
    first_steps: int
    first: float

    @property
    def is_equal(self) -> bool:
        return self.largest <= TOLERANCE


def compare(
    printed: Sequence[float], lab: Mapping[int, float], steps_per_epoch: int
) -> Comparison | None:
    """The losses that were printed against the lab's by epoch; None where no epoch has both."""
    differences = {
        epoch: _difference(loss, lab[epoch])
        for epoch, loss in enumerate(printed, start=1)
        if epoch in lab
    }
    if not differences:
        return None
    last_of_first = max(1, FIRST_STEPS // steps_per_epoch)
    first = [each for epoch, each in differences.items() if epoch <= last_of_first]
    return Comparison(
        epochs=len(differences),
        largest=max(differences.values()),
        first_epochs=len(first),
        first_steps=len(first) * steps_per_epoch,
        first=max(first, default=0.0),
    )


def _difference(printed: float, lab: float) -> float:
    """Relative; two that are not finite in the same way do not differ."""
    if printed == lab or (math.isnan(printed) and math.isnan(lab)):
        return 0.0
    difference = abs(printed - lab) / abs(lab) if lab else math.inf
    return difference if math.isfinite(difference) else math.inf


def sentence(comparison: Comparison | None, has_experiment: bool) -> str:
    """What the comparison says; without an experiment of these settings, how to get one."""
    if comparison is None:
        return _NOT_YET if has_experiment else _NOTHING
    over, largest = _epochs(comparison.epochs), _size(comparison.largest)
    if comparison.is_equal:
        return f"The largest relative difference from the lab's losses is {largest}, over {over}."
    first = (
        f"The largest relative difference from the lab's losses is {_size(comparison.first)} over "
        f"the first {comparison.first_steps:,} steps ({_epochs(comparison.first_epochs)})"
    )
    rest = f", and {largest} over {over}" if comparison.epochs > comparison.first_epochs else ""
    return f"{first}{rest}. {_AMPLIFIED}"


def _size(difference: float) -> str:
    return f"{difference:.1g}" if math.isfinite(difference) else "without bound (one is not finite)"


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count:,} epochs"
