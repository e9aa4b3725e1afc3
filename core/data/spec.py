"""What a person can ask of the data, and what follows from it without loading anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from core.bounds import Bounds, Frozen, any_of, quoted
from core.data.catalogue import DATASETS, Dataset
from core.data.conditions import StressSpec
from core.losses import Task

NOISE = Bounds("Noise", 0, 1)
ROWS = Bounds("Rows", 50, 20_000)
VALIDATION_FRACTION = Bounds("Validation fraction", 0.05, 0.5)
CLASSES = Bounds("Classes", 2, 100)


def _known(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"Data set was {quoted(name)}; allowed is {any_of(DATASETS)}.")
    return name


class DataSpec(Frozen):
    """The data set. ``rows``, ``noise`` and ``classes`` matter where it is generated with them."""

    name: Annotated[str, AfterValidator(_known)] = "digits"
    rows: Annotated[int, AfterValidator(ROWS.check)] = 1000
    noise: Annotated[float, AfterValidator(NOISE.check)] = 0.2
    classes: Annotated[int, AfterValidator(CLASSES.check)] = 3
    validation_fraction: Annotated[float, AfterValidator(VALIDATION_FRACTION.check)] = 0.2
    stress: StressSpec = StressSpec()

    @property
    def entry(self) -> Dataset:
        entry = DATASETS[self.name]
        return entry if entry.most_outputs is None else _with_classes(entry, self.classes)

    @property
    def validation_rows(self) -> int:
        """Rows that are held out; 0 where the data set is not split."""
        return round(self._rows * self.validation_fraction) if self.entry.split else 0

    @property
    def seeds_share_rows(self) -> bool:
        """Whether seeds but split the same rows, and do not each have rows of their own."""
        is_generated = self.entry.rows is None
        return not is_generated or (not self.noise and not self.entry.scattered)

    @property
    def train_rows(self) -> int:
        """Rows that are trained on: those that are not held out, as many as the stress leaves."""
        rows = self.unheld_rows
        if not (self.entry.split and self.stress.drops_rows):
            return rows
        rows = round(rows * self.stress.kept_rows)
        if self.stress.imbalance == 1:
            return rows
        weights = self.stress.class_weights(self.entry.outputs)
        return int(rows * self.entry.evenness * sum(weights) / len(weights))

    @property
    def unheld_rows(self) -> int:
        """Rows that are not held out, before the stress drops any."""
        return self._rows - self.validation_rows

    @property
    def _rows(self) -> int:
        return self.entry.rows or self.rows

    def problems(self) -> Iterator[str]:
        """A sentence where not every class can be both trained on and held out, and for each
        condition that the data can't have."""
        entry, held_out, trained = self.entry, self.validation_rows, self.unheld_rows
        if entry.split and min(held_out, trained) < entry.outputs:
            yield (
                f"Held-out rows of {entry.title} were {held_out:,}; it has {entry.outputs} "
                "classes, each to be trained on and held out, so allowed is "
                f"{entry.outputs} to {held_out + trained - entry.outputs:,}."
            )
            return
        problems = list(self.stress.problems(entry.title, entry.task, entry.split))
        yield from problems
        if entry.split and not problems:
            yield from self._without_rows()

    def _without_rows(self) -> Iterator[str]:
        """A sentence where the stress leaves no rows, or none of some class."""
        entry, stress = self.entry, self.stress
        if not stress.drops_rows:
            return
        weights = stress.class_weights(entry.outputs)
        rarest = self.train_rows * weights[-1] / sum(weights)
        # A row is of a class once the class's share of the rows rounds to one.
        if rarest < _FEWEST_OF_A_CLASS:
            what = "a row of each class" if entry.task.is_classification else "a row"
            yield (
                f"Training rows kept was {stress.kept_rows:g} with imbalance {stress.imbalance:g}, "
                f"which leaves {self.train_rows:,} training rows of {entry.title}; allowed is "
                f"what leaves {what}: keep more rows, or make the imbalance smaller."
            )


#: Of the rarest class, on average over the seeds; what a seed then lacks is said when it is loaded.
_FEWEST_OF_A_CLASS = 0.75


@lru_cache(maxsize=256)
def _with_classes(entry: Dataset, classes: int) -> Dataset:
    """The data set with as many classes as a person has chosen."""
    return replace(entry, outputs=classes, task=Task.BINARY if classes == 2 else Task.MULTICLASS)
