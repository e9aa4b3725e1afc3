"""Which held-out rows carry the rise of a loss, while the accuracy has not fallen.

A network that is right on most rows can still become ever surer: the few that it is wrong about
then cost ever more, and the mean loss rises while as many answers are right as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.judging import measures
from core.judging.evaluation import Answers, Judged
from core.records import Measure
from core.records.snapshot import MOST_ROWS

#: A loss has risen once it is more than this share of its lowest above it.
MARGIN = 0.1
#: How much of the rise the smallest set of rows holds.
CARRIED = 0.8


def carriers(rises: NDArray[np.floating]) -> NDArray[np.int32]:
    """The size of the smallest set of rows that carries the rise: ``[K, N]`` to ``[K]``.

    ``rises`` are each row's loss now less its loss then. The rise is their sum, in which rows that
    fell take away from those that rose; the set is the smallest whose rises sum to at least
    ``CARRIED`` of it, so it has the rows that rose most. 0 where the sum is not above 0.
    """
    largest_first = -np.sort(-rises.astype(np.float64), axis=1)
    summed = np.cumsum(largest_first, axis=1)
    total = summed[:, -1:]
    # Once they hold as much, no further row brings the sum below it: at the end it is the whole.
    too_few = (summed < CARRIED * total).sum(1)
    return np.where(total[:, 0] > 0, too_few + 1, 0).astype(np.int32)


@dataclass(frozen=True)
class _Stand:
    """Where the runs stand: epoch, own loss, accuracy and size of the logits ``[K, 4]``, as a
    snapshot has them, and the loss of each row ``[K, N]``."""

    facts: NDArray[np.float32]
    losses: NDArray[np.float32]

    def but_for(self, other: _Stand, runs: NDArray[np.bool_]) -> _Stand:
        """The same, but for these runs as in the other."""
        at = runs[:, None]
        return _Stand(
            np.where(at, other.facts, self.facts), np.where(at, other.losses, self.losses)
        )


class Rises:
    """Knows of each run where it stood when its own mean loss on ``judged`` was lowest.

    For classes alone: the score of values is itself an error, and rises with the loss.
    ``pictures`` ``[S, N, h, w]`` are the rows, if they are pictures.
    """

    def __init__(self, judged: Judged, pictures: Tensor | None) -> None:
        self._judged = judged
        self._y = judged.y.cpu().numpy()
        self._pictures = None if pictures is None else pictures.cpu().numpy()
        self._lowest: _Stand | None = None

    def note(self, epoch: int, answers: Sequence[Answers]) -> None:
        """At the end of an epoch, what each group's runs answered then.

        Of equally low losses the first is kept, and one that is not finite never is.
        """
        lowest = self._lowest
        if lowest is None:
            self._lowest = self._stand(epoch, answers)
            return
        is_lower = _means(Measure.LOSS, answers) < lowest.facts[:, 1]
        if is_lower.any():
            self._lowest = lowest.but_for(self._stand(epoch, answers), is_lower)

    def forget(self, runs: Sequence[slice]) -> None:
        """Look for the lowest of these runs anew, as their losses are of another kind now."""
        if self._lowest is not None:
            for each in runs:
                self._lowest.facts[each, 1] = np.inf

    def state(self) -> dict[str, NDArray[np.float32]]:
        """What ``go_on`` needs; nothing before anything was noted."""
        lowest = self._lowest
        return {} if lowest is None else {"facts": lowest.facts.copy(), "losses": lowest.losses}

    def go_on(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        """Be as the one was whose ``state`` this is."""
        self._lowest = _Stand(**state) if state else None

    def seen(self, epoch: int, answers: Sequence[Answers]) -> dict[str, NDArray[Any]]:
        """What a snapshot has of it: ``risen``, ``carrying``, ``carriers`` and their pictures."""
        then, now = self._lowest, self._stand(epoch, answers)
        if then is None:
            return {}
        with np.errstate(invalid="ignore"):
            rises = now.losses - then.losses
        count = np.where(_has_risen(then, now), carriers(rises), 0)
        shape = (len(count), min(MOST_ROWS, rises.shape[1]))
        told = np.full((*shape, 5), np.nan, np.float32)
        seen = {
            "risen": np.stack([then.facts, now.facts], 1),
            "carrying": count.astype(np.int32),
            "carriers": told,
        }
        if self._pictures is not None:
            seen["carrier_pictures"] = np.zeros((*shape, *self._pictures.shape[2:]), np.uint8)
        for run in np.flatnonzero(count):
            rows = np.argsort(-rises[run], kind="stable")[: min(int(count[run]), shape[1])]
            seed = run % len(self._y)
            predicted = self._predicted(answers, int(run), rows)
            columns = (rows, self._y[seed, rows], predicted)
            losses = (then.losses[run, rows], now.losses[run, rows])
            told[run, : len(rows)] = np.stack([*columns, *losses], 1)
            if self._pictures is not None:
                seen["carrier_pictures"][run, : len(rows)] = self._pictures[seed, rows]
        return seen

    def _stand(self, epoch: int, answers: Sequence[Answers]) -> _Stand:
        place = self._judged.place
        loss = _means(Measure.LOSS, answers)
        right = _means(Measure.ACCURACY, answers)
        size = _joined([measures.logit_size(each.logits[..., place]) for each in answers])
        return _Stand(
            np.stack([np.full_like(loss, epoch), loss, right, size], 1),
            _joined([each.losses[..., place] for each in answers]),
        )

    def _predicted(
        self, answers: Sequence[Answers], run: int, rows: NDArray[np.intp]
    ) -> NDArray[np.int64]:
        """The classes that a run predicts for the rows of these numbers."""
        group, seed = divmod(run, len(self._y))
        z = answers[group].logits[seed : seed + 1, :, self._judged.place]
        predicted = measures.predicted_classes(z[..., torch.from_numpy(rows)])
        classes: NDArray[np.int64] = predicted[0].cpu().numpy()
        return classes


def _has_risen(then: _Stand, now: _Stand) -> NDArray[np.bool_]:
    """Whether the loss of each run is above its lowest, and its accuracy not below that there."""
    (_, loss_then, right_then, _), (_, loss, right, _) = then.facts.T, now.facts.T
    with np.errstate(invalid="ignore"):
        risen: NDArray[np.bool_] = (loss - loss_then > MARGIN * np.abs(loss_then)) & (
            right >= right_then
        )
    return risen


def _means(measure: Measure, answers: Sequence[Answers]) -> NDArray[np.float32]:
    return _joined([each.means[measure] for each in answers])


def _joined(parts: Sequence[Tensor]) -> NDArray[np.float32]:
    joined: NDArray[np.float32] = torch.cat(list(parts)).cpu().numpy()
    return joined
