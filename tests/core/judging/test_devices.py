"""Devices that have no float64, as MPS: what needs it is worked out on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.judging import measures
from core.losses import LOSSES, Link, LossSpec, Task
from core.spec import ExperimentSpec
from core.training.preparation import prepare
from core.training.recording import Recorder


class Elsewhere(Tensor):
    """A tensor on a device without float64: a plain one once it is on the CPU."""

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.double:
            raise TypeError("Cannot convert a tensor of this device to float64.")
        made = super().__torch_function__(func, types, args, kwargs or {})
        return made.as_subclass(Tensor) if func is Tensor.cpu else made


def elsewhere(tensor: Tensor) -> Tensor:
    return tensor.as_subclass(Elsewhere)


EVERY_FORMULA = [
    pytest.param(loss, task, id=f"{key}-{task.name}")
    for key, loss in LOSSES.items()
    for task in loss.formulas
]


@pytest.mark.parametrize(("loss", "task"), EVERY_FORMULA)
def test_the_best_constant_of_each_loss_is_the_same_there(loss: LossSpec, task: Task) -> None:
    torch.manual_seed(0)
    width = loss.head.width({Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}[task])
    if task.is_classification:
        ids = torch.randint(0, max(2, width), (40,))
        y = torch.nn.functional.one_hot(ids, width).T.float() if width > 1 else ids[None].float()
    else:
        y = torch.rand(1, 40)
    constant = loss.formulas[task].constant
    np.testing.assert_allclose(constant(elsewhere(y)).numpy(), constant(y).numpy(), rtol=1e-6)


@pytest.mark.parametrize("link", [Link.SOFTMAX, Link.SIGMOID, Link.IDENTITY])
def test_scores_are_the_same_there(link: Link) -> None:
    torch.manual_seed(0)
    z, y = torch.randn(2, 3, 50), torch.randint(0, 3, (2, 50)).float()
    for scores in (measures.scores_of_classes, measures.more_scores_of_classes):
        here, there = scores(z, y, link), scores(elsewhere(z), elsewhere(y), link)
        for measure, value in here.items():
            np.testing.assert_allclose(there[measure].numpy(), value.numpy(), rtol=1e-6)


@pytest.mark.parametrize("data", ["moons", "digits", "diabetes"])
def test_a_snapshot_is_made_there(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    loss = "mse" if data == "diabetes" else "cross_entropy"
    spec = ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 60},
            "network": {"hidden_sizes": [4]},
            "training": {"device": "cpu"},
            "entrants": [{"loss": loss}],
        }
    )
    with torch.inference_mode():
        prepared = prepare(spec)
        here = Recorder(prepared).report_start().snapshot
        stack = prepared.learner.stack
        logits = type(stack).logits
        monkeypatch.setattr(
            type(stack), "logits", lambda self, x, runs: elsewhere(logits(self, x, runs))
        )
        there = Recorder(prepared).report_start().snapshot
    assert here is not None
    assert there is not None
    np.testing.assert_array_equal(there.scores, here.scores)
    assert here.constancy is not None
    assert there.constancy is not None
    np.testing.assert_array_equal(there.constancy[-1], here.constancy[-1])
