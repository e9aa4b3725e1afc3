"""Entrants with what is their own: a learning rate, parameters, an expression, beside others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.records import Measure, Progress, Split
from core.spec import LEARNING_RATE, ExperimentSpec, OptimizerName, Protocol
from core.training import protocols, train
from core.training.preparation import prepare
from tests.core import plain
from tests.core.tidy import scores


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


SEEDS = (0, 5)


def spec_of(
    *entrants: dict[str, object],
    optimizer: str = "adam",
    rate: float = 0.003,
    protocol: Protocol = Protocol.SAME_RATE,
    data: str = "breast_cancer",
    decay: float = 0.01,
    **parts: object,
) -> ExperimentSpec:
    spec = {
        "data": {"name": data},
        "network": {"hidden_sizes": [8]},
        "optimizer": {"name": optimizer, "learning_rate": rate, "weight_decay": decay},
        "training": {"batch_size": 64, "epochs": 3, "device": "cpu", "protocol": protocol},
        "entrants": entrants,
        "seeds": SEEDS,
    }
    return ExperimentSpec.parse(spec | parts)


def curves(reports: list[Progress], spec: ExperimentSpec, place: int) -> np.ndarray:
    """Step losses ``[steps, S]`` of an entrant."""
    return np.concatenate([report.losses for report in reports])[:, spec.runs_of(place)]


def facts_of(reports: list[Progress]):
    return next(report.facts for report in reports if report.facts)


def judged(reports: list[Progress], runs: slice) -> list[float]:
    """What each run came to on the held-out rows, epoch by epoch."""
    return [
        row.value
        for report in reports
        for row in scores(report.evaluations)
        if row.split is Split.VAL
        and row.measure in (Measure.LOSS, Measure.ACCURACY)
        and runs.start <= row.run < runs.stop
    ]


def compare_with_each_alone(raced: ExperimentSpec, alone: list[ExperimentSpec]) -> None:
    together = list(train(raced))
    for place, spec in enumerate(alone):
        reports = list(train(spec))
        np.testing.assert_allclose(
            curves(together, raced, place), curves(reports, spec, 0), rtol=1e-5, atol=1e-6
        )
        ours = judged(together, raced.runs_of(place))
        assert ours == pytest.approx(judged(reports, spec.runs_of(0)), rel=1e-5)
        facts, own = facts_of(together), facts_of(reports)
        assert facts.baselines[place] == pytest.approx(own.baselines[0], rel=1e-6)
        assert facts.learning_rates[place] == own.learning_rates[0]
        assert facts.trunk_sha256[raced.runs_of(place)] == own.trunk_sha256
        ours, theirs = together[-1].snapshot, reports[-1].snapshot
        assert ours.order_sha256 == theirs.order_sha256
        np.testing.assert_allclose(
            ours.scores[:, raced.runs_of(place)], theirs.scores, rtol=1e-4, atol=1e-5
        )
        # A margin within rounding of an edge may count on either side of it.
        assert np.abs(ours.margins[place] - theirs.margins[0]).sum() <= 2


@pytest.mark.parametrize("optimizer", OptimizerName)
def test_entrants_with_rates_of_their_own_train_as_each_does_alone_at_its_rate(optimizer):
    rates = (0.0005, None, 0.02, 0.02)
    losses = ("cross_entropy", "bce", "cross_entropy", "mse")
    raced = spec_of(
        *({"loss": loss, "learning_rate": rate} for loss, rate in zip(losses, rates, strict=True)),
        optimizer=optimizer,
    )
    assert [each.learning_rate for each in raced.lineup] == [0.0005, 0.003, 0.02, 0.02]
    alone = [
        spec_of({"loss": loss}, optimizer=optimizer, rate=rate or 0.003)
        for loss, rate in zip(losses, rates, strict=True)
    ]
    compare_with_each_alone(raced, alone)
    # The same loss at two rates is two curves.
    reports = list(train(raced))
    slow, fast = (curves(reports, raced, place) for place in (0, 2))
    np.testing.assert_allclose(slow[0], fast[0], rtol=1e-6)
    assert np.abs(slow[1:] - fast[1:]).max() > 0.01


def test_two_settings_of_one_loss_race_as_each_does_alone():
    settings = [{"gamma": 0.0}, {"gamma": 5.0}, {}]
    entrants = [{"loss": "focal", "parameters": each} for each in settings]
    raced = spec_of(*entrants)
    compare_with_each_alone(raced, [spec_of(each) for each in entrants])
    # Focal with gamma 0 is CrossEntropy, which the one with 5 is not.
    beside = spec_of(entrants[0], {"loss": "cross_entropy"}, entrants[1])
    reports = list(train(beside))
    zero, crossed, five = (curves(reports, beside, place) for place in range(3))
    np.testing.assert_allclose(zero, crossed, rtol=1e-5, atol=1e-6)
    assert (five[0] < 0.5 * crossed[0]).all()


def test_two_expressions_race_as_each_does_alone_and_as_the_losses_that_they_are():
    squared = {"loss": "custom", "expression": "(z - y)**2"}
    absolute = {"loss": "custom", "expression": "abs(z - y)"}
    raced = spec_of(squared, absolute, {"loss": "mse"}, {"loss": "l1"}, data="diabetes")
    compare_with_each_alone(
        raced,
        [
            spec_of(squared, data="diabetes"),
            spec_of(absolute, data="diabetes"),
            spec_of({"loss": "mse"}, data="diabetes"),
            spec_of({"loss": "l1"}, data="diabetes"),
        ],
    )
    reports = list(train(raced))
    own_squared, own_absolute, mse, l1 = (curves(reports, raced, place) for place in range(4))
    np.testing.assert_allclose(own_squared, mse, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(own_absolute, l1, rtol=1e-5, atol=1e-6)
    assert np.abs(own_squared - own_absolute).max() > 0.01


def test_one_entrant_twice_is_one_curve_twice():
    raced = spec_of({"loss": "mse"}, {"loss": "hinge"}, {"loss": "mse"})
    reports = list(train(raced))
    np.testing.assert_array_equal(curves(reports, raced, 0), curves(reports, raced, 2))


def test_the_lens_and_the_baselines_are_each_settings_own():
    raced = spec_of(
        {"loss": "bce", "parameters": {"pos_weight": 10.0}},
        {"loss": "bce"},
        {"loss": "custom", "expression": "3 * (p - y)**2"},
        {"loss": "custom", "expression": "(p - y)**2"},
    )
    facts = facts_of(list(train(raced)))
    heavy, plain_bce, thrice, once = (np.array(each) for each in facts.lens["gradients"])
    np.testing.assert_allclose(heavy, 10 * plain_bce, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-4, atol=1e-9)
    assert facts.baselines[0] > 1.5 * facts.baselines[1]
    assert facts.baselines[2] == pytest.approx(3 * facts.baselines[3], rel=1e-4)


# ------------------------------------------------------------------ best rates, and its own


@pytest.fixture
def short_range(monkeypatch):
    monkeypatch.setattr(protocols, "RANGE_RATES", (0.0001, 0.01))
    monkeypatch.setattr(protocols, "RANGE_STEPS", 10)


def test_an_entrant_keeps_its_own_rate_where_the_others_get_their_best(short_range):
    own = 0.0007
    raced = spec_of(
        {"loss": "cross_entropy"},
        {"loss": "cross_entropy", "learning_rate": own},
        {"loss": "mse"},
        protocol=Protocol.BEST_RATE,
    )
    reports = list(train(raced))
    facts = facts_of(reports)
    assert facts.learning_rates == [0.01, own, 0.01]
    # It takes part in the test all the same: as its twin does.
    assert facts.range_test["skills"][0] == facts.range_test["skills"][1]
    alone = spec_of({"loss": "cross_entropy"}, rate=own)
    np.testing.assert_allclose(
        curves(reports, raced, 1), curves(list(train(alone)), alone, 0), rtol=1e-5, atol=1e-6
    )
    assert np.abs(curves(reports, raced, 0) - curves(reports, raced, 1)).max() > 0.01


def test_the_range_test_reaches_1000_and_finds_a_loss_that_is_best_there(monkeypatch):
    """A loss of tiny slopes, for which only a rate as large makes up."""
    assert max(protocols.RANGE_RATES) == LEARNING_RATE.high == 1000
    monkeypatch.setattr(protocols, "RANGE_RATES", (1.0, 100.0, 1000.0))
    raced = spec_of(
        {"loss": "custom", "expression": "0.0001 * (p - y)**2"},
        {"loss": "cross_entropy"},
        optimizer="sgd",
        decay=0,
        protocol=Protocol.BEST_RATE,
    )
    facts = facts_of(list(train(raced)))
    assert facts.range_test["rates"][-1] == facts.learning_rates[0] == 1000
    assert facts.learning_rates[1] == 1


def test_matched_gradients_scale_each_setting_by_autograds_own_norm():
    raced = spec_of(
        {"loss": "focal", "parameters": {"gamma": 0.0}},
        {"loss": "focal", "parameters": {"gamma": 4.0}},
        {"loss": "mse"},
        protocol=Protocol.MATCHED_GRADIENTS,
        optimizer="sgd",
        seeds=(0,),
    )
    with torch.inference_mode():
        prepared = prepare(raced)
        list(prepared.settle())
        batch = next(prepared.batches.epoch())
    learner = prepared.learner
    norms = []
    for network, group in zip(
        plain.networks_of(learner.stack, learner.groups), learner.groups, strict=True
    ):
        encoded = batch.newest[group.entrant.place][0].clone()
        y = encoded[0] if len(encoded) == 1 else encoded.argmax(0).float()
        function = plain.loss_function(group.entrant.loss, raced.dataset.task)
        loss = function(network(batch.rows[0].clone()), y)
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        norms.append(torch.cat([each.flatten() for each in gradients]).norm().item())
    expected = [norms[0] / norm for norm in norms]
    assert prepared.facts().gradient_scales == pytest.approx(expected, rel=1e-4)
    assert expected[1] > 1.5
