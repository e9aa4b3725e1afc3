"""The losses: one file each, which holds everything about its loss; the catalogue lists them.

A loss file has the formula (forward and backward side by side), the best constant, the
formula for each task, the card that explains the loss, its PyTorch program and, last, ``LOSS``,
the ``LossSpec`` that puts these together.

Conventions
-----------
``z``   logits (raw scores), shape ``[..., C, N]``: C outputs, N examples.
``y``   targets encoded as the loss wants them, float, as a rule of the same shape.
        Classes arrive one-hot (or 0/1 in a single row for one logit).
``L``   loss per example, shape ``[..., N]``.

Outputs come before examples so that every operation of a training step runs over
contiguous memory; it is the textbook's ``z = W a + b`` with examples as columns.

Each loss is written once, forward and backward side by side: ``forward(z, y)``
returns the loss of each example and what ``backward(saved, y)`` needs to return
dL/dz, still per example. The mean over examples is taken by the caller, so a ragged last
batch weighs what it should; where examples have weights, ``Formula.example_weights`` gives
them, and a mean divides by their sum. An example's loss may depend on the targets of the others
that it comes with, never on their logits.

Nothing here imports torch before a loss is computed, so that the pages, which never
train, can read the catalogue and check parameters and expressions without waiting.
"""

from core.losses.card import Card, Range
from core.losses.catalogue import LOSSES, RIVALS, fitting
from core.losses.custom import CUSTOM, own_loss
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.expression import parse
from core.losses.parameters import Kind, Parameter
from core.losses.program import Program, ProgramVariant
from core.losses.task import Task
from core.losses.trial import check

__all__ = [
    "CUSTOM",
    "LOSSES",
    "RIVALS",
    "Card",
    "Formula",
    "Head",
    "Kind",
    "Link",
    "LossSpec",
    "Parameter",
    "Program",
    "ProgramVariant",
    "Range",
    "Task",
    "check",
    "fitting",
    "own_loss",
    "parse",
]
