"""Looks at a stack in training: the snapshots of what each run has learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.judging import measures, pictures, selective
from core.judging.evaluation import Evaluator
from core.judging.health import Health
from core.judging.lens import histogram, margins_of
from core.judging.pushes import Pushes
from core.judging.rises import Rises
from core.judging.sureness import sureness
from core.losses import Link, Task
from core.network.groups import Group
from core.network.stack import Stack
from core.records import Checkpoint, Measure, Snapshot, Split
from core.records.checkpoint import named
from core.records.snapshot import (
    CURVE_SIZE,
    MOST_SURFACE_CLASSES,
    RELIABILITY_BINS,
    SURFACE_SIZE,
    TRUTH_BINS,
    UNIT_SIZE,
)

#: Held-out rows that are drawn, as points in the plane or as predicted against actual.
_MOST_POINTS = 300
#: How far beyond the outermost training rows a surface reaches, of their distance.
_SURFACE_MARGIN = 0.08
#: How far a curve reaches to both sides of a feature that is constant: there a sigmoid of a weight
#: near 1 goes from one of its ends to the other.
_CURVE_MARGIN = 4
#: Lowest and highest of two features.
_EDGES_OF_PLANE = 4


class Observer:
    """Makes snapshots of the runs of ``groups``; x ``[S, N, D]`` are the training rows.

    ``shown`` ``[S, N, h, w]`` are the pictures that the judged rows are, if they are, and
    ``shown_training`` those that the judged training rows are.
    """

    def __init__(
        self,
        stack: Stack,
        groups: Sequence[Group],
        evaluator: Evaluator,
        task: Task,
        x: Tensor,
        shown: Tensor | None = None,
        shown_training: Tensor | None = None,
    ) -> None:
        self._stack = stack
        self._groups = groups
        self._evaluator = evaluator
        self._task = task
        self._classes = max(2, *(group.width for group in groups))
        judged = evaluator.judged
        self._fixed: dict[str, Any] = {}
        self._shown = shown
        self._health = Health(stack, groups, task, x)
        self._pushes = Pushes(stack, groups, evaluator, task, shown_training)
        self._rises: Rises | None = None
        if task.is_classification and judged.split is Split.VAL:
            self._rises = Rises(judged, shown)
        self._extent: Tensor | None = None
        if not task.is_classification:
            self._fixed["actual"] = _array(judged.y[:, :_MOST_POINTS])
        if x.shape[2] == 1 and self._classes == 2:
            self._extent = _extent(x, around_constant=_CURVE_MARGIN)
            points = torch.cat([judged.x, judged.y.unsqueeze(2)], 2)[:, :_MOST_POINTS]
            self._fixed |= {"extent": _array(self._extent), "points": _array(points)}
        elif task.is_classification and x.shape[2] == 2 and self._classes <= MOST_SURFACE_CLASSES:
            self._extent = _extent(x)
            points = torch.cat([judged.x, judged.y.unsqueeze(2)], 2)[:, :_MOST_POINTS]
            self._fixed |= {"extent": _array(self._extent), "points": _array(points)}

    def follow(self, groups: Sequence[Group]) -> None:
        """See the same runs as the losses of these groups read them from here on."""
        self._groups = tuple(groups)
        self._health.follow(groups)
        self._pushes.follow(groups)

    def forget_losses(self, runs: Sequence[slice]) -> None:
        """The losses of these runs so far were of another kind than those to come."""
        if self._rises is not None:
            self._rises.forget(runs)

    def state(self) -> dict[str, NDArray[Any]]:
        """What it knows of the training so far, as ``go_on`` needs it."""
        rises = {} if self._rises is None else self._rises.state()
        return named("health", self._health.course) | named("rises", rises)

    def go_on(self, after: Checkpoint) -> None:
        """Know what was known then."""
        self._health.go_on(after.of("health"))
        if self._rises is not None:
            self._rises.go_on(after.of("rises"))

    def snapshot(
        self,
        epoch: int,
        step: int,
        order_sha256: tuple[str, ...],
        batch: Sequence[tuple[Group, Tensor, Tensor]],
    ) -> Snapshot:
        """What the runs are now; ``batch`` has the groups that it trained, each with its logits and
        targets ``[S, C, B]``."""
        margins = [
            histogram(margins_of(z, y, group.formula.link, self._task)) for group, z, y in batch
        ]
        judged = self._evaluator.judged
        logits = self._evaluator.judged_logits(step)
        scores = [
            self._scores(group, z, judged.y) for group, z in zip(self._groups, logits, strict=True)
        ]
        table = {measure: torch.cat([score[measure] for score in scores]) for measure in scores[0]}
        drawn = (self._of_classes if self._task.is_classification else self._of_values)(logits)
        if self._task.is_classification:
            more, sure = self._sureness(logits)
            table, drawn = table | more, drawn | sure
        return Snapshot(
            epoch=epoch,
            step=step,
            order_sha256=order_sha256,
            measures=tuple(measure.value for measure in table),
            scores=torch.stack(list(table.values())).cpu().double().numpy(),
            margins=np.stack(margins),
            **self._fixed,
            **drawn,
            **self._over_features(),
            **self._health.course,
            **self._told(epoch, step),
        )

    def _told(self, epoch: int, step: int) -> dict[str, Any]:
        """Which rows push, and which ones a loss rises with."""
        answers = self._evaluator.answers(step)
        seen = self._pushes.seen(answers)
        if self._rises is not None:
            seen |= self._rises.seen(epoch, answers)
        return seen

    def note(self, epoch: int, step: int) -> None:
        """At the end of an epoch that is judged: keep what the runs were like where their losses
        were lowest."""
        if self._rises is not None:
            self._rises.note(epoch, self._evaluator.answers(step))

    def look(self, epoch: int, step: int) -> None:
        """See how the networks fare; the snapshots from here on tell of it."""
        logits = self._evaluator.judged_logits(step)
        self._health.look(epoch, logits, self._evaluator.judged.y)

    def _scores(self, group: Group, z: Tensor, y: Tensor) -> dict[Measure, Tensor]:
        if not self._task.is_classification:
            return measures.scores_of_values(group.predicted(z), y)
        link = group.formula.link
        return {
            **measures.scores_of_classes(z, y, link),
            **measures.more_scores_of_classes(z, y, link),
        }

    def _sureness(self, logits: list[Tensor]) -> tuple[dict[Measure, Tensor], dict[str, Any]]:
        """What one temperature makes of the probabilities, and how wrong the surest rows are."""
        links = [group.formula.link for group in self._groups]
        found = sureness(logits, links, self._evaluator.judged.y)
        nll, ece = found.after
        scores = {
            Measure.NLL_RESCALED: nll,
            Measure.ECE_RESCALED: ece,
            Measure.AURC: found.risks.mean(-1).to(nll),
        }
        return scores, {
            "risk": _array(selective.curve(found.risks)),
            "temperatures": _array(found.temperatures),
            "unscaled": _array(found.before),
        }

    def _of_values(self, logits: list[Tensor]) -> dict[str, Any]:
        predicted = [group.predicted(z) for group, z in zip(self._groups, logits, strict=True)]
        return {"predicted": _array(torch.cat(predicted)[:, :_MOST_POINTS])}

    def _of_classes(self, logits: list[Tensor]) -> dict[str, Any]:
        y = self._evaluator.judged.y
        of_groups = [
            self._of_group(z, y, group.formula.link)
            for group, z in zip(self._groups, logits, strict=True)
        ]
        drawn = {name: torch.cat([each[name] for each in of_groups]) for name in of_groups[0]}
        return {name: values.cpu().numpy() for name, values in drawn.items()}

    def _of_group(self, z: Tensor, y: Tensor, link: Link) -> dict[str, Tensor]:
        log_p, predicted = measures.log_probabilities(z, link), measures.predicted_classes(z)
        drawn = {
            "reliability": z.new_zeros(len(z), 3, RELIABILITY_BINS),
            "confusion": _confusion(predicted, y, self._classes).int(),
            "truth": z.new_zeros(len(z), TRUTH_BINS, dtype=torch.int32),
        }
        if log_p is not None:
            drawn["reliability"] = measures.reliability(log_p, predicted, y)
            drawn["truth"] = pictures.truth(log_p, y).int()
        if self._extent is not None and self._extent.shape[1] == _EDGES_OF_PLANE:
            drawn["wrong"] = (predicted != y)[:, :_MOST_POINTS].byte()
        if self._shown is not None:
            sure = z.log_softmax(-2) if log_p is None else log_p
            drawn |= pictures.mistakes(sure, predicted, y, self._shown)
        return drawn

    def _over_features(self) -> dict[str, Any]:
        """What the networks make of every x that rows could have, if there are one or two."""
        if self._extent is None:
            return {}
        is_plane = self._extent.shape[1] == _EDGES_OF_PLANE
        return self._plane(self._extent) if is_plane else {"curve": self._curve(self._extent)}

    def _curve(self, extent: Tensor) -> NDArray[np.float32]:
        places = pictures.along(extent, CURVE_SIZE)
        curves = [
            self._answers(each, self._evaluator.logits(places, each)) for each in self._groups
        ]
        return _array(torch.cat(curves))

    def _answers(self, group: Group, z: Tensor) -> Tensor:
        """p(class 1), the class where outputs are no probabilities, or the value: ``[S, N]``."""
        if not self._task.is_classification:
            return group.predicted(z)
        log_p = measures.log_probabilities(z, group.formula.link)
        return measures.predicted_classes(z).to(z) if log_p is None else log_p[:, 1].exp()

    def _plane(self, extent: Tensor) -> dict[str, Any]:
        """What the networks make of the plane, and the maps of their units."""
        grid = pictures.plane(extent, SURFACE_SIZE)
        logits = [(each, self._evaluator.logits(grid, each)) for each in self._groups]
        surface = _drawn([self._heights(group, z) for group, z in logits])
        is_of_two = self._classes == 2
        confidence = None if is_of_two else _drawn([_confidence(group, z) for group, z in logits])
        small = pictures.plane(extent, UNIT_SIZE)
        units = [pictures.unit_maps(self._stack, each.runs, small) for each in self._groups]
        return {
            "surface": surface,
            "confidence": confidence,
            "units": np.concatenate(units),
            "weights": pictures.shown_weights(self._stack),
        }

    def _heights(self, group: Group, z: Tensor) -> Tensor:
        log_p = measures.log_probabilities(z, group.formula.link)
        if self._classes == 2 and log_p is not None:
            return (log_p[:, 1].exp() * 255).round().nan_to_num()
        return measures.predicted_classes(z) * (255 if self._classes == 2 else 1)


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()


def _confidence(group: Group, z: Tensor) -> Tensor:
    log_p = measures.log_probabilities(z, group.formula.link)
    if log_p is None:
        return torch.full_like(z[:, 0], 255)
    return (log_p.amax(1).exp() * 255).round().nan_to_num()


def _drawn(parts: list[Tensor]) -> NDArray[np.uint8]:
    return torch.cat(parts).view(-1, SURFACE_SIZE, SURFACE_SIZE).byte().cpu().numpy()


def _confusion(predicted: Tensor, y: Tensor, classes: int) -> Tensor:
    """Rows of each true class by predicted class: ``[S, C, C]`` from ``[S, N]``."""
    pairs = y.long() * classes + predicted
    counts = pairs.new_zeros(len(pairs), classes * classes)
    return counts.scatter_add_(1, pairs, torch.ones_like(pairs)).view(-1, classes, classes)


def _extent(x: Tensor, around_constant: float = 1) -> Tensor:
    """Lowest and highest of each feature, for each seed ``[S, 2 D]``, with a margin.

    Around a constant feature the margin is another, so that there is something to be drawn.
    """
    low, high = x.amin(1), x.amax(1)
    margin = ((high - low) * _SURFACE_MARGIN).where(high > low, around_constant)
    return torch.stack([low - margin, high + margin], dim=2).flatten(1)
