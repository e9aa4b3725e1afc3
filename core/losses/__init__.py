"""The catalogue of losses: one entry each, and everything about a loss is in it.

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
dL/dz, still per example. The mean over examples is taken by the caller, in one
place, so a ragged last batch weighs what it should.

Nothing here imports torch before a loss is computed, so that the pages, which never
train, can read the catalogue and check parameters and expressions without waiting.
"""

from core.losses.catalogue import LOSSES, RIVALS, fitting
from core.losses.custom import CUSTOM, check, own_loss
from core.losses.entry import Form, Head, Link, LossSpec, Task
from core.losses.expression import parse
from core.losses.parameters import Kind, Parameter

__all__ = [
    "CUSTOM",
    "LOSSES",
    "RIVALS",
    "Form",
    "Head",
    "Kind",
    "Link",
    "LossSpec",
    "Parameter",
    "Task",
    "check",
    "fitting",
    "own_loss",
    "parse",
]
