"""An experiment in one line: each part that is set stands in it."""

from __future__ import annotations

import pytest

from core.example import EXAMPLES
from core.spec import ExperimentSpec, in_a_line


def test_the_examples_in_a_line() -> None:
    line = "Spirals, noise 0.2 · 2-32-32-2 ReLU · SGD, rate 0.03 · batch 8"
    assert in_a_line(EXAMPLES["train"].spec) == line
    assert in_a_line(EXAMPLES["compare"].spec) == f"{line} · 5 seeds"


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (
            {"data": {"name": "diabetes"}, "entrants": [{"loss": "mse"}],
             "network": {"hidden_sizes": []}, "seeds": [7]},
            "Diabetes · 10-1 · Adam, rate 0.001 · batch 32 · seed 7",
        ),
        (
            {"data": {"name": "iris"},
             "network": {"hidden_sizes": [8], "activation": "gelu",
                         "start": {"scheme": "xavier", "head_factor": 20}},
             "optimizer": {"name": "momentum", "learning_rate": 0.5},
             "training": {"batch_size": 1, "protocol": "best_rate"}},
            "Iris · 4-8-3 GELU · SGD with momentum, best rates · batch 1 · xavier start · "
            "last layer times 20",
        ),
        (
            {"data": {"name": "neuron"},
             "network": {"hidden_sizes": [], "start": {"scheme": "by_hand", "weights": [2, 2]}},
             "optimizer": {"name": "sgd", "learning_rate": 0.15}, "training": {"batch_size": 1}},
            "One neuron's example · 1-2 · SGD, rate 0.15 · batch 1 · by hand w = 2, b = 2 start",
        ),
    ],
)  # fmt: skip
def test_what_is_set_stands_in_the_line(parts: dict[str, object], line: str) -> None:
    assert in_a_line(ExperimentSpec.parse(parts)) == line
