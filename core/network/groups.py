"""Which runs of a stack one entrant trains, and how its loss reads logits and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.losses import Formula, Link, Task
from core.network.stack import Stack
from core.network.start import initialise, set_by_hand
from core.spec import Entrant, ExperimentSpec, Scheme
from core.spec.by_hand import logit_rows

#: A best constant's loss up to this is 0: its probabilities are held at 1e-12 from 0 and 1.
_NO_LOSS = 1e-9


def encode(y: Tensor, task: Task, width: int) -> Tensor:
    """Targets ``[S, N]`` one-hot for ``width`` logits ``[S, width, N]``, else as ``[S, 1, N]``."""
    if task.is_classification and width > 1:
        return torch.nn.functional.one_hot(y.long(), width).to(y.dtype).transpose(1, 2).contiguous()
    return y.unsqueeze(1)


@dataclass(frozen=True)
class Group:
    """The runs of one entrant: a slice of the stack, one run a seed, with their own head.

    ``formula`` is that of the loss in force: an entrant that switches its loss is another group
    from there on, of the same runs and the same width.

    ``offset`` ``[S, 1]`` is where a loss that predicts amounts finds the standardised
    targets' 0: added to a target it gives the amount, in standard deviations.
    """

    entrant: Entrant
    formula: Formula
    runs: slice
    width: int
    offset: Tensor | None = None

    @property
    def encoding(self) -> tuple[int, bool]:
        """The same for groups of an experiment that read their targets alike."""
        return self.width, self.offset is not None

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
        """The loss of the best constant predictor on y ``[S, N]``, mean over seeds.

        Where one constant is right for every row it is 0, not what a probability of nearly 1
        leaves.
        """
        losses = [
            self.mean_losses(self.formula.constant(t).expand(-1, t.shape[-1]), t)
            for t in self.encode(y, task)
        ]
        mean = float(torch.stack(losses).mean())
        return mean if abs(mean) > _NO_LOSS else 0.0

    def mean_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss's mean over the examples, ``[S]`` of logits and targets ``[S, C, N]``."""
        losses, _saved = self.formula.forward(logits, targets)
        return self.formula.mean(losses, targets)


def predicted_values(z: Tensor, link: Link) -> Tensor:
    """What the first logit stands for, as the loss compares it with its target: ``[S, N]``."""
    values = z[..., 0, :]
    return values.exp() if link is Link.EXP else values


def encode_all(groups: Sequence[Group], y: Tensor, task: Task) -> list[Tensor]:
    """Targets for each group; those that read them alike are given the same tensor."""
    known: dict[object, Tensor] = {}
    for group in groups:
        if group.encoding not in known:
            known[group.encoding] = group.encode(y, task)
    return [known[group.encoding] for group in groups]


def make_groups(spec: ExperimentSpec, offset: Tensor | None = None, step: int = 0) -> list[Group]:
    """The runs of each entrant, in the order of ``spec.entrants``, with their losses of ``step``.

    ``offset`` ``[S, 1]`` is what losses of amounts add to the targets.
    """
    groups = []
    for entrant in spec.lineup:
        formula = entrant.loss_of(step).formulas[spec.dataset.task]
        runs = spec.runs_of(entrant.place)
        width = entrant.loss.head.width(spec.dataset.outputs)
        takes_amounts = formula.link is Link.EXP
        groups.append(Group(entrant, formula, runs, width, offset if takes_amounts else None))
    return groups


def make_stack(spec: ExperimentSpec, groups: list[Group], where: torch.device) -> Stack:
    """The networks of all runs, each at the start that its seed gives."""
    stack = Stack(spec.run_count, spec.layer_sizes, spec.network.activation, where)
    start, is_classification = spec.network.start, spec.dataset.task.is_classification
    for group in groups:
        head_seed = group.entrant.head_seed
        for run, seed in enumerate(spec.seeds, group.runs.start):
            if start.scheme is Scheme.BY_HAND:
                rows = logit_rows(start.weights, group.width, is_classification=is_classification)
                set_by_hand(stack, run, rows)
            else:
                initialise(stack, run, seed, group.width, start, head_seed)
    return stack
