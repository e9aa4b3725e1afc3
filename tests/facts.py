"""Facts of an experiment that never ran, for tests of what is kept and shown of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.records import Facts
from core.spec import ExperimentSpec


def facts_of(spec: ExperimentSpec, **changes: Any) -> Facts:
    plain = Facts(
        device="cpu",
        threads=1,
        parameters=spec.parameters,
        train_rows=1438,
        val_rows=359,
        steps_per_epoch=spec.steps_per_epoch,
        total_steps=spec.total_steps,
        target_scale=1.0,
        baselines=dict.fromkeys(spec.losses, 0.5),
        torch_version="2.13.0",
        null_scores={name: [2.0] * len(spec.seeds) for name in ("nll", "brier", "mse", "mae")},
        trunk_sha256=[f"{seed:064x}" for _ in spec.losses for seed in spec.seeds],
        learning_rates=dict.fromkeys(spec.losses, spec.optimizer.learning_rate),
        gradient_scales=dict.fromkeys(spec.losses, 1.0),
        range_test=None,
        lens={"margins": [-1.0, 1.0], "gradients": {loss: [1.0, 0.5] for loss in spec.losses}},
    )
    return replace(plain, **changes)
