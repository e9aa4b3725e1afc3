"""What immutable specs are made of: ranges of numbers, and how values stand in a sentence.

A number also goes to text that a person reads and edits, and comes back from it unchanged.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

_LONG_NUMBER = 1e15
_LONGEST_SHOWN = 60
#: As "12", "-0.5", "1e-3" and "1,000": commas stand between groups of three digits alone, so
#: that "0,5" is no number.
_NUMBER = re.compile(
    r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?",
    re.ASCII | re.IGNORECASE,
)


def quoted(value: object) -> str:
    """A value as it can stand in a sentence, cut where it is long or deep."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LONG_NUMBER:
        return f"{value:,}"
    if value == "":
        return "empty"
    try:
        text = reprlib.repr(value)
    except ValueError:
        # Python writes no whole number of more than some thousand digits.
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects stand in each other more than so many levels deep."""
    if not isinstance(value, Mapping | list | tuple):
        return False
    parts = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(is_deeper(each, levels - 1) for each in parts)


def as_text(number: float) -> str:
    """The shortest text that ``number_in`` reads as just this number."""
    if float(number).is_integer() and abs(number) < _LONG_NUMBER:
        return str(int(number))
    return repr(number)


def number_in(text: str) -> int | float | str:
    """The number that a person typed; text that is none as it is, for a spec to refuse."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text.replace(",", ""))
    if not math.isfinite(number):
        return text
    is_whole = number.is_integer() and abs(number) < _LONG_NUMBER
    return int(number) if is_whole else number


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
