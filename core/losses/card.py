"""The contract of a loss, as a student reads it before using the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.losses.task import Task


@dataclass(frozen=True)
class Card:
    r"""What to know of one loss before using it, for the parameters that are set.

    ``example_formula`` holds (caption, LaTeX) pairs for a single example, one for each formula
    of the loss; ``batch_formula`` is the LaTeX of the number that training makes small, and
    ``gradient_formula`` holds such pairs for the gradient in the logits. The formulas have the
    parameters' values in them, without the terms that these leave out.
    ``symbols`` are (LaTeX, meaning) pairs of what the formulas name: ``y`` is the target,
    ``\hat{y}`` what the network says and ``z`` its logits; a parameter is named with its value,
    as in ``\gamma = 3``. ``takes`` and ``target`` describe the two arguments of the PyTorch
    call, ``unit`` names what one unit of the loss is and ``reduction`` how a batch's losses
    become one number. All other fields are sentences.
    """

    summary: str
    example_formula: tuple[tuple[str, str], ...]
    batch_formula: str
    symbols: tuple[tuple[str, str], ...]
    takes: str
    target: str
    reduction: str
    unit: str
    proper_scoring_rule: str
    noise_model: str
    use_when: str
    avoid_when: str
    gradient_formula: tuple[tuple[str, str], ...]
    gradient: str
    source: str


@dataclass(frozen=True)
class Range:
    """The lowest and the highest loss of a single example, which it may only come near to.

    ``note`` says of a bound why it lies there.
    """

    low: float
    high: float
    note: str = ""

    def __str__(self) -> str:
        bounds = f"{self.low:.4g} to {'infinity' if math.isinf(self.high) else f'{self.high:.4g}'}"
        words = "any number" if math.isinf(self.low) else bounds
        return f"{words}; {self.note}" if self.note else words


def from_zero(task: Task, outputs: int, **values: object) -> Range:
    """The range of most losses, whatever is set: a right answer costs 0, a wrong one any loss."""
    return Range(0, math.inf)
