"""What learns: a stack of networks with each entrant's loss, and the update of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.losses import Formula
from core.network.groups import Group
from core.network.stack import Stack
from core.spec import OptimizerSpec
from core.training.batches import MiniBatch
from core.training.optimizers import make_update


class Learner:
    """The runs of ``groups`` in ``stack``, trained by ``optimizer``.

    ``gradient_scales`` has a factor for each entrant's gradient, and ``head_factors`` has
    parts of the stack's gradients with factors of their own.
    """

    def __init__(self, stack: Stack, groups: Sequence[Group], optimizer: OptimizerSpec) -> None:
        self.stack = stack
        self.groups = tuple(groups)
        self.start = stack.parameters.clone()
        self.gradient_scales = [1.0] * len(groups)
        self.head_factors: list[tuple[Tensor, float]] = []
        self._optimizer = optimizer
        self._heads_by_size: dict[int, list[_Head]] = {}
        self.restart([group.entrant.learning_rate for group in groups])

    def restart(self, learning_rates: Sequence[float]) -> None:
        """Back to the start, with a learning rate for each entrant."""
        self.stack.parameters.copy_(self.start)
        self.learning_rates = list(learning_rates)
        self._update = make_update(
            self._optimizer,
            self.stack.parameters,
            self.stack.gradients,
            [(group.runs, rate) for group, rate in zip(self.groups, learning_rates, strict=True)],
        )

    def step(self, batch: MiniBatch, mean_losses: Sequence[Tensor]) -> None:
        """One update of every run; writes each entrant's losses on the batch, before it."""
        self.differentiate(batch, mean_losses)
        self.update()

    def update(self) -> None:
        """Move the parameters along the stack's gradients."""
        self._update()

    def differentiate(self, batch: MiniBatch, mean_losses: Sequence[Tensor]) -> None:
        """Fill the stack's gradients of the mean losses over the batch, and write these."""
        buffers = self.stack.batch(batch.size)
        buffers.forward(batch.x)
        parts = zip(
            self._heads(batch.size), batch.targets, mean_losses, self.gradient_scales, strict=True
        )
        for head, targets, mean_loss, scale in parts:
            head.differentiate(targets, mean_loss, scale)
        buffers.backward(batch.x)
        for gradients, factor in self.head_factors:
            gradients.mul_(factor)

    def room_for_losses(self) -> tuple[Tensor, ...]:
        """Where ``step`` may write losses that nobody reads."""
        return tuple(
            self.stack.parameters.new_zeros(group.runs.stop - group.runs.start)
            for group in self.groups
        )

    def logits(self, batch_size: int) -> list[Tensor]:
        """Each entrant's logits ``[S, C, B]`` of the newest batch of that size."""
        return [head.logits for head in self._heads(batch_size)]

    def _heads(self, batch_size: int) -> list[_Head]:
        """Each entrant's part of the buffers for one batch size, made at first use."""
        if batch_size not in self._heads_by_size:
            buffers = self.stack.batch(batch_size)
            self._heads_by_size[batch_size] = [
                _Head(
                    group.formula,
                    buffers.logits[group.runs, : group.width],
                    buffers.logit_gradients[group.runs, : group.width],
                )
                for group in self.groups
            ]
        return self._heads_by_size[batch_size]


@dataclass(frozen=True)
class _Head:
    """An entrant's loss with its views of the buffers for one batch size, ``[S, C, B]``."""

    formula: Formula
    logits: Tensor
    logit_gradients: Tensor

    def differentiate(self, targets: Tensor, mean_loss: Tensor, scale: float) -> None:
        """Write the mean loss over the batch and ``scale`` times its gradient in the logits."""
        losses, saved = self.formula.forward(self.logits, targets)
        gradients = self.formula.backward(saved, targets)
        if self.formula.example_weights is None:
            torch.mean(losses, 1, out=mean_loss)
            torch.mul(gradients, scale / losses.shape[1], out=self.logit_gradients)
        else:
            total = self.formula.example_weights(targets).sum(1)
            torch.div(losses.sum(1), total, out=mean_loss)
            torch.mul(gradients, (scale / total)[:, None, None], out=self.logit_gradients)
