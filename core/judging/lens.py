"""How hard each loss pulls at one example, by how right the network is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.losses import Link, Task
from core.network.groups import Group, predicted_values
from core.records import GradientLens
from core.records.snapshot import MARGIN_EDGES

#: Places on the lens's axis.
_LENS_POINTS = 121


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
    return predicted_values(z, link) - y[..., 0, :]


def gradient_lens(groups: Sequence[Group], task: Task) -> GradientLens:
    """|dL/dz| of each entrant over the axis of ``MARGIN_EDGES``, by the functions that train."""
    margins = torch.linspace(float(MARGIN_EDGES[0]), float(MARGIN_EDGES[-1]), _LENS_POINTS)
    return {
        "margins": margins.tolist(),
        "gradients": [
            [
                size if math.isfinite(size) else None
                for size in _gradient_sizes(group, margins, task).tolist()
            ]
            for group in groups
        ],
    }


def _gradient_sizes(group: Group, margins: Tensor, task: Task) -> Tensor:
    """|dL/dz_0| ``[M]``, every other logit being 0; NaN where no prediction has the margin."""
    place = _place_of_class if task.is_classification else _place_of_value
    z, y = place(group, margins)
    _losses, saved = group.formula.forward(z, y)
    return group.formula.backward(saved, y)[0].abs()


def _place_of_class(group: Group, margins: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and targets ``[C, M]``; the first logit is the true class's."""
    z = margins.new_zeros(group.width, len(margins))
    y = z.clone()
    y[0], z[0] = 1, margins
    if group.formula.link is Link.SOFTMAX:
        z[0] += math.log(group.width - 1)
    return z, y


def _place_of_value(group: Group, margins: Tensor) -> tuple[Tensor, Tensor]:
    """Logits ``[C, M]`` at these residuals from the mean target; NaN for an amount below 0."""
    z = margins.new_zeros(group.width, len(margins))
    y = margins.new_zeros(1, len(margins))
    if group.offset is not None:
        y += float(group.offset.mean())
    z[0] = (margins + y[0]).log() if group.formula.link is Link.EXP else margins
    return z, y


def histogram(margins: Tensor) -> NDArray[np.int32]:
    """How many margins lie in each bin of ``MARGIN_EDGES``; NaN counts nowhere."""
    known = margins[~margins.isnan()]
    inside = known.cpu().numpy().clip(MARGIN_EDGES[0], MARGIN_EDGES[-1])
    return np.histogram(inside, MARGIN_EDGES)[0].astype(np.int32)
