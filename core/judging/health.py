"""How the networks of a stack fare inside: dead units, saturation, gradients by layer.

Every look is kept, so that the newest snapshot also tells since when a trouble has been there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.network.groups import Group
from core.network.stack import Stack
from core.records.snapshot import MOST_LOOKS
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
    """Looks at the runs of ``groups``; x ``[S, N, D]`` are the training rows."""

    def __init__(self, stack: Stack, groups: Sequence[Group], x: Tensor) -> None:
        self._stack = stack
        self._groups = groups
        self._x = x[:, :_ROWS]
        self._past: list[dict[str, Any]] = []

    def look(self, epoch: int, constancy: NDArray[np.float32]) -> dict[str, Any]:
        """All looks so far, this one the newest, as a snapshot has them."""
        now: dict[str, Any] = {
            "looks": epoch,
            "constancy": constancy,
            "gradients": self._gradients(),
            **self._layers(),
        }
        if len(self._past) == MOST_LOOKS:
            del self._past[1::2]
        self._past.append(now)
        types = {"looks": np.int32, "gradients": np.float32, "constancy": np.float32}
        return {
            name: np.array([look[name] for look in self._past], types.get(name, np.float16))
            for name in now
        }

    def _gradients(self) -> NDArray[np.float32]:
        """Root mean square of the newest step's gradient in each layer's weights: ``[K, H + 1]``.

        A head's rows that an entrant does not use are left out.
        """
        *hidden, head = [layer.weight_gradient for layer in self._stack.layers]
        of_heads = [_rms(head[group.runs, : group.width]) for group in self._groups]
        sizes = torch.stack([*map(_rms, hidden), torch.cat(of_heads)], 1)
        return sizes.float().cpu().numpy()

    def _layers(self) -> dict[str, NDArray[np.float32]]:
        """What the activation can suffer from, of each hidden layer: ``[K, H]``."""
        name, share = _OF_LAYERS.get(self._stack.activation, ("", dead))
        if not name or len(self._stack.layers) == 1:
            return {}
        of_groups = []
        for group in self._groups:
            _x, *hidden = self._stack.activations(self._x, group.runs)
            of_groups.append(torch.stack([share(a) for a in hidden], 1))
        return {name: torch.cat(of_groups).cpu().numpy()}


def _rms(gradients: Tensor) -> Tensor:
    return gradients.square().mean((1, 2)).sqrt()


# ------------------------------------------------------------------ how near to a constant


def constancy_of_classes(confusion: NDArray[np.int32]) -> NDArray[np.float32]:
    """Share of the rows that get a run's commonest class: ``[K, C, C]`` to ``[K]``."""
    predicted = confusion.sum(1)
    share: NDArray[np.float32] = (predicted.max(1) / predicted.sum(1)).astype(np.float32)
    return share


def constancy_of_values(
    predicted: NDArray[np.float32], actual: NDArray[np.float32]
) -> NDArray[np.float32]:
    """1 less the SD of what is predicted by that of the truth, 0 or more.

    ``[K, n]`` and ``[S, n]`` to ``[K]``.
    """
    with np.errstate(all="ignore"):
        truth = np.tile(actual.std(1), len(predicted) // len(actual))
        lacking: NDArray[np.float32] = np.maximum(0, 1 - predicted.std(1) / truth)
    return lacking
