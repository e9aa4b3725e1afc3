"""Judging a stack: every run by its own loss and by yardsticks that are the same for all.

Always at one set of weights and by example: sums over rows, one division at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core import measures
from core.losses import Form, LossSpec, Task
from core.network import Stack
from core.records import Evaluation, Measure, Split

#: Rows evaluated at once: few enough that the activations stay in the cache.
_ROWS_AT_ONCE = 512


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
        losses = [self.form.forward(self.form.constant(t).expand_as(t), t)[0] for t in encoded]
        return float(torch.stack(losses).mean())


@dataclass(frozen=True)
class Judged:
    """Rows that runs are judged on: x ``[S, N, D]``, y ``[S, N]`` and y as each group's loss
    reads it."""

    split: Split
    x: Tensor
    y: Tensor
    encoded: tuple[Tensor, ...]


class Evaluator:
    """Judges the groups of a stack on fixed rows.

    Validation rows, and a share of the training rows, so that judging stays cheap; all
    training rows where nothing is held out. The training rows are a random sample: a
    split's rows come shuffled. The part added last is the one that yardsticks are about; of
    the other only the first is taken.
    """

    def __init__(self, stack: Stack, groups: list[Group], task: Task) -> None:
        self._stack = stack
        self._groups = groups
        self._task = task
        self._parts: list[Judged] = []

    def add(self, split: Split, x: Tensor, y: Tensor) -> None:
        """Judge on x ``[S, N, D]`` and y ``[S, N]`` too, under the name of ``split``."""
        encoded = tuple(encode(y, self._task, group.width) for group in self._groups)
        self._parts.append(Judged(split, x, y, encoded))

    @property
    def judged(self) -> Judged:
        """The rows that yardsticks are about."""
        return self._parts[-1]

    @property
    def training(self) -> Judged:
        """Training rows, a random share of them."""
        return self._parts[0]

    def evaluate(self, epoch: int, step: int) -> Iterator[Evaluation]:
        """Loss and yardsticks of each run on each split, as tidy rows."""
        for part in self._parts:
            for group, targets in zip(self._groups, part.encoded, strict=True):
                logits = self.logits(part.x, group)
                scores = self._scores(group, logits, part)
                scores[Measure.LOSS] = group.form.forward(logits, targets)[0].mean(-1)
                values = torch.stack(list(scores.values())).tolist()
                for measure, row in zip(scores, values, strict=True):
                    for run, value in enumerate(row, start=group.runs.start):
                        yield Evaluation(run, epoch, step, part.split, measure, value)

    def _scores(self, group: Group, logits: Tensor, part: Judged) -> dict[Measure, Tensor]:
        is_classification = self._task.is_classification
        if part is not self.judged:
            if is_classification:
                scores = {Measure.ACCURACY: measures.accuracy(logits, part.y)}
            else:
                scores = {Measure.R2: measures.r2(logits[:, 0], part.y)}
            return measures.nan_where_broken(scores, logits)
        if is_classification:
            return measures.scores_of_classes(logits, part.y, group.form.link)
        return measures.scores_of_values(logits[:, 0], part.y)

    def logits(self, x: Tensor, group: Group) -> Tensor:
        """Logits ``[S, C, N]`` of a group for x ``[S, N, D]``."""
        parts = [self._stack.logits(rows, group.runs) for rows in x.split(_ROWS_AT_ONCE, 1)]
        logits = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
        return logits[:, : group.width]
