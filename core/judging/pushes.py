"""Who pushes: each training row's share of the gradient of the last layer.

The gradient of a mean loss in a layer's weights is a sum over the rows, of each the outer product
of delta, the gradient of its loss in the logits, and of what the layer was given. A loss whose
delta fades where the network is right leaves the push to the few rows that are still wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.judging import measures
from core.judging.evaluation import Answers, Evaluator
from core.losses import Task
from core.network.groups import Group
from core.network.stack import Stack
from core.records.snapshot import MOST_ROWS, PUSH_POINTS


def sizes(delta: Tensor, a: Tensor) -> Tensor:
    """How hard each row pushes ``[S, N]``, of delta ``[S, C, N]`` and a ``[S, H, N]``.

    A row's own gradient is delta a^T in the weights of the last layer and delta in its biases; its
    size is ||delta|| ||(a, 1)||.
    """
    # In float32 the square of a small delta would be 0; not every device has float64.
    of_deltas = delta.cpu().double().square().sum(1)
    return (of_deltas * (a.square().sum(1).cpu() + 1)).sqrt()


def curve(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the rows that push most add up to: ``[K, N]`` to ``[K, PUSH_POINTS]``.

    At place j of J + 1 stands the share of the push that j / J of the rows have, those that push
    most first: 0 at the first, 1 at the last; between two rows it is on the line.
    """
    rows = shares.shape[1]
    summed = np.zeros((len(shares), rows + 1))
    np.cumsum(-np.sort(-shares, axis=1), axis=1, out=summed[:, 1:])
    at = np.linspace(0, rows, PUSH_POINTS)
    low = np.minimum(at.astype(int), rows - 1)
    on_line: NDArray[np.float64] = summed[:, low] + (at - low) * (
        summed[:, low + 1] - summed[:, low]
    )
    return on_line


class Pushes:
    """Looks at the judged training rows of ``groups``; ``pictures`` ``[S, N, h, w]`` are what
    they are, if they are pictures."""

    def __init__(
        self,
        stack: Stack,
        groups: Sequence[Group],
        evaluator: Evaluator,
        task: Task,
        pictures: Tensor | None,
    ) -> None:
        self._stack = stack
        self._evaluator = evaluator
        self._task = task
        self._place = evaluator.training.place
        self._x = evaluator.training.x
        self._y = evaluator.training.y.cpu().numpy()
        self.follow(groups)
        self._pictures = None if pictures is None else pictures.cpu().numpy()

    def follow(self, groups: Sequence[Group]) -> None:
        """Look at the same runs as the losses of these groups read them, as the evaluator does."""
        self._groups = groups
        self._targets = [each[..., self._place] for each in self._evaluator.encoded]

    def seen(self, answers: Sequence[Answers]) -> dict[str, NDArray[Any]]:
        """What a snapshot has of it: ``push``, ``pushing`` and their pictures.

        A row's share is its size by the sum of all rows' sizes. What all rows are multiplied by,
        as 1 / N or a scale of the gradient, leaves it as it is.
        """
        pushed = torch.cat([self._sizes(at, each) for at, each in enumerate(answers)])
        pushed /= pushed.sum(1, keepdim=True)
        top = pushed.topk(min(MOST_ROWS, pushed.shape[1]))
        places = top.indices.numpy()
        seeds = (np.arange(len(places)) % len(self._y))[:, None]
        said, sure = self._said(answers, top.indices)
        told = [places, self._y[seeds, places], said, sure, top.values.numpy()]
        seen: dict[str, NDArray[Any]] = {
            "push": curve(pushed.numpy()).astype(np.float16),
            "pushing": np.stack(told, 2).astype(np.float32),
        }
        if self._pictures is not None:
            seen["pushing_pictures"] = self._pictures[seeds, places]
        return seen

    def _sizes(self, at: int, answers: Answers) -> Tensor:
        formula, targets = self._groups[at].formula, self._targets[at]
        _losses, saved = formula.forward(answers.logits[..., self._place], targets)
        a = self._stack.last_activation(self._x, self._groups[at].runs)
        return sizes(formula.backward(saved, targets), a)

    def _said(
        self, answers: Sequence[Answers], places: Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What each run predicts for its rows at ``places`` ``[K, n]``, and how sure it is."""
        said, sure = [], []
        for group, each in zip(self._groups, answers, strict=True):
            at = places[group.runs].to(each.logits.device).unsqueeze(1)
            z = each.logits[..., self._place].gather(2, at.expand(-1, each.logits.shape[1], -1))
            predicted, probability = self._of_group(group, z)
            said.append(predicted)
            sure.append(probability)
        return torch.cat(said).cpu().numpy(), torch.cat(sure).cpu().numpy()

    def _of_group(self, group: Group, z: Tensor) -> tuple[Tensor, Tensor]:
        """What is predicted of logits ``[S, C, n]``, and its probability or NaN."""
        unknown = torch.full_like(z[:, 0], torch.nan)
        if not self._task.is_classification:
            return group.predicted(z), unknown
        log_p = measures.log_probabilities(z, group.formula.link)
        sure = unknown if log_p is None else log_p.amax(1).exp()
        return measures.predicted_classes(z).to(z.dtype), sure
