"""Judging a stack: every run by its own loss and by yardsticks that are the same for all.

Always at one set of weights and by example: sums over rows, one division at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from core.judging import measures
from core.losses import Formula, Task
from core.network.groups import Group
from core.network.stack import Stack
from core.records import Column, Evaluation, Measure, Split

#: Rows evaluated at once, and activations of a layer: few enough that they stay in the cache. Five
#: runs of 64-512-10 together took 17 % longer for their logits than two at once.
_ROWS_AT_ONCE = 512
_ACTIVATIONS_AT_ONCE = 2**19


@dataclass(frozen=True)
class Judged:
    """Rows that runs are judged on: x ``[S, N, D]`` and y ``[S, N]``; ``place`` is where they
    stand among all rows that are judged."""

    split: Split
    place: slice
    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Answers:
    """What a group's runs make of all rows, at one set of weights.

    ``logits`` are ``[S, C, N]``, ``losses`` ``[S, N]`` the group's own loss of each row, and
    ``means`` ``[S]`` are over the rows that yardsticks are about.
    """

    logits: Tensor
    losses: Tensor
    means: dict[Measure, Tensor]


#: What a group's runs answer, and what they score: ``[S]`` for each column.
_Judged: TypeAlias = tuple[Answers, dict[Column, Tensor]]


class Evaluator:
    """Judges the groups of a stack on fixed rows: x ``[S, N, D]`` and y ``[S, N]`` by split.

    All splits go through the network at once, so that judging stays cheap. The last is the
    one that yardsticks are about; of the others only the first yardstick is taken. ``in_each``
    is ``map``, or one that takes rows through the networks and judges groups by so many
    ``threads`` side by side.
    """

    def __init__(
        self,
        stack: Stack,
        groups: Sequence[Group],
        task: Task,
        rows: dict[Split, tuple[Tensor, Tensor]],
        in_each: Callable[..., Iterable[Any]] = map,
        threads: int = 1,
    ) -> None:
        self._in_each = in_each
        self._stack = stack
        self._task = task
        self._x = torch.cat([x for x, _y in rows.values()], 1)
        self._y = torch.cat([y for _x, y in rows.values()], 1)
        self.follow(groups)
        ends = list(itertools.accumulate(x.shape[1] for x, _y in rows.values()))
        places = [slice(start, end) for start, end in itertools.pairwise([0, *ends])]
        self._parts = [
            Judged(split, place, self._x[:, place], self._y[:, place])
            for split, place in zip(rows, places, strict=True)
        ]
        # Each group's rows are dealt out: three groups whole would keep two threads busy unevenly.
        self._rows_at_once = min(_ROWS_AT_ONCE, -(-self._x.shape[1] // threads))
        activations = self._rows_at_once * max(stack.layer_sizes)
        self._seeds_at_once = max(1, _ACTIVATIONS_AT_ONCE // activations)
        self._newest: tuple[int, list[Answers]] = (-1, [])

    def follow(self, groups: Sequence[Group]) -> None:
        """Judge the same runs as the losses of these groups read them from here on."""
        self._groups = tuple(groups)
        self._encoded = tuple(group.encode(self._y, self._task) for group in groups)

    @property
    def judged(self) -> Judged:
        """The rows that yardsticks are about."""
        return self._parts[-1]

    @property
    def training(self) -> Judged:
        """The training rows that are judged; all that are, where none are held out."""
        return self._parts[0]

    @property
    def encoded(self) -> tuple[Tensor, ...]:
        """All rows' targets ``[S, C, N]``, as each group's loss reads them."""
        return self._encoded

    def evaluate(self, epoch: int, step: int) -> Evaluation:
        """The losses and yardsticks of all runs on all splits, as one table."""
        logits = self._logits(self._x, self._groups)
        judged: Iterable[_Judged] = self._in_each(self._judge, self._groups, logits, self._encoded)
        newest, tables = zip(*judged, strict=True)
        self._newest = (step, list(newest))
        rows = [torch.stack(list(table.values())) for table in tables]
        broken = [measures.broken(each.logits) for each in newest]
        values = torch.cat(rows, 1).masked_fill_(torch.cat(broken), torch.nan)
        return Evaluation(epoch, step, tuple(tables[0]), values.cpu().numpy())

    def answers(self, step: int) -> list[Answers]:
        """Each group's answers now; those of ``evaluate`` if it was at ``step``."""
        at, _newest = self._newest
        if at != step:
            self.evaluate(0, step)
        return self._newest[1]

    def judged_logits(self, step: int) -> list[Tensor]:
        """Each group's logits ``[S, C, N]`` of the judged rows."""
        return [each.logits[..., self.judged.place] for each in self.answers(step)]

    @torch.inference_mode()
    def _judge(self, group: Group, logits: Tensor, targets: Tensor) -> _Judged:
        losses = self._losses(group.formula, logits, targets)
        score = self._scores_of_classes if self._task.is_classification else self._scores_of_values
        table: dict[Column, Tensor] = {}
        for part, scores in zip(self._parts, score(group, logits), strict=True):
            own = group.formula.mean(losses[..., part.place], targets[..., part.place])
            means = {Measure.LOSS: own, **scores}
            table |= {Column(part.split, measure): mean for measure, mean in means.items()}
        return Answers(logits, losses, means), table

    def _losses(self, formula: Formula, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of each row ``[S, N]``: targets of one split have no say in that of another."""
        if formula.is_by_example:
            return formula.forward(logits, targets)[0]
        places = [part.place for part in self._parts]
        return torch.cat(
            [formula.forward(logits[..., at], targets[..., at])[0] for at in places], 1
        )

    def _scores_of_classes(self, group: Group, z: Tensor) -> list[dict[Measure, Tensor]]:
        """Yardsticks of each part's rows, ``[S]`` each: of all but the last the first alone."""
        # Once for all rows, as to begin an operation costs more than its numbers.
        right, judged = measures.right(z, self._y), self.judged
        rows = {Measure.ACCURACY: right[..., judged.place]} | measures.rows_of_probabilities(
            z[..., judged.place], judged.y, group.formula.link
        )
        means = torch.stack(list(rows.values())).mean(-1)
        return [
            *({Measure.ACCURACY: right[..., each.place].mean(-1)} for each in self._parts[:-1]),
            dict(zip(rows, means, strict=True)),
        ]

    def _scores_of_values(self, group: Group, z: Tensor) -> list[dict[Measure, Tensor]]:
        """The same of predicted values."""
        rows = measures.rows_of_values(group.predicted(z), self._y)
        scores = []
        for part in self._parts:
            means = {measure: row[..., part.place].mean(-1) for measure, row in rows.items()}
            means[Measure.R2] = measures.r2_of_mse(means[Measure.MSE], part.y)
            scores.append(means if part is self.judged else {Measure.R2: means[Measure.R2]})
        return scores

    def logits(self, x: Tensor, group: Group) -> Tensor:
        """Logits ``[S, C, N]`` of a group for x ``[S, N, D]``."""
        return self._logits(x, [group])[0]

    @torch.inference_mode()
    def _logits(self, x: Tensor, groups: Sequence[Group]) -> list[Tensor]:
        """The same of each of these groups."""
        seeds, rows = x.shape[:2]
        logits = [x.new_empty(seeds, group.width, rows) for group in groups]

        @torch.inference_mode()
        def fill(place: int, of_seeds: slice, of_rows: slice) -> None:
            group, piece = groups[place], x[of_seeds, of_rows]
            first = group.runs.start
            runs = slice(first + of_seeds.start, first + of_seeds.start + len(piece))
            logits[place][of_seeds, :, of_rows] = self._stack.logits(piece, runs)[:, : group.width]

        pieces = itertools.product(
            range(len(groups)),
            _slices(seeds, self._seeds_at_once),
            _slices(rows, self._rows_at_once),
        )
        list(self._in_each(fill, *zip(*pieces, strict=True)))
        return logits


def _slices(count: int, most: int) -> list[slice]:
    """Neighbouring slices of so many, of at most ``most`` each."""
    return [slice(start, min(start + most, count)) for start in range(0, count, most)]
