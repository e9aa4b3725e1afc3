"""Remedies: changes of a spec within its limits, or none."""

from __future__ import annotations

import pytest
from hypothesis import given

from core.compare.diagnosis.remedies import (
    Remedy,
    activation_of,
    epochs_to,
    fewer_layers,
    first_that_applies,
    first_weights_drawn,
    hidden_layer,
    no_head_factor,
    rate_times,
)
from core.spec import LEARNING_RATE, Activation, ExperimentSpec, changes
from tests.core.spec.generated import specs

EVERY = {
    "a tenth of the rate": rate_times(0.1, 0),
    "ten times the rate": rate_times(10, 0),
    "fewer epochs": epochs_to(0),
    "another activation": activation_of(Activation.GELU),
    "weights that are drawn": first_weights_drawn,
    "no factor": no_head_factor,
    "a hidden layer": hidden_layer,
    "fewer layers": fewer_layers,
}


@pytest.mark.some(4)
@pytest.mark.parametrize("name", EVERY)
@given(spec=specs())
def test_a_remedy_changes_one_thing_within_the_limits_or_does_not_apply(
    name: str, spec: ExperimentSpec
) -> None:
    changed = first_that_applies(spec, [EVERY[name]])
    if changed is not None:
        assert ExperimentSpec.parse(changed.to_json()) == changed
        # Weights by hand are of no network with a hidden layer.
        is_drawn_again = name == "a hidden layer" and spec.network.start.weights
        assert len(changes(spec, changed)) == (2 if is_drawn_again else 1)


def spec_of(**parts: object) -> ExperimentSpec:
    return ExperimentSpec.parse({"data": {"name": "moons"}, **parts})


@pytest.mark.parametrize(
    ("remedy", "parts"),
    [
        (rate_times(0.1, 0), {"optimizer": {"learning_rate": LEARNING_RATE.low}}),
        (rate_times(10, 0), {"optimizer": {"learning_rate": LEARNING_RATE.high}}),
        (rate_times(10, 0), {"training": {"protocol": "best_rate"}}),
        (epochs_to(0), {"training": {"epochs": 1}}),
        (activation_of(Activation.RELU), {}),
        (activation_of(Activation.GELU), {"network": {"hidden_sizes": []}}),
        (first_weights_drawn, {}),
        (no_head_factor, {"network": {"start": {"head_factor": 0.5}}}),
        (hidden_layer, {}),
        (fewer_layers, {}),
    ],
)
def test_what_changes_nothing_is_no_remedy(remedy: Remedy, parts: dict[str, object]) -> None:
    assert first_that_applies(spec_of(**parts), [remedy]) is None


def test_the_first_that_applies_is_taken() -> None:
    remedies = [first_weights_drawn, rate_times(0.1, 0), epochs_to(3)]
    changed = first_that_applies(spec_of(), remedies)
    assert changed is not None
    assert changes(spec_of(), changed) == ("learning rate 0.001 → 0.0001",)


def test_what_the_spec_refuses_is_passed_over() -> None:
    """CrossEntropy and BCE as one function of p need one rate, which one alone may not leave."""
    spec = spec_of(
        entrants=[{"loss": "cross_entropy"}, {"loss": "bce", "learning_rate": 0.1}],
        optimizer={"name": "sgd", "learning_rate": 0.1},
        training={"protocol": "one_function"},
    )
    assert first_that_applies(spec, [rate_times(0.1, 1)]) is None
    assert first_that_applies(spec, [rate_times(0.1, 1), epochs_to(3)]) is not None
