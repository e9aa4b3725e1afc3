"""The yardsticks: what every run is judged by, whatever loss it was trained with.

Always at one set of weights and by example: sums over rows, one division at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.losses import Form, LossSpec, Task
from core.network import Stack
from core.records import Evaluation, Measure, Split

#: Rows evaluated at once: few enough that the activations stay in the cache.
_ROWS_AT_ONCE = 512


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """Share of rows whose predicted class is right: ``[S]`` from ``[S, C, N]``, ``[S, N]``.

    A single logit predicts class 1 where it is above 0; otherwise the largest wins.
    """
    predicted = logits.squeeze(-2) > 0 if logits.shape[-2] == 1 else logits.argmax(-2)
    return (predicted == y).float().mean(-1)


def r2(logits: Tensor, y: Tensor) -> Tensor:
    """1 - sum (z_0 - y)^2 / sum (y - mean y)^2: ``[S]`` from ``[S, C, N]``, ``[S, N]``."""
    residual = (logits[..., 0, :] - y).square().sum(-1)
    total = (y - y.mean(-1, keepdim=True)).square().sum(-1)
    return 1 - residual / total


_YARDSTICKS = {
    Task.BINARY: (Measure.ACCURACY, accuracy),
    Task.MULTICLASS: (Measure.ACCURACY, accuracy),
    Task.REGRESSION: (Measure.R2, r2),
}


def encode(y: Tensor, task: Task, width: int) -> Tensor:
    """Targets as a loss with ``width`` logits reads them: ``[S, N]`` to ``[S, width, N]``."""
    if task.is_classification and width > 1:
        return torch.nn.functional.one_hot(y.long(), width).to(y.dtype).transpose(1, 2).contiguous()
    return y.unsqueeze(1)


@dataclass(frozen=True)
class Group:
    """The runs of one loss: a slice of the stack, one run a seed, with their own head."""

    loss: LossSpec
    form: Form
    runs: slice
    width: int

    def baseline(self, y: Tensor, task: Task) -> float:
        """The loss of the best constant predictor on y ``[S, N]``, mean over seeds."""
        encoded = encode(y, task, self.width)
        losses = [
            self.form.forward(self.form.constant(t).expand(-1, t.shape[-1]), t)[0] for t in encoded
        ]
        return float(torch.stack(losses).mean())


class Evaluator:
    """Judges the groups of a stack on fixed rows.

    Validation rows, and as many training rows, so that both numbers are equally sure and
    judging stays cheap; all training rows where nothing is held out. The training rows
    are a random sample: a split's rows come shuffled.
    """

    def __init__(self, stack: Stack, groups: list[Group], task: Task) -> None:
        self._stack = stack
        self._groups = groups
        self._task = task
        self._parts: list[tuple[Split, Tensor, Tensor, list[Tensor]]] = []

    def add(self, split: Split, x: Tensor, y: Tensor) -> None:
        """Judge on x ``[S, N, D]`` and y ``[S, N]`` too, under the name of ``split``."""
        encoded = [encode(y, self._task, group.width) for group in self._groups]
        self._parts.append((split, x, y, encoded))

    def evaluate(self, epoch: int, step: int) -> Iterator[Evaluation]:
        """Loss and yardstick of each run on each split, as tidy rows."""
        measure, yardstick = _YARDSTICKS[self._task]
        for split, x, y, encoded in self._parts:
            for group, targets in zip(self._groups, encoded, strict=True):
                logits = self._logits(x, group)
                losses = group.form.forward(logits, targets)[0].mean(-1)
                values = torch.stack([losses, yardstick(logits, y)]).tolist()
                for name, row in zip((Measure.LOSS, measure), values, strict=True):
                    for offset, value in enumerate(row):
                        run = group.runs.start + offset
                        yield Evaluation(run, epoch, step, split, name, value)

    def _logits(self, x: Tensor, group: Group) -> Tensor:
        parts = [self._stack.logits(rows, group.runs) for rows in x.split(_ROWS_AT_ONCE, 1)]
        logits = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
        return logits[:, : group.width]
