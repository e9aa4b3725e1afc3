"""Judging a stack: every run by its own loss and by yardsticks that are the same for all.

Always at one set of weights and by example: sums over rows, one division at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.judging import measures
from core.judging.yardsticks import first_yardstick
from core.losses import Task
from core.network.groups import Group
from core.network.stack import Stack
from core.records import Evaluation, Measure, Split

#: Rows evaluated at once: few enough that the activations stay in the cache.
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Judged:
    """Rows that runs are judged on: x ``[S, N, D]`` and y ``[S, N]``; ``place`` is where they
    stand among all rows that are judged."""

    split: Split
    place: slice
    x: Tensor
    y: Tensor


class Evaluator:
    """Judges the groups of a stack on fixed rows: x ``[S, N, D]`` and y ``[S, N]`` by split.

    All splits go through the network at once, so that judging stays cheap. The last is the
    one that yardsticks are about; of the others only the first yardstick is taken.
    """

    def __init__(
        self,
        stack: Stack,
        groups: Sequence[Group],
        task: Task,
        rows: dict[Split, tuple[Tensor, Tensor]],
    ) -> None:
        self._stack = stack
        self._groups = groups
        self._task = task
        self._x = torch.cat([x for x, _y in rows.values()], 1)
        self._y = torch.cat([y for _x, y in rows.values()], 1)
        self._encoded = tuple(group.encode(self._y, task) for group in groups)
        ends = list(itertools.accumulate(x.shape[1] for x, _y in rows.values()))
        places = [slice(start, end) for start, end in itertools.pairwise([0, *ends])]
        self._parts = [
            Judged(split, place, self._x[:, place], self._y[:, place])
            for split, place in zip(rows, places, strict=True)
        ]

        self._newest: tuple[int, list[Tensor]] = (-1, [])

    @property
    def judged(self) -> Judged:
        """The rows that yardsticks are about."""
        return self._parts[-1]

    def evaluate(self, epoch: int, step: int) -> Iterator[Evaluation]:
        """Loss and yardsticks of each run on each split, as tidy rows."""
        newest: list[Tensor] = []
        for group, targets in zip(self._groups, self._encoded, strict=True):
            logits = self.logits(self._x, group)
            newest.append(logits[..., self.judged.place])
            rows = self._rows(group, logits)
            losses, _saved = group.formula.forward(logits, targets)
            table = torch.stack(list(rows.values()))
            broken = measures.broken(logits)
            for part in self._parts:
                place = part.place
                means = dict(zip(rows, table[..., place].mean(-1), strict=True))
                means[Measure.LOSS] = group.formula.mean(losses[..., place], targets[..., place])
                scores = self._scores(means, part)
                values = torch.stack(list(scores.values())).masked_fill(broken, torch.nan)
                for measure, row in zip(scores, values.tolist(), strict=True):
                    for run, value in enumerate(row, start=group.runs.start):
                        yield Evaluation(run, epoch, step, part.split, measure, value)
        self._newest = (step, newest)

    def judged_logits(self, step: int) -> list[Tensor]:
        """Each group's logits of the judged rows; those of ``evaluate`` if it was at ``step``."""
        at, logits = self._newest
        return logits if at == step else [self.logits(self.judged.x, g) for g in self._groups]

    def _rows(self, group: Group, logits: Tensor) -> dict[Measure, Tensor]:
        if self._task.is_classification:
            return measures.rows_of_classes(logits, self._y, group.formula.link)
        return measures.rows_of_values(group.predicted(logits), self._y)

    def _scores(self, means: dict[Measure, Tensor], part: Judged) -> dict[Measure, Tensor]:
        if not self._task.is_classification:
            means[Measure.R2] = measures.r2_of_mse(means[Measure.MSE], part.y)
        if part is self.judged:
            return means
        first = first_yardstick(self._task).measure
        return {measure: means[measure] for measure in (Measure.LOSS, first)}

    def logits(self, x: Tensor, group: Group) -> Tensor:
        """Logits ``[S, C, N]`` of a group for x ``[S, N, D]``."""
        parts = [self._stack.logits(rows, group.runs) for rows in x.split(_ROWS_AT_ONCE, 1)]
        logits = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
        return logits[:, : group.width]
