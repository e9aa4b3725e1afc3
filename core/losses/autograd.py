"""Forward and backward of a loss that is given by its value alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from core.losses.entry import Backward, Forward


def by_autograd(value: Callable[[Tensor, Tensor], Tensor]) -> tuple[Forward, Backward]:
    """Forward and backward of L = value(z, y), the gradient from autograd over the logits alone.

    Training runs in inference mode, which is left for the length of the one expression;
    the forward saves the gradient itself.
    """

    def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        with torch.inference_mode(False), torch.enable_grad():
            logits = z.clone().requires_grad_()
            losses = value(logits, y.clone())
            if not losses.requires_grad:  # Logits that are only compared have no gradient.
                return losses, torch.zeros_like(z)
            (gradient,) = torch.autograd.grad(losses.sum(), logits)
        return losses.detach(), gradient

    return forward, lambda gradient, y: gradient
