"""Looks at a stack in training: the snapshots, and what can be told before the first step."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import measures
from core.datasets import Dataset
from core.evaluation import Evaluator, Group
from core.losses import Link, Task
from core.network import Stack
from core.records import GradientLens, Measure
from core.snapshot import MARGIN_EDGES, RELIABILITY_BINS, SURFACE_SIZE, Snapshot

#: Held-out rows that are drawn, as points in the plane or as predicted against actual.
_MOST_POINTS = 300
#: How far beyond the outermost training rows a surface reaches, of their distance.
_SURFACE_MARGIN = 0.08
#: Places on the lens's axis.
_LENS_POINTS = 121


class Observer:
    """Makes snapshots of the runs of ``groups``; x and y ``[S, N, ...]`` are training rows."""

    def __init__(
        self, stack: Stack, groups: list[Group], evaluator: Evaluator, task: Task, x: Tensor
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
        elif x.shape[2] == 2:
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
            _histogram(margins_of(z, y, group.form.link, self._task))
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
        link = group.form.link
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
            log_p = measures.log_probabilities(z, group.form.link)
            empty = z.new_zeros(len(z), 3, RELIABILITY_BINS)
            reliability.append(empty if log_p is None else measures.reliability(log_p, y))
            confusion.append(_confusion(measures.predicted_classes(z), y, self._classes))
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
        log_p = measures.log_probabilities(z, group.form.link)
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
    """Lowest and highest x, lowest and highest y of each seed ``[S, 4]``, with a margin."""
    low, high = x.amin(1), x.amax(1)
    margin = (high - low) * _SURFACE_MARGIN
    return torch.stack([low - margin, high + margin], dim=2).flatten(1)


def _grid(extent: Tensor) -> Tensor:
    """Points ``[S, G * G, 2]``, row by row from the lowest y."""
    share = torch.linspace(0, 1, SURFACE_SIZE, device=extent.device)
    x_low, x_high, y_low, y_high = extent.T.unsqueeze(2)
    x, y = x_low + share * (x_high - x_low), y_low + share * (y_high - y_low)
    size = (len(extent), SURFACE_SIZE, SURFACE_SIZE)
    return torch.stack([x[:, None, :].expand(size), y[:, :, None].expand(size)], 3).flatten(1, 2)


# ------------------------------------------------------------------ margins and the lens


def _of_others(z: Tensor, y: Tensor, combine: Callable[[Tensor], Tensor]) -> Tensor:
    return (z * y).sum(-2) - combine(z.masked_fill(y > 0, -math.inf))


_MARGINS: dict[Link, Callable[[Tensor, Tensor], Tensor]] = {
    Link.SOFTMAX: lambda z, y: _of_others(z, y, lambda others: others.logsumexp(-2)),
    Link.SIGMOID: lambda z, y: (z * (2 * y - 1) if z.shape[-2] == 1 else z * y).sum(-2),
    Link.IDENTITY: lambda z, y: _of_others(z, y, lambda others: others.amax(-2)),
}


def margins_of(z: Tensor, y: Tensor, link: Link, task: Task) -> Tensor:
    """How right each row's logits are, as ``GradientLens`` has it: ``[S, N]``."""
    if task.is_classification:
        return _MARGINS[link](z, y)
    return measures.predicted_values(z, link) - y[..., 0, :]


def _histogram(margins: Tensor) -> NDArray[np.int32]:
    known = margins[~margins.isnan()]
    inside = known.cpu().numpy().clip(MARGIN_EDGES[0], MARGIN_EDGES[-1])
    return np.histogram(inside, MARGIN_EDGES)[0].astype(np.int32)


def gradient_lens(groups: list[Group], task: Task) -> GradientLens:
    """|dL/dz| of each loss over the axis of ``MARGIN_EDGES``, by the functions that train."""
    margins = torch.linspace(float(MARGIN_EDGES[0]), float(MARGIN_EDGES[-1]), _LENS_POINTS)
    return {
        "margins": margins.tolist(),
        "gradients": {
            group.loss.key: [
                size if math.isfinite(size) else None
                for size in _gradient_sizes(group, margins, task).tolist()
            ]
            for group in groups
        },
    }


def _gradient_sizes(group: Group, margins: Tensor, task: Task) -> Tensor:
    """|dL/dz_0| ``[M]``, every other logit being 0; NaN where no prediction has the margin."""
    place = _place_of_class if task.is_classification else _place_of_value
    z, y = place(group, margins)
    _losses, saved = group.form.forward(z, y)
    return group.form.backward(saved, y)[0].abs()


def _place_of_class(group: Group, margins: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and targets ``[C, M]``; the first logit is the true class's."""
    z = margins.new_zeros(group.width, len(margins))
    y = z.clone()
    y[0], z[0] = 1, margins
    if group.form.link is Link.SOFTMAX:
        z[0] += math.log(group.width - 1)
    return z, y


def _place_of_value(group: Group, margins: Tensor) -> tuple[Tensor, Tensor]:
    """Logits ``[C, M]`` at these residuals from the mean target; NaN for an amount below 0."""
    z = margins.new_zeros(group.width, len(margins))
    y = margins.new_zeros(1, len(margins))
    if group.offset is not None:
        y += float(group.offset.mean())
    z[0] = (margins + y[0]).log() if group.form.link is Link.EXP else margins
    return z, y


# ------------------------------------------------------------------ before the first step


def null_scores(train: Tensor, judged: Tensor, data: Dataset) -> dict[str, list[float]]:
    """For each yardstick with a skill, one score a seed: that of the best constant.

    Fitted to training targets ``[S, N]`` (class frequencies; mean and median) and judged on
    ``[S, M]``.
    """
    if not data.task.is_classification:
        mean, median = train.mean(1, keepdim=True), train.quantile(0.5, 1, keepdim=True)
        rows = {
            Measure.MSE: measures.rows_of_values(mean, judged)[Measure.MSE],
            Measure.MAE: measures.rows_of_values(median, judged)[Measure.MAE],
        }
    else:
        classes = torch.arange(data.outputs, device=train.device)
        frequencies = (train.unsqueeze(1) == classes[:, None]).float().mean(2, keepdim=True)
        log_p = frequencies.clamp(min=1e-12).log().expand(-1, -1, judged.shape[1])
        rows = {
            Measure.NLL: measures.nll(log_p, judged),
            Measure.BRIER: measures.brier(log_p, judged),
        }
    return {measure.value: row.mean(-1).tolist() for measure, row in rows.items()}


def fingerprint(values: Tensor) -> str:
    """SHA-256 of a tensor's bytes."""
    return hashlib.sha256(values.contiguous().cpu().numpy().tobytes()).hexdigest()
