"""The fairness protocols: what each holds equal, and that it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import protocol
from core.errors import SpecError
from core.records import Progress
from core.spec import ExperimentSpec, OptimizerName, Protocol
from core.training import Trainer, train


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")


def spec_of(fair: Protocol, losses=("cross_entropy", "bce", "mse"), **parts) -> ExperimentSpec:
    parts.setdefault("optimizer", {"name": "adam", "learning_rate": 1e-3})
    return ExperimentSpec.parse(
        {
            "data": {"name": "moons", "rows": 200},
            "network": {"hidden_sizes": [8]},
            "training": {"epochs": 8, "device": "cpu", "protocol": fair},
            "losses": losses,
            "seeds": [0, 1],
            **parts,
        }
    )


def recorded(reports: list[Progress]) -> np.ndarray:
    return np.concatenate([report.losses for report in reports])


# ------------------------------------------------------------------ each its best rate


@pytest.mark.parametrize("name", [OptimizerName.ADAM, OptimizerName.SGD])
def test_each_loss_trains_as_it_would_alone_at_its_best_rate(name):
    spec = spec_of(Protocol.BEST_RATE, optimizer={"name": name})
    reports = list(train(spec))
    facts = next(report.facts for report in reports if report.facts)
    assert facts.range_test is not None
    assert facts.range_test["rates"] == list(protocol.RANGE_RATES)
    for index, loss in enumerate(spec.losses):
        skills = facts.range_test["skills"][loss]
        rate = facts.learning_rates[loss]
        finite = [skill for skill in skills if skill is not None]
        assert skills[protocol.RANGE_RATES.index(rate)] == max(finite)
        alone = spec_of(
            Protocol.SAME_RATE, (loss,), optimizer={"name": name, "learning_rate": rate}
        )
        np.testing.assert_allclose(
            recorded(reports)[:, 2 * index : 2 * index + 2],
            recorded(list(train(alone))),
            rtol=2e-4,
            atol=1e-6,
        )
    assert len(set(facts.learning_rates.values())) > 1


def test_progress_is_reported_while_rates_are_tried():
    reports = list(train(spec_of(Protocol.BEST_RATE)))
    before = [report for report in reports if report.step == 0 and not report.facts]
    assert len(before) == len(protocol.RANGE_RATES)
    assert all(not report.evaluations and not report.outcome for report in before)


def test_a_rate_that_diverges_is_none_and_never_chosen():
    spec = spec_of(
        Protocol.BEST_RATE, ("mse", "l1"), data={"name": "diabetes"}, optimizer={"name": "sgd"}
    )
    facts = next(report.facts for report in train(spec) if report.facts)
    assert facts.range_test is not None
    assert facts.range_test["skills"]["mse"][-1] is None
    assert facts.learning_rates["mse"] < 10


def test_rates_are_compared_by_skill_and_nothing_finite_leaves_the_rate_as_it_was():
    tested = {"rates": [0.1, 1.0], "steps": 3, "skills": {"bce": [0.2, 0.1], "mse": [None, None]}}
    assert protocol.best_rates(tested, spec_of(Protocol.BEST_RATE)) == [0.1, 1e-3]


# ------------------------------------------------------------------ gradients of one size


def test_first_gradients_have_one_norm():
    spec = spec_of(Protocol.MATCHED_GRADIENTS)
    with torch.inference_mode():
        trainer = Trainer(spec)
        list(trainer.settle())
        room = tuple(torch.zeros(2) for _ in spec.losses)
        trainer.differentiate(next(iter(trainer.batches())), room)
        norms = trainer.stack.gradients.norm(dim=1).view(3, 2).mean(1)
        scales = trainer.facts().gradient_scales
    assert norms.tolist() == pytest.approx([norms[0].item()] * 3, rel=1e-5)
    assert scales["cross_entropy"] == 1
    assert scales["mse"] > scales["bce"] > 1


def test_scaled_gradients_are_a_scaled_rate_under_sgd():
    sgd = {"name": "sgd", "learning_rate": 0.05}
    reports = list(train(spec_of(Protocol.MATCHED_GRADIENTS, optimizer=sgd)))
    facts = reports[0].facts
    assert facts is not None
    scaled = replace(facts).gradient_scales["mse"] * 0.05
    alone = spec_of(
        Protocol.SAME_RATE, ("mse",), optimizer={"name": "sgd", "learning_rate": scaled}
    )
    np.testing.assert_allclose(
        recorded(reports)[:, 4:], recorded(list(train(alone))), rtol=1e-4, atol=1e-6
    )


# ------------------------------------------------------------------ one function of p


@pytest.mark.parametrize(("name", "momentum"), [("sgd", 0), ("momentum", 0.9)])
def test_ce_and_bce_are_one_function(name, momentum):
    optimizer = {"name": name, "learning_rate": 0.05, "momentum": momentum}
    training = {"epochs": 60, "device": "cpu"}
    pair = ("cross_entropy", "bce")
    same = spec_of(
        Protocol.ONE_FUNCTION,
        pair,
        optimizer=optimizer,
        training=training | {"protocol": Protocol.ONE_FUNCTION},
    )
    losses = recorded(list(train(same)))
    assert len(losses) == 300
    assert losses[-1].mean() < losses[0].mean() / 2
    np.testing.assert_allclose(losses[:, :2], losses[:, 2:], rtol=0, atol=1e-6)
    apart = recorded(
        list(train(spec_of(Protocol.SAME_RATE, pair, optimizer=optimizer, training=training)))
    )
    assert np.abs(apart[:, :2] - apart[:, 2:]).max() > 1e-2


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"losses": ("cross_entropy", "mse")}, "one function of p for two classes alone"),
        ({"data": {"name": "iris"}}, "on Iris"),
        ({"optimizer": {"name": "adam"}}, "the optimizer was adam"),
        ({"optimizer": {"name": "sgd", "weight_decay": 0.1}}, "weight decay 0.1"),
    ],
)
def test_where_they_are_not_it_is_refused(parts, sentence):
    given = {"losses": ("cross_entropy", "bce"), "optimizer": {"name": "sgd"}} | parts
    with pytest.raises(SpecError, match=sentence):
        spec_of(Protocol.ONE_FUNCTION, **given)
