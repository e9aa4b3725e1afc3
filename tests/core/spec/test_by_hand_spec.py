"""Weights by hand in a spec: where they are allowed, and what is said of them elsewhere."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.data import DATASETS
from core.spec import ExperimentSpec, Scheme, by_hand_bounds, takes_weights
from tests.core.refusal import refusal

NOT_DRAWN = (
    "weights by hand are not drawn, so another seed would start the same and allowed is none."
)


def parts_of(
    weights: object, data: str = "neuron", hidden: tuple[int, ...] = (), **start: object
) -> dict[str, Any]:
    start = {"scheme": "by_hand", "weights": weights} | start
    return {
        "data": {"name": data},
        "network": {"hidden_sizes": hidden, "start": start},
        "training": {"batch_size": 1},
    }


@pytest.mark.parametrize(
    ("data", "weights"),
    [("neuron", (2, 2)), ("neuron", (-100, 100)), ("moons", (0.5, -1, 0)), ("xor", (0, 0, 1e-9))],
)
def test_weights_are_kept_as_they_are_given(data: str, weights: tuple[float, ...]) -> None:
    spec = ExperimentSpec.parse(parts_of(list(weights), data))
    assert spec.network.start.scheme is Scheme.BY_HAND
    assert spec.network.start.weights == weights
    assert ExperimentSpec.parse(spec.to_json()) == spec


def test_they_are_allowed_for_one_neuron_alone() -> None:
    allowed = {name for name, data in DATASETS.items() if takes_weights(data)}
    assert allowed == {"moons", "circles", "spirals", "xor", "neuron"}
    assert [each.label for each in by_hand_bounds(1)] == ["Weight w", "Bias b"]
    assert [each.label for each in by_hand_bounds(2)] == ["Weight w1", "Weight w2", "Bias b"]


@pytest.mark.parametrize(
    ("parts", "sentences"),
    [
        (
            parts_of([2, 2], hidden=(8, 4)),
            ["Hidden sizes were [8, 4]; weights by hand are those of a network without hidden "
             "layers, so allowed is an empty list."],
        ),
        (
            parts_of([2, 2], "digits"),
            ["Data set was 'digits', with 64 features and 10 classes; allowed with weights by "
             "hand are 1 or 2 features, and two classes or a value."],
        ),
        (
            parts_of([2, 2, 2], "blobs"),
            ["Data set was 'blobs', with 2 features and 3 classes; allowed with weights by hand "
             "are 1 or 2 features, and two classes or a value."],
        ),
        (
            parts_of([2, 2], "xor"),
            ["Weights by hand were [2.0, 2.0]; XOR has 2 features, so allowed is a list of w1, w2 "
             "and b."],
        ),
        (
            parts_of([1, 2, 3]),
            ["Weights by hand were [1.0, 2.0, 3.0]; One neuron's example has 1 feature, so allowed "
             "is a list of w and b."],
        ),
        (
            parts_of([]),
            ["Weights by hand were []; One neuron's example has 1 feature, so allowed is a list of "
             "w and b."],
        ),
        (
            parts_of([2, 2], head_factor=3),
            ["Factor on the last layer was 3; weights by hand are taken as they are, so allowed "
             "is 1."],
        ),
        (
            parts_of([2, 2], scheme="zeros"),
            ["Weights by hand were [2.0, 2.0]; the start 'zeros' has weights of its own, so "
             "allowed is an empty list, or the start 'by_hand'."],
        ),
        (
            parts_of([2, 2])
            | {"entrants": [{"loss": "bce"}, {"loss": "bce", "head_seed": 1}]},
            [f"Entrant 2: Seed of the last layer was 1; {NOT_DRAWN}"],
        ),
        (parts_of([101, 2]), ["Weight w was 101; allowed is a number from -100 to 100."]),
        (
            parts_of([1, "many", -100.5], "xor"),
            ["Weight w2 was 'many'; allowed is a number from -100 to 100.",
             "Bias b was -100.5; allowed is a number from -100 to 100."],
        ),
        (parts_of([2, None]), ["Bias b was None; allowed is a number from -100 to 100."]),
        (parts_of([2, True]), ["Bias b was True; allowed is a number from -100 to 100."]),
        (parts_of([2, ""]), ["Bias b was empty; allowed is a number from -100 to 100."]),
        (
            parts_of([1]),
            ["Weights by hand were [1]; allowed is a list of w and b, of w1, w2 and b, or an empty "
             "one."],
        ),
        (
            parts_of([1, 2, 3, 4]),
            ["Weights by hand were [1, 2, 3, 4]; allowed is a list of w and b, of w1, w2 and b, or "
             "an empty one."],
        ),
        (
            parts_of(2),
            ["Weights by hand was 2; allowed is a list of w and b, of w1, w2 and b, or an empty "
             "one."],
        ),
    ],
)  # fmt: skip
def test_what_they_do_not_go_with_is_said(parts: dict[str, Any], sentences: list[str]) -> None:
    assert refusal(parts) == " ".join(sentences)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    sentence = f"Weight w was {value!r}; allowed is a number from -100 to 100."
    assert refusal(parts_of([value, 2])) == sentence
