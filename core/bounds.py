"""What immutable specs are made of: ranges of numbers, and how values stand in a sentence."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

_LONG_NUMBER = 1e15
_LONGEST_SHOWN = 60


def quoted(value: object) -> str:
    """A value as it can stand in a sentence, cut where it is long or deep."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LONG_NUMBER:
        return f"{value:,}"
    text = reprlib.repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def any_of(names: Iterable[str]) -> str:
    """The names as a sentence lists what is allowed."""
    return f"any of {', '.join(names)}"


class Frozen(BaseModel):
    """A part of a spec: checked when it is made, and never changed after."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Bounds:
    """The allowed range of a number, and the sentence for one outside it."""

    label: str
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:,.10g} to {self.high:,.10g}"

    def check(self, value: Any) -> Any:
        # A comparison with NaN is false, so NaN is refused here too.
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.label} was {quoted(value)}; allowed is {self}.")
        return value
