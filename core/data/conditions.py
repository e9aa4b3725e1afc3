"""Conditions that make training data worse: what can be asked for, and doing it to one seed's rows.

They fall on the training rows alone, unless the held-out ones are asked for too, and on the same
rows for every entrant of a seed. More of a condition falls on the same rows and some more: with a
larger share of flipped labels, those that were flipped before still are.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from core.bounds import Bounds, Frozen
from core.data.seeds import derive_seed
from core.losses import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[np.float32]

FLIPPED_LABELS = Bounds("Flipped labels", 0, 0.8)
OUTLIERS = Bounds("Outliers", 0, 0.5)
OUTLIER_SIZE = Bounds("Size of the outliers", 0, 1e6)
IMBALANCE = Bounds("Imbalance", 1, 1000)
FEATURE_NOISE = Bounds("Feature noise", 0, 10)
KEPT_ROWS = Bounds("Training rows kept", 0.01, 1)


class Flips(StrEnum):
    """Which class a flipped label becomes: any other with equal chance, or the next one (class c
    becomes c + 1, and the last becomes class 0)."""

    RANDOM = "random"
    PAIRS = "pairs"


class OutliersIn(StrEnum):
    FEATURES = "features"
    TARGETS = "targets"


class StressSpec(Frozen):
    """How the training rows are made worse; the defaults do nothing.

    ``flipped_labels`` is the share of labels that become another class, ``flips`` which one.
    ``outliers`` is the share of rows that are moved by ``outlier_size`` standard deviations in a
    random direction, in their features or, for values, in their targets. ``imbalance`` is how many
    times as many rows class 0 has as the last class, the others evenly between in ratio.
    ``feature_noise`` is the standard deviation of normal noise on every feature, in those of the
    feature. ``kept_rows`` is the share of the training rows that is kept. ``on_held_out`` lets
    labels, noise and outliers fall on the held-out rows as well; they are clean otherwise.
    """

    flipped_labels: Annotated[float, AfterValidator(FLIPPED_LABELS.check)] = 0.0
    flips: Flips = Flips.RANDOM
    outliers: Annotated[float, AfterValidator(OUTLIERS.check)] = 0.0
    outlier_size: Annotated[float, AfterValidator(OUTLIER_SIZE.check)] = 10.0
    outliers_in: OutliersIn = OutliersIn.FEATURES
    imbalance: Annotated[float, AfterValidator(IMBALANCE.check)] = 1.0
    feature_noise: Annotated[float, AfterValidator(FEATURE_NOISE.check)] = 0.0
    kept_rows: Annotated[float, AfterValidator(KEPT_ROWS.check)] = 1.0
    on_held_out: bool = False

    @property
    def is_none(self) -> bool:
        """Whether the rows stay as they are."""
        return not (self.changes_rows or self.drops_rows)

    @property
    def changes_rows(self) -> bool:
        return bool(self.flipped_labels or self.outliers or self.feature_noise)

    @property
    def drops_rows(self) -> bool:
        return self.imbalance != 1 or self.kept_rows != 1

    def class_weights(self, classes: int) -> tuple[float, ...]:
        """How much there is of each class: 1 of class 0, down to 1 / imbalance of the last."""
        last = max(1, classes - 1)
        return tuple(self.imbalance ** (-place / last) for place in range(classes))

    def in_words(self) -> Iterator[str]:
        """What is done to the rows, a few words each, as in "40% of labels flipped at random"."""
        if self.kept_rows != 1:
            yield f"{_share(self.kept_rows)} of the training rows"
        if self.imbalance != 1:
            yield f"class imbalance {self.imbalance:g} to 1"
        if self.flipped_labels:
            how = {Flips.RANDOM: "at random", Flips.PAIRS: "to the next class"}[self.flips]
            yield f"{_share(self.flipped_labels)} of labels flipped {how}"
        if self.feature_noise:
            yield f"noise of {self.feature_noise:g} SD on the features"
        if self.outliers:
            where = f"the {self.outliers_in.value}"
            yield f"{_share(self.outliers)} outliers of {self.outlier_size:g} SD in {where}"
        if self.changes_rows and self.on_held_out:
            yield "on the held-out rows too"

    def problems(self, title: str, task: Task, is_split: bool) -> Iterator[str]:
        """A sentence for each condition that the data can't have."""
        if not is_split:
            if not self.is_none:
                yield (
                    f"{title} is trained on as it is; flipped labels, outliers, imbalance, noise "
                    "and fewer rows are for data that holds rows out."
                )
            return
        if task.is_classification:
            if self.outliers and self.outliers_in is OutliersIn.TARGETS:
                yield (
                    f"Outliers were in the targets; those of {title} are classes, so allowed is "
                    "features. Flipped labels are what goes wrong with classes."
                )
            return
        if self.flipped_labels:
            yield (
                f"Flipped labels was {self.flipped_labels:g}; {title} has no classes, so allowed "
                "is 0. Outliers in the targets are what goes wrong with values."
            )
        if self.imbalance != 1:
            yield (f"Imbalance was {self.imbalance:g}; {title} has no classes, so allowed is 1.")


def _share(share: float) -> str:
    """As in "12.5%", of at most so many digits as it takes."""
    return f"{100 * share:.4g}%"


# ------------------------------------------------------------------ on rows


def kept(y: Labels, stress: StressSpec, classes: int, count: int) -> NDArray[np.intp]:
    """Which ``count`` of the training rows stay, in their order; ``classes`` is 1 for values.

    Rows come shuffled, so the first ones are a random sample. Of classes those stay whose place
    within their class, divided by the class's weight, is smallest: so classes keep their
    proportions, or get those of the imbalance.
    """
    import numpy as np

    if classes == 1:
        return np.arange(count)
    place = np.empty(len(y))
    for label, weight in enumerate(stress.class_weights(classes)):
        rows = np.flatnonzero(y == label)
        share = weight if stress.imbalance != 1 else len(rows)
        place[rows] = (np.arange(len(rows)) + 0.5) / share
    return np.sort(np.argsort(place, kind="stable")[:count])


def stressed(
    x: Floats, y: Labels, stress: StressSpec, classes: int, seed: int, which: str = ""
) -> tuple[Floats, Labels]:
    """Standardised features ``[N, D]`` and targets ``[N]`` with the conditions on them.

    ``which`` tells the random numbers of the held-out rows from those of the training rows.
    """
    import numpy as np

    def generator(purpose: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(seed, purpose + which))

    x, y = x.copy(), y.copy()
    if stress.flipped_labels:
        draw = generator("flipped labels")
        rows = draw.permutation(len(y))[: round(stress.flipped_labels * len(y))]
        steps = draw.integers(1, classes, len(y))[rows] if stress.flips is Flips.RANDOM else 1
        y[rows] = (y[rows] + steps) % classes
    if stress.feature_noise:
        x += stress.feature_noise * generator("feature noise").normal(size=x.shape)
    if stress.outliers:
        draw = generator("outliers")
        rows = draw.permutation(len(x))[: round(stress.outliers * len(x))]
        moved = y[:, None] if stress.outliers_in is OutliersIn.TARGETS else x
        way = draw.normal(size=moved.shape)[rows]
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        moved[rows] += stress.outlier_size * way
    return x, y
