"""Which losses take each example for itself, so that one forward serves several splits."""

from __future__ import annotations

import pytest
import torch

from core.losses import LOSSES, LossSpec, Task
from core.network.groups import encode

ROWS, HALF = 24, 10
OUTPUTS = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}
CASES = [
    pytest.param(loss, task, id=f"{loss.key}-{task.value}")
    for loss in LOSSES.values()
    if loss.key != "custom"
    for task in loss.formulas
]


@pytest.mark.parametrize(("loss", "task"), CASES)
def test_a_loss_says_whether_it_is_by_example(loss: LossSpec, task: Task) -> None:
    outputs, generator = OUTPUTS[task], torch.Generator().manual_seed(0)
    width = loss.head.width(outputs)
    z = torch.randn(2, width, ROWS, generator=generator, dtype=torch.float64)
    y = torch.randint(0, max(2, outputs), (2, ROWS), generator=generator).double()
    targets = encode(y, task, width if task.is_classification else 1)
    formula = loss.formulas[task]
    whole, _saved = formula.forward(z, targets)
    part, _saved = formula.forward(z[..., :HALF].clone(), targets[..., :HALF].clone())
    assert torch.allclose(whole[..., :HALF], part, rtol=1e-12) == formula.is_by_example
    assert formula.is_by_example == (loss.key != "broadcast_mse")
