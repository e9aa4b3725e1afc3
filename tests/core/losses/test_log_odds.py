"""Log-odds against their definition in 60 digits, and their gradient against autograd."""

from __future__ import annotations

import mpmath
import pytest
import torch
from mpmath import mp, mpf

from core.losses.log_odds import LogOdds, log_odds

COLUMNS = [
    [0.0, 0.0],
    [104.0, 0.0],
    [-300.0, 300.0],
    [1.0, 1.0, 1.0],
    [18.0, 0.0, 0.0],
    [0.5, -20.0, -40.0, 3.0],
    [1000.0, 1000.0, -1000.0],
    [1e-3, 0.0, -1e-3, 2e-3, 0.0],
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_they_are_the_definitions(column, dtype):
    with mp.workdps(60):
        logits = [mpf(float(each)) for each in torch.tensor(column, dtype=dtype)]
        expected = [
            float(
                each
                - mpmath.log(mpmath.fsum(mpmath.exp(o) for k, o in enumerate(logits) if k != c))
            )
            for c, each in enumerate(logits)
        ]
    ours = log_odds(torch.tensor(column, dtype=dtype)[:, None])[:, 0].tolist()
    digits = 1e-6 if dtype is torch.float32 else 1e-14
    assert ours == pytest.approx(expected, rel=digits, abs=digits)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_gradient_is_autograds_of_the_definition(classes):
    generator = torch.Generator().manual_seed(classes)
    z = (5 * torch.randn(4, classes, 8, generator=generator, dtype=torch.float64)).requires_grad_()
    gradient = torch.randn(z.shape, generator=generator, dtype=torch.float64)
    itself = torch.eye(classes, dtype=torch.bool)[:, :, None]
    others = z.unsqueeze(1).masked_fill(itself, -torch.inf).logsumexp(2)
    (expected,) = torch.autograd.grad(z - others, z, gradient)
    ours = gradient - LogOdds(z.detach()).share_in_others(gradient)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


def test_a_constant_that_all_logits_share_makes_no_difference():
    z = torch.tensor([[1.0, 2, 3], [0, 0, 0], [0, 0, 0]]).T[None]
    torch.testing.assert_close(log_odds(z), log_odds(z + 1024), rtol=0, atol=0)
