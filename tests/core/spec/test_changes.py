"""What differs between two experiments is told, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given

from core.spec import ExperimentSpec, changes
from tests.core.spec.generated import specs

PLAIN = ExperimentSpec()


@given(specs(), specs())
def test_there_are_changes_where_there_is_a_difference_and_nowhere_else(
    one: ExperimentSpec, other: ExperimentSpec
) -> None:
    assert bool(changes(one, other)) == (one != other)
    assert changes(one, one) == ()


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"data": {"name": "iris"}}, "data Digits → Iris"),
        ({"data": {"rows": 90}}, "rows 1000 → 90"),
        ({"data": {"noise": 0.5}}, "noise 0.2 → 0.5"),
        ({"data": {"validation_fraction": 0.3}}, "share held out 0.2 → 0.3"),
        ({"network": {"hidden_sizes": [8, 4]}}, "hidden layers 128 → 8-4"),
        ({"network": {"hidden_sizes": []}}, "hidden layers 128 → none"),
        ({"network": {"activation": "gelu"}}, "activation ReLU → GELU"),
        ({"network": {"start": {"scheme": "zeros"}}}, "start default → zeros"),
        ({"network": {"start": {"head_factor": 3}}}, "factor on the last layer 1 → 3"),
        ({"optimizer": {"name": "sgd"}}, "optimizer Adam → SGD"),
        ({"optimizer": {"learning_rate": 0.5}}, "learning rate 0.001 → 0.5"),
        ({"optimizer": {"momentum": 0.5}}, "momentum 0.9 → 0.5"),
        ({"optimizer": {"weight_decay": 0.1}}, "weight decay 0 → 0.1"),
        ({"training": {"batch_size": 8}}, "batch size 32 → 8"),
        ({"training": {"epochs": 8}}, "epochs 100 → 8"),
        ({"training": {"device": "cpu"}}, "device auto → cpu"),
        ({"training": {"protocol": "best_rate"}}, "fairness same rate → best rate"),
        (
            {"entrants": [{"loss": "cross_entropy", "learning_rate": 0.1}]},
            "learning rate of CrossEntropy as all → 0.1",
        ),
        ({"entrants": [{"loss": "cross_entropy", "name": "Mine"}]}, "entrants"),
        ({"entrants": [{"loss": "bce"}]}, "entrants"),
        ({"seeds": [1]}, "seeds"),
    ],
)
def test_each_field_in_words(parts: dict[str, object], told: str) -> None:
    assert changes(PLAIN, ExperimentSpec.parse(parts)) == (told,)


def test_weights_by_hand_are_told_one_by_one() -> None:
    def of(*weights: float) -> ExperimentSpec:
        start = {"scheme": "by_hand", "weights": weights}
        parts = {"data": {"name": "xor"}, "network": {"hidden_sizes": [], "start": start}}
        return ExperimentSpec.parse(parts)

    assert changes(of(2, -0.5, 0), of(2, 3, 1e-3)) == (
        "start by hand w1 = 2, w2 = -0.5, b = 0 → by hand w1 = 2, w2 = 3, b = 0.001",
    )
    drawn = ExperimentSpec.parse({"data": {"name": "xor"}, "network": {"hidden_sizes": []}})
    assert changes(drawn, of(2, 3, 1)) == ("start default → by hand w1 = 2, w2 = 3, b = 1",)
