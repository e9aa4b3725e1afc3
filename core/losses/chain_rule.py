"""The chain rule through a link: from dL/dp to dL/dz. Both overwrite ``g`` and return it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def through_softmax(g: Tensor, p: Tensor) -> Tensor:
    """dL/dz_c = p_c (g_c - sum_k g_k p_k) with p = softmax(z) and g = dL/dp, ``[..., C, N]``."""
    return g.sub_((g * p).sum(-2, keepdim=True)).mul_(p)


def through_sigmoid(g: Tensor, p: Tensor) -> Tensor:
    """dL/dz = g p (1 - p) with p = sigmoid(z) and g = dL/dp."""
    return g.mul_(p).mul_(1 - p)
