"""Facts of an experiment of two entrants, for tests that need some but not which."""

from __future__ import annotations

from dataclasses import replace

from core.records import Facts, GradientLens, RangeTest

SOME_FACTS = Facts(
    device="cpu",
    baselines=[2.3, 0.09],
    torch_version="2.13.0",
    null_scores={"nll": [2.3, 2.31], "brier": [0.9, 0.91]},
    trunk_sha256=["0" * 64, "1" * 64] * 2,
    learning_rates=[1e-3, 5e-3],
    gradient_scales=[1.0, 1.0],
    range_test=RangeTest(
        rates=[1e-3, 5e-3, 1.0],
        steps=100,
        skills=[[0.4, 0.3, None], [0.1, 0.2, 0.0]],
    ),
    lens=GradientLens(
        margins=[-1.0, 0.0, 1.0],
        gradients=[[0.7, 0.5, 0.3], [0.01, 0.02, 0.01]],
    ),
)


def facts_with(**changes: object) -> Facts:
    return replace(SOME_FACTS, **changes)


def facts_of(entrants: int, seeds: int = 1, **changes: object) -> Facts:
    """With one of each for so many entrants and seeds, as what is stored has to have."""
    of_entrants: dict[str, object] = {
        "baselines": [0.5] * entrants,
        "learning_rates": [1e-3] * entrants,
        "gradient_scales": [1.0] * entrants,
        "range_test": None,
        "lens": GradientLens(margins=[-1.0, 1.0], gradients=[[0.7, 0.3]] * entrants),
    }
    of_seeds = {"nll": [2.3] * seeds, "brier": [0.9] * seeds}
    trunks = ["0" * 64] * (entrants * seeds)
    return facts_with(**of_entrants | {"null_scores": of_seeds, "trunk_sha256": trunks} | changes)
