"""The tasks that a data set can ask of a network."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a data set asks of a network."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        return self is not Task.REGRESSION
