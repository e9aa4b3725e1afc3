"""A loss as a short PyTorch program: the lines that compute it, and the numbers it runs on.

Each loss file holds a ``Program``. ``core.anatomy.snippets`` writes the whole program from
it: imports, logits, targets, these lines and the print.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from core.losses.task import Task

Row = tuple[float, ...]


class Encoding(Enum):
    """How the targets are written in the code; the value is the remark beside them."""

    IDS = "class ids"
    ZERO_ONE = "1 yes, 0 no"
    ONE_HOT = "one-hot"
    SIGNS = "+1 yes, -1 no"
    VALUES = "real values"
    COUNTS = "counts"


@dataclass(frozen=True)
class Sample:
    """Three examples: logits ``[N][C]``, and targets ``[N]`` as class ids or values."""

    logits: tuple[Row, ...]
    targets: tuple[float, ...]


@dataclass(frozen=True)
class ProgramVariant:
    """The program for one task.

    ``body`` has the lines that compute ``loss`` from ``logits`` (``predictions`` or
    ``outputs`` for values) and ``targets``. In it, ``{arguments}`` stands for the arguments
    of the loss's class, and a parameter's name in braces for the parameter's value.
    """

    sample: Sample
    encoding: Encoding
    body: str


@dataclass(frozen=True)
class Program:
    """The program for each task that the loss fits.

    ``arguments`` gives, for a parameter, the argument that passes a value other than the
    default to the loss's class; ``{}`` stands for the value. ``bodies`` gives the lines that
    replace a variant's body when the parameter is not at its default.
    """

    variants: Mapping[Task, ProgramVariant]
    arguments: Mapping[str, str] = field(default_factory=dict)
    bodies: Mapping[str, str] = field(default_factory=dict)


# ------------------------------------------------------------------ samples

TWO_LOGITS = Sample(((2.0, -1.0), (0.3, 0.8), (1.2, -0.4)), (0, 1, 1))
ONE_LOGIT = Sample(((2.0,), (-0.5,), (-1.6,)), (1, 0, 1))
THREE_LOGITS = Sample(((2.0, 0.5, -1.0), (0.1, 1.5, 0.3), (-0.5, 0.2, 0.9)), (0, 1, 0))
NUMBERS = Sample(((2.5,), (0.0,), (-1.2,)), (3.0, -0.2, 1.8))

# ------------------------------------------------------------------ bodies


def on_logits(torch_class: str) -> str:
    """The lines of a class that takes logits."""
    return f"loss_fn = nn.{torch_class}({{arguments}})\nloss = loss_fn(logits, targets)"


def on_probabilities(torch_class: str, link: str) -> str:
    """The lines of a class that takes probabilities; ``link`` makes them of the logits."""
    return (
        f"probabilities = logits.{link}\n"
        f"loss_fn = nn.{torch_class}({{arguments}})\n"
        "loss = loss_fn(probabilities, targets)"
    )


def on_values(torch_class: str) -> str:
    """The lines of a class that takes predicted values."""
    return f"loss_fn = nn.{torch_class}({{arguments}})\nloss = loss_fn(predictions, targets)"


# ------------------------------------------------------------------ formulas


def one_logit_a_class(body: str, encoding: Encoding = Encoding.IDS) -> dict[Task, ProgramVariant]:
    """One logit a class, for two classes as for more."""
    return {
        Task.BINARY: ProgramVariant(TWO_LOGITS, encoding, body),
        Task.MULTICLASS: ProgramVariant(THREE_LOGITS, encoding, body),
    }


def one_logit_a_question(
    binary_body: str,
    multiclass_body: str,
    binary_encoding: Encoding = Encoding.ZERO_ONE,
    multiclass_encoding: Encoding = Encoding.ONE_HOT,
) -> dict[Task, ProgramVariant]:
    """One logit for two classes, one logit a class for more."""
    return {
        Task.BINARY: ProgramVariant(ONE_LOGIT, binary_encoding, binary_body),
        Task.MULTICLASS: ProgramVariant(THREE_LOGITS, multiclass_encoding, multiclass_body),
    }


def one_value(
    body: str, sample: Sample = NUMBERS, encoding: Encoding = Encoding.VALUES
) -> dict[Task, ProgramVariant]:
    """Predicted values against measured ones."""
    return {Task.REGRESSION: ProgramVariant(sample, encoding, body)}
