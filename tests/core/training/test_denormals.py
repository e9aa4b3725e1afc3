"""Numbers that are too close to 0 to be fast are 0 while training, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from core.network.stack import Workspace
from core.spec import ExperimentSpec
from core.training import plan, train
from core.training.batches import Block
from core.training.part import Part

SMALL = 1e-30


def a_tenth_of_a_billionth(of: float) -> float:
    return float(torch.tensor(of) * torch.tensor(1e-10))


def spec_of(losses: int) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": "moons"},
            "network": {"hidden_sizes": [8]},
            "training": {"batch_size": 60, "epochs": 2, "device": "cpu"},
            "entrants": [{"loss": loss} for loss in ("cross_entropy", "mse", "bce")[:losses]],
        }
    )


@pytest.mark.parametrize("threads", ["1", "2"])
def test_they_are_0_in_every_thread_that_trains(
    monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", threads)
    monkeypatch.setattr(plan, "runs_at_once", lambda spec: 1)
    seen = []
    train_part = Part.train

    def looked_at(self: Part, block: Block, workspace: Workspace) -> Tensor:
        seen.append(a_tenth_of_a_billionth(SMALL))
        return train_part(self, block, workspace)

    monkeypatch.setattr(Part, "train", looked_at)
    assert a_tenth_of_a_billionth(SMALL) > 0
    for _report in train(spec_of(3)):
        assert a_tenth_of_a_billionth(SMALL) > 0, "between reports"
    assert seen
    assert set(seen) == {0.0}
    assert a_tenth_of_a_billionth(SMALL) > 0


def test_they_are_0_on_all_threads_of_one_operation() -> None:
    """In a process of its own, as threads that are there already are as they were."""
    program = """
import torch
from core.training.device import without_denormals
with without_denormals():
    torch.set_num_threads(2)
    small = torch.full((1 << 22,), 1e-30)
    print(int((small * 1e-10 > 0).sum()))
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "0"


def test_training_that_fails_leaves_them_as_they_were() -> None:
    reports = train(spec_of(1))
    next(reports)
    with pytest.raises(ZeroDivisionError):
        reports.throw(ZeroDivisionError())
    assert a_tenth_of_a_billionth(SMALL) > 0
