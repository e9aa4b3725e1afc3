"""Looks at a stack in training: the snapshots of what each run has learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.judging import measures
from core.judging.evaluation import Evaluator
from core.judging.lens import histogram, margins_of
from core.losses import Task
from core.network.groups import Group
from core.network.stack import Stack
from core.records import Measure, Snapshot
from core.records.snapshot import MOST_SURFACE_CLASSES, RELIABILITY_BINS, SURFACE_SIZE

#: Held-out rows that are drawn, as points in the plane or as predicted against actual.
_MOST_POINTS = 300
#: How far beyond the outermost training rows a surface reaches, of their distance.
_SURFACE_MARGIN = 0.08


class Observer:
    """Makes snapshots of the runs of ``groups``; x and y ``[S, N, ...]`` are training rows."""

    def __init__(
        self, stack: Stack, groups: Sequence[Group], evaluator: Evaluator, task: Task, x: Tensor
    ) -> None:
        self._stack = stack
        self._groups = groups
        self._evaluator = evaluator
        self._task = task
        self._classes = max(2, *(group.width for group in groups))
        judged = evaluator.judged
        self._fixed: dict[str, Any] = {}
        self._grid: Tensor | None = None
        if not task.is_classification:
            self._fixed["actual"] = _array(judged.y[:, :_MOST_POINTS])
        elif x.shape[2] == 2 and self._classes <= MOST_SURFACE_CLASSES:
            extent = _extent(x)
            self._grid = _grid(extent)
            points = torch.cat([judged.x, judged.y.unsqueeze(2)], 2)[:, :_MOST_POINTS]
            self._fixed |= {"extent": _array(extent), "points": _array(points)}

    def snapshot(
        self,
        epoch: int,
        step: int,
        order_sha256: tuple[str, ...],
        batch: Sequence[tuple[Tensor, Tensor]],
    ) -> Snapshot:
        """What the runs are now; ``batch`` has each group's logits and targets ``[S, C, B]``."""
        margins = [
            histogram(margins_of(z, y, group.formula.link, self._task))
            for group, (z, y) in zip(self._groups, batch, strict=True)
        ]
        judged = self._evaluator.judged
        logits = self._evaluator.judged_logits(step)
        scores = [
            self._scores(group, z, judged.y) for group, z in zip(self._groups, logits, strict=True)
        ]
        table = [torch.cat([score[measure] for score in scores]) for measure in scores[0]]
        return Snapshot(
            epoch=epoch,
            step=step,
            order_sha256=order_sha256,
            measures=tuple(measure.value for measure in scores[0]),
            scores=torch.stack(table).double().cpu().numpy(),
            margins=np.stack(margins),
            **self._fixed,
            **(self._of_classes if self._task.is_classification else self._of_values)(logits),
        )

    def _scores(self, group: Group, z: Tensor, y: Tensor) -> dict[Measure, Tensor]:
        if not self._task.is_classification:
            return measures.scores_of_values(group.predicted(z), y)
        link = group.formula.link
        return {
            **measures.scores_of_classes(z, y, link),
            **measures.more_scores_of_classes(z, y, link),
        }

    def _of_values(self, logits: list[Tensor]) -> dict[str, Any]:
        predicted = [group.predicted(z) for group, z in zip(self._groups, logits, strict=True)]
        return {"predicted": _array(torch.cat(predicted)[:, :_MOST_POINTS])}

    def _of_classes(self, logits: list[Tensor]) -> dict[str, Any]:
        y = self._evaluator.judged.y
        reliability, confusion = [], []
        for group, z in zip(self._groups, logits, strict=True):
            log_p = measures.log_probabilities(z, group.formula.link)
            predicted = measures.predicted_classes(z)
            empty = z.new_zeros(len(z), 3, RELIABILITY_BINS)
            reliability.append(
                empty if log_p is None else measures.reliability(log_p, predicted, y)
            )
            confusion.append(_confusion(predicted, y, self._classes))
        drawn: dict[str, Any] = {
            "reliability": _array(torch.cat(reliability)),
            "confusion": torch.cat(confusion).int().cpu().numpy(),
        }
        if self._grid is not None:
            drawn["surface"] = self._surface(self._grid)
        return drawn

    def _surface(self, grid: Tensor) -> NDArray[np.uint8]:
        parts = [
            self._heights(group, self._evaluator.logits(grid, group)) for group in self._groups
        ]
        return torch.cat(parts).view(-1, SURFACE_SIZE, SURFACE_SIZE).byte().cpu().numpy()

    def _heights(self, group: Group, z: Tensor) -> Tensor:
        log_p = measures.log_probabilities(z, group.formula.link)
        if self._classes == 2 and log_p is not None:
            return (log_p[:, 1].exp() * 255).round().nan_to_num()
        return measures.predicted_classes(z) * (255 if self._classes == 2 else 1)


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()


def _confusion(predicted: Tensor, y: Tensor, classes: int) -> Tensor:
    """Rows of each true class by predicted class: ``[S, C, C]`` from ``[S, N]``."""
    pairs = y.long() * classes + predicted
    counts = pairs.new_zeros(len(pairs), classes * classes)
    return counts.scatter_add_(1, pairs, torch.ones_like(pairs)).view(-1, classes, classes)


def _extent(x: Tensor) -> Tensor:
    """Lowest and highest x, lowest and highest y of each seed ``[S, 4]``, with a margin.

    Around a constant feature the margin is 1, so that there is a plane to be drawn.
    """
    low, high = x.amin(1), x.amax(1)
    margin = ((high - low) * _SURFACE_MARGIN).where(high > low, 1)
    return torch.stack([low - margin, high + margin], dim=2).flatten(1)


def _grid(extent: Tensor) -> Tensor:
    """Points ``[S, G * G, 2]``, row by row from the lowest y."""
    share = torch.linspace(0, 1, SURFACE_SIZE, device=extent.device)
    x_low, x_high, y_low, y_high = extent.T.unsqueeze(2)
    x, y = x_low + share * (x_high - x_low), y_low + share * (y_high - y_low)
    size = (len(extent), SURFACE_SIZE, SURFACE_SIZE)
    return torch.stack([x[:, None, :].expand(size), y[:, :, None].expand(size)], 3).flatten(1, 2)
