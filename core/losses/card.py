"""The contract of a loss, as a student reads it before using the loss."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    r"""What to know of one loss before using it.

    ``example_formula`` holds (caption, LaTeX) pairs for a single example, one for each formula
    of the loss; ``batch_formula`` is the LaTeX of the number that training makes small.
    ``symbols`` are (LaTeX, meaning) pairs of what the formulas name: ``y`` is the target,
    ``\hat{y}`` what the network says and ``z`` its logits. ``takes`` and ``target`` describe
    the two arguments of the PyTorch call. All other fields are sentences. A card does not
    repeat what the ``LossSpec`` already says (unit, range, reduction, encoding).
    """

    summary: str
    example_formula: tuple[tuple[str, str], ...]
    batch_formula: str
    symbols: tuple[tuple[str, str], ...]
    takes: str
    target: str
    proper_scoring_rule: str
    noise_model: str
    use_when: str
    avoid_when: str
    gradient: str
    source: str
