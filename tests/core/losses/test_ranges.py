"""The range that a card states is the one that a search over logits finds, for what is set."""

from __future__ import annotations

import math

import pytest
import torch

from core.losses import CUSTOM, LOSSES, Task
from tests.core.anatomy.test_anatomy_cards import SET, name_of

OUTPUTS = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}
#: The class weights that are set are for three classes; an amount's range is that of its target.
CASES = [
    (loss, task)
    for loss in SET
    for task in loss.formulas
    if loss.key not in (CUSTOM, "poisson_nll")
    and len(loss.values.get("class_weights", ())) in (0, OUTPUTS[task])
]
FAR = 2000.0


def found(loss, task: Task) -> tuple[float, float]:
    """The lowest and highest loss of one example on a fine grid of logits, and far out."""
    classes = OUTPUTS[task]
    width = loss.head.width(classes)
    steps = torch.linspace(-12, 12, 97, dtype=torch.float64)
    ends = torch.tensor([FAR], dtype=torch.float64)
    line = torch.cat([-ends, steps, ends])
    z = torch.cartesian_prod(*[line] * width).reshape(-1, width).T
    targets = torch.eye(classes, dtype=torch.float64)
    if width == 1:
        targets = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    elif task is Task.REGRESSION:
        targets = torch.zeros(1, 1, dtype=torch.float64)
    formula = loss.formulas[task]
    losses = torch.cat(
        [formula.forward(z, y[:, None].expand(-1, z.shape[1]))[0] for y in targets.T]
    )
    losses = losses[~losses.isnan()]
    return losses.min().item(), losses.max().item()


@pytest.mark.some(30)
@pytest.mark.parametrize(("loss", "task"), CASES, ids=[f"{name_of(a)} {b}" for a, b in CASES])
def test_a_search_finds_the_range(loss, task):
    stated = loss.value_range(task, OUTPUTS[task])
    low, high = found(loss, task)
    assert stated.low - 1e-9 <= low <= stated.low + 0.01
    if math.isinf(stated.high):
        assert high > 100
    else:
        assert stated.high - 0.01 <= high <= stated.high + 1e-9


def test_a_rate_costs_no_less_than_its_target_says():
    formula = LOSSES["poisson_nll"].formulas[Task.REGRESSION]
    z = torch.linspace(-9, 9, 9001, dtype=torch.float64)[None]
    for y in (0.5, 1.0, 2.0, math.e, 20.0):
        lowest = formula.forward(z, torch.full_like(z, y))[0].min().item()
        assert lowest == pytest.approx(y - y * math.log(y), abs=1e-3)
    assert LOSSES["poisson_nll"].value_range(Task.REGRESSION, 1).low == -math.inf
