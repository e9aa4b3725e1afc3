"""Targets that are spread over several classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def soft_targets(y: Tensor, smoothing: float) -> Tensor:
    """q_c = (1 - s) y_c + s / C, for one-hot targets y ``[..., C, N]`` and a share s."""
    return (y * (1 - smoothing)).add_(smoothing / y.shape[-2])
