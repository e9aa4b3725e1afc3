"""What a person can ask of the data, and what follows from it without loading anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from core.bounds import Bounds, Frozen, any_of, quoted
from core.data.catalogue import DATASETS, Dataset

NOISE = Bounds("Noise", 0, 1)
ROWS = Bounds("Rows", 50, 20_000)
VALIDATION_FRACTION = Bounds("Validation fraction", 0.05, 0.5)


def _known(name: str) -> str:
    if name not in DATASETS:
        raise ValueError(f"Data set was {quoted(name)}; allowed is {any_of(DATASETS)}.")
    return name


class DataSpec(Frozen):
    """The data set. ``rows`` and ``noise`` matter where it is generated."""

    name: Annotated[str, AfterValidator(_known)] = "digits"
    rows: Annotated[int, AfterValidator(ROWS.check)] = 1000
    noise: Annotated[float, AfterValidator(NOISE.check)] = 0.2
    validation_fraction: Annotated[float, AfterValidator(VALIDATION_FRACTION.check)] = 0.2

    @property
    def entry(self) -> Dataset:
        return DATASETS[self.name]

    @property
    def validation_rows(self) -> int:
        """Rows that are held out; 0 where the data set is not split."""
        rows = self.entry.rows or self.rows
        return round(rows * self.validation_fraction) if self.entry.split else 0

    @property
    def seeds_share_rows(self) -> bool:
        """Whether seeds but split the same rows, and do not each have rows of their own."""
        is_generated = self.entry.rows is None
        return not is_generated or (not self.noise and not self.entry.scattered)

    @property
    def train_rows(self) -> int:
        return (self.entry.rows or self.rows) - self.validation_rows

    def problems(self) -> Iterator[str]:
        """A sentence where not every class can be both trained on and held out."""
        entry, held_out, trained = self.entry, self.validation_rows, self.train_rows
        if entry.split and min(held_out, trained) < entry.outputs:
            yield (
                f"Held-out rows of {entry.title} were {held_out:,}; it has {entry.outputs} "
                "classes, each to be trained on and held out, so allowed is "
                f"{entry.outputs} to {held_out + trained - entry.outputs:,}."
            )
