"""What a person can ask of the data, and what follows from it without loading anything."""

from __future__ import annotations

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
    def train_rows(self) -> int:
        return (self.entry.rows or self.rows) - self.validation_rows
