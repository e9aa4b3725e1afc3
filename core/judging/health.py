"""How the networks of a stack fare: dead units, saturation, gradients by layer, one answer to all.

Every look is kept, so that the newest snapshot also tells since when a trouble has been there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.judging.measures import logit_size, predicted_classes
from core.losses import Task
from core.network.groups import Group
from core.network.stack import Stack
from core.spec import Activation

#: Training rows of each seed that units are looked at with: a share of them to about 3 %.
_ROWS = 256
#: A unit is saturated within this share of its range from an end: its slope there is at most a
#: twentieth of the steepest.
_NEAR_END = 0.01


def dead(a: Tensor) -> Tensor:
    """Share of units of a ReLU layer that give 0 for every row: ``[S, H, N]`` to ``[S]``.

    The slope is 0 there as well, so no gradient reaches their weights.
    """
    return (a.amax(2) <= 0).float().mean(1)


def saturated_tanh(a: Tensor) -> Tensor:
    """Share of activations within 1 % of the range from -1 or 1: ``[S, H, N]`` to ``[S]``."""
    return (a.abs() >= 1 - 2 * _NEAR_END).float().mean((1, 2))


def saturated_sigmoid(a: Tensor) -> Tensor:
    """Share of activations within 1 % of the range from 0 or 1: ``[S, H, N]`` to ``[S]``."""
    return ((a - 0.5).abs() >= 0.5 - _NEAR_END).float().mean((1, 2))


#: What can go wrong in a layer, by its activation, under the name that a snapshot has for it.
#: GELU has neither: it falls to 0 on one side alone, and nowhere at once.
_OF_LAYERS: dict[Activation, tuple[str, Callable[[Tensor], Tensor]]] = {
    Activation.RELU: ("dead", dead),
    Activation.TANH: ("saturated", saturated_tanh),
    Activation.SIGMOID: ("saturated", saturated_sigmoid),
}


class Health:
    """Looks at the runs of ``groups`` now and then; x ``[S, N, D]`` are the training rows.

    ``course`` are all looks so far, as a snapshot has them; empty before the first.
    """

    def __init__(self, stack: Stack, groups: Sequence[Group], task: Task, x: Tensor) -> None:
        self._stack = stack
        self._groups = groups
        self._task = task
        self._x = x[:, :_ROWS]
        self.course: dict[str, NDArray[Any]] = {}

    def follow(self, groups: Sequence[Group]) -> None:
        """Look at the same runs as the losses of these groups read them from here on."""
        self._groups = groups

    def go_on(self, course: Mapping[str, NDArray[Any]]) -> None:
        """Have had these looks."""
        self.course = dict(course)

    def look(self, epoch: int, logits: Sequence[Tensor], y: Tensor) -> None:
        """``logits`` ``[S, C, N]`` are each group's of the judged rows, y ``[S, N]`` the truth."""
        constancy = [
            self._constancy(group, z, y) for group, z in zip(self._groups, logits, strict=True)
        ]
        now: dict[str, NDArray[Any]] = {
            "looks": np.array(epoch, np.int32),
            "constancy": torch.cat(constancy).float().cpu().numpy(),
            "gradients": self._gradients().float().cpu().numpy(),
        }
        if self._task.is_classification:
            sizes = [logit_size(z) for z in logits]
            now["logit_size"] = torch.cat(sizes).float().cpu().numpy()
        name, share = _OF_LAYERS.get(self._stack.activation, ("", dead))
        if name and len(self._stack.layers) > 1:
            now[name] = self._layers(share).cpu().numpy().astype(np.float16)
        self.course = {
            name: np.concatenate([self.course[name], new[None]]) if self.course else new[None]
            for name, new in now.items()
        }

    def _constancy(self, group: Group, z: Tensor, y: Tensor) -> Tensor:
        if self._task.is_classification:
            return constancy_of_classes(predicted_classes(z), max(2, group.width))
        return constancy_of_values(group.predicted(z), y)

    def _gradients(self) -> Tensor:
        """Root mean square of the newest step's gradient in each layer's weights: ``[K, H + 1]``.

        A head's rows that an entrant does not use are left out.
        """
        *hidden, head = [layer.weight_gradient for layer in self._stack.layers]
        of_heads = [_rms(head[group.runs, : group.width]) for group in self._groups]
        return torch.stack([*map(_rms, hidden), torch.cat(of_heads)], 1)

    def _layers(self, share: Callable[[Tensor], Tensor]) -> Tensor:
        """What the activation can suffer from, of each hidden layer: ``[K, H]``."""
        of_groups = []
        for group in self._groups:
            _x, *hidden = self._stack.activations(self._x, group.runs)
            of_groups.append(torch.stack([share(a) for a in hidden], 1))
        return torch.cat(of_groups)


def _rms(gradients: Tensor) -> Tensor:
    return gradients.square().mean((1, 2)).sqrt()


def constancy_of_classes(predicted: Tensor, classes: int) -> Tensor:
    """Share of the rows that get a run's commonest class: ``[S, N]`` to ``[S]``."""
    return torch.nn.functional.one_hot(predicted, classes).float().mean(1).amax(1)


def constancy_of_values(predicted: Tensor, y: Tensor) -> Tensor:
    """1 less the SD of what is predicted by that of the truth, 0 or more: ``[S, N]`` to ``[S]``."""
    return (1 - predicted.std(1, correction=0) / y.std(1, correction=0)).clamp(min=0)
