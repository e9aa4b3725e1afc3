"""What can be set on a loss: one ``Parameter`` each, which checks its own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from core.bounds import Bounds, as_text, quoted

Value = float | tuple[float, ...]
T = TypeVar("T")


class Kind(StrEnum):
    """What a parameter's value is."""

    NUMBER = "a number"
    WHOLE_NUMBER = "a whole number"
    CLASS_WEIGHTS = "a list of numbers, one a class"


@dataclass(frozen=True)
class Parameter:
    """One number of a loss, or one number a class, with its range and its sentence.

    ``symbol`` is the short sign that titles write before the value. ``default`` () of class
    weights stands for a weight of 1 on every class. ``neutral`` is the value at which the loss
    is the plain one that its title names; None where every value shapes the loss.
    """

    name: str
    label: str
    symbol: str
    default: Value
    low: float
    high: float
    help: str
    kind: Kind = Kind.NUMBER
    neutral: Value | None = None

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.label, self.low, self.high)

    def parse(self, value: object) -> Value:
        """The value as floats; ``ValueError`` with a sentence for one not allowed."""
        if self.kind is not Kind.CLASS_WEIGHTS:
            return self._number(value)
        if not isinstance(value, list | tuple):
            raise self._refusal(value, f"{self.kind} from {self.bounds}")
        return tuple(self._number(weight) for weight in value)

    def _number(self, value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        kind = Kind.NUMBER if self.kind is Kind.CLASS_WEIGHTS else self.kind
        if not is_number:
            raise self._refusal(value, f"{kind} from {self.bounds}")
        number = float(self.bounds.check(value))
        if self.kind is Kind.WHOLE_NUMBER and not number.is_integer():
            raise self._refusal(value, f"{kind} from {self.bounds}")
        return number

    def _refusal(self, value: object, allowed: str) -> ValueError:
        return ValueError(f"{self.label} was {quoted(value)}; allowed is {allowed}.")


def in_words(value: Value) -> str:
    """As a person would type it: "0.5", or "1, 2, 0.5" for weights."""
    numbers = value if isinstance(value, tuple) else (value,)
    return ", ".join(as_text(number) for number in numbers)


class FrozenMapping(Mapping[str, T]):
    """A mapping that never changes, equal by its items and hashable by them."""

    def __init__(self, items: Mapping[str, T]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> T:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)
