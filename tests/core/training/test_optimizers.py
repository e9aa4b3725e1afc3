"""Each update against ``torch.optim`` on the same random gradients."""

from __future__ import annotations

import pytest
import torch

from core.spec import OptimizerName, OptimizerSpec
from core.training.optimizers import make_optimizer
from tests.core import plain

STEPS = 50
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}


def both(spec: OptimizerSpec, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Parameters after 50 steps, ours and PyTorch's, and how far they moved."""
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(3, 40, generator=generator, dtype=dtype)
    start = ours.clone()
    # PyTorch's own has three parameters, as our stack has three runs.
    theirs = [row.clone().requires_grad_() for row in ours]
    gradients, rate = torch.zeros_like(ours), spec.learning_rate
    update = make_optimizer(spec, [ours[:2], ours[2:]], [gradients[:2], gradients[2:]], rate).update
    optimizer = plain.optimizer(spec, theirs)
    for _ in range(STEPS):
        gradients.copy_(torch.randn(3, 40, generator=generator, dtype=dtype))
        for row, gradient in zip(theirs, gradients, strict=True):
            row.grad = gradient.clone()
        update()
        optimizer.step()
    return ours, torch.stack(theirs).detach(), float((ours - start).abs().mean())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("learning_rate", [1e-3, 0.1])
@pytest.mark.parametrize("name", OptimizerName)
def test_fifty_steps_are_torchs(name, learning_rate, weight_decay, dtype):
    spec = OptimizerSpec(name=name, learning_rate=learning_rate, weight_decay=weight_decay)
    ours, theirs, moved = both(spec, dtype)
    assert moved > learning_rate
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("momentum", [0, 0.5, 0.999])
def test_momentum_is_torchs(momentum):
    spec = OptimizerSpec(name=OptimizerName.MOMENTUM, learning_rate=0.01, momentum=momentum)
    ours, theirs, _ = both(spec, torch.float64)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [OptimizerName.SGD, OptimizerName.ADAM, OptimizerName.ADAMW])
def test_only_momentum_reads_the_momentum(name):
    one, other = (OptimizerSpec(name=name, momentum=m) for m in (0.0, 0.9))
    assert torch.equal(both(one, torch.float32)[0], both(other, torch.float32)[0])


def test_adam_counts_its_steps_beyond_those_that_are_numbered_at_once(monkeypatch):
    """A step's number decides how Adam's averages are corrected for their start at 0."""
    monkeypatch.setattr("core.training.optimizers._NUMBERS_AT_ONCE", 7)
    spec = OptimizerSpec(name=OptimizerName.ADAM, learning_rate=0.01)
    ours, theirs, _ = both(spec, torch.float64)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
