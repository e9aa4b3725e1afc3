"""Steps that are captured as CUDA graphs give what the same steps give call by call."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.spec import ExperimentSpec
from core.training import part, train

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="CUDA graphs need a GPU of NVIDIA; there is none here."
)

RACES = {
    "digits": ("cross_entropy", "bce", "mse"),
    "moons": ("cross_entropy", "bce", "focal"),
    "diabetes": ("mse", "l1", "gaussian_nll"),
}


def spec_of(data: str, device: str = "cuda", **parts: object) -> ExperimentSpec:
    base = {
        "data": {"name": data},
        "network": {"hidden_sizes": [32, 16]},
        "training": {"batch_size": 50, "epochs": 3, "device": device},
        "entrants": [{"loss": loss} for loss in RACES[data]],
        "seeds": [0, 1],
    }
    return ExperimentSpec.parse(base | parts)


def losses(spec: ExperimentSpec) -> np.ndarray:
    return np.concatenate([report.losses for report in train(spec)])


@pytest.mark.parametrize("data", RACES)
def test_a_captured_step_is_the_step(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(data)
    as_graph = losses(spec)
    monkeypatch.setattr(part, "captured", lambda differentiate, like: differentiate)
    np.testing.assert_array_equal(as_graph, losses(spec))


@pytest.mark.parametrize("data", RACES)
def test_it_trains_as_the_processor_does(data: str) -> None:
    np.testing.assert_allclose(
        losses(spec_of(data)), losses(spec_of(data, "cpu")), rtol=2e-2, atol=1e-3
    )


def test_a_loss_that_can_not_be_captured_is_trained_call_by_call() -> None:
    """An expression looks at its own gradient, and decides by it."""
    entrants = [{"loss": "custom", "expression": "-y * log(p)"}, {"loss": "cross_entropy"}]
    found = losses(spec_of("digits", entrants=entrants))
    assert np.isfinite(found).all()
    assert found[-10:].mean() < found[:10].mean()


def test_a_switch_captures_the_new_loss() -> None:
    entrants = [{"loss": "mse", "then": {"loss": "cross_entropy", "step": 40}}]
    here, there = (losses(spec_of("digits", name, entrants=entrants)) for name in ("cuda", "cpu"))
    np.testing.assert_allclose(here, there, rtol=2e-2, atol=1e-3)
