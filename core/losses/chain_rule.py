"""The chain rule through a link: from dL/dp to dL/dz. The second overwrites ``g``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def through_softmax(g: Tensor, p: Tensor) -> Tensor:
    """dL/dz_c = p_c (g_c - sum_k g_k p_k) with p = softmax(z) and g = dL/dp, ``[..., C, N]``."""
    # Imported here, as pages read this package and have no torch.
    import torch

    # One kernel, where writing it out takes four: 1.3 us for a batch of 32 instead of 4.3.
    return torch._softmax_backward_data(g, p, -2, g.dtype)


def through_sigmoid(g: Tensor, p: Tensor) -> Tensor:
    """dL/dz = g p (1 - p) with p = sigmoid(z) and g = dL/dp."""
    return g.mul_(p).mul_(1 - p)
