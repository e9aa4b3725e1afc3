"""Which runs of a stack one entrant trains, and how its loss reads logits and targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.losses import Formula, Link, Task
from core.network.stack import Stack
from core.network.start import initialise
from core.spec import Entrant, ExperimentSpec


def encode(y: Tensor, task: Task, width: int) -> Tensor:
    """Targets ``[S, N]`` one-hot for ``width`` logits ``[S, width, N]``, else as ``[S, 1, N]``."""
    if task.is_classification and width > 1:
        return torch.nn.functional.one_hot(y.long(), width).to(y.dtype).transpose(1, 2).contiguous()
    return y.unsqueeze(1)


@dataclass(frozen=True)
class Group:
    """The runs of one entrant: a slice of the stack, one run a seed, with their own head.

    ``offset`` ``[S, 1]`` is where a loss that predicts amounts finds the standardised
    targets' 0: added to a target it gives the amount, in standard deviations.
    """

    entrant: Entrant
    formula: Formula
    runs: slice
    width: int
    offset: Tensor | None = None

    def encode(self, y: Tensor, task: Task) -> Tensor:
        """Targets as the loss reads them: ``[S, N]`` to ``[S, C, N]``."""
        if self.offset is not None:
            # Rounding alone could put an amount of 0 below it.
            y = (y + self.offset).clamp(min=0)
        return encode(y, task, self.width)

    def predicted(self, z: Tensor) -> Tensor:
        """Predicted values on the targets' own scale: ``[S, C, N]`` to ``[S, N]``."""
        values = predicted_values(z, self.formula.link)
        return values if self.offset is None else values - self.offset

    def baseline(self, y: Tensor, task: Task) -> float:
        """The loss of the best constant predictor on y ``[S, N]``, mean over seeds."""
        losses = [
            self.mean_losses(self.formula.constant(t).expand(-1, t.shape[-1]), t)
            for t in self.encode(y, task)
        ]
        return float(torch.stack(losses).mean())

    def mean_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss's mean over the examples, ``[S]`` of logits and targets ``[S, C, N]``."""
        losses, _saved = self.formula.forward(logits, targets)
        return self.formula.mean(losses, targets)


def predicted_values(z: Tensor, link: Link) -> Tensor:
    """What the first logit stands for, as the loss compares it with its target: ``[S, N]``."""
    values = z[..., 0, :]
    return values.exp() if link is Link.EXP else values


def make_groups(spec: ExperimentSpec, offset: Tensor | None = None) -> list[Group]:
    """The runs of each entrant, in the order of ``spec.entrants``.

    ``offset`` ``[S, 1]`` is what losses of amounts add to the targets.
    """
    groups = []
    for entrant in spec.lineup:
        formula = entrant.loss.formulas[spec.dataset.task]
        runs = spec.runs_of(entrant.place)
        width = entrant.loss.head.width(spec.dataset.outputs)
        takes_amounts = formula.link is Link.EXP
        groups.append(Group(entrant, formula, runs, width, offset if takes_amounts else None))
    return groups


def make_stack(spec: ExperimentSpec, groups: list[Group], where: torch.device) -> Stack:
    """The networks of all runs, each at the start that its seed gives."""
    stack = Stack(spec.run_count, spec.layer_sizes, spec.network.activation, where)
    for group in groups:
        head_seed = group.entrant.head_seed
        for run, seed in enumerate(spec.seeds, group.runs.start):
            initialise(stack, run, seed, group.width, spec.network.start, head_seed)
    return stack
