"""The fairness protocols: what each holds equal is equal, and nothing else changes."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor

from core.data import load
from core.errors import SpecError
from core.records import Progress, RangeTest
from core.spec import LEARNING_RATES, ExperimentSpec, Protocol
from core.training import protocols, train
from core.training.preparation import Prepared, prepare
from tests.core import plain
from tests.core.experiments import entrants
from tests.core.tidy import scores


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


@pytest.fixture
def short_range(monkeypatch):
    """A range test of three rates, the last far too high, and 20 steps each."""
    monkeypatch.setattr(protocols, "RANGE_RATES", (0.001, 0.05, 10.0))
    monkeypatch.setattr(protocols, "RANGE_STEPS", 20)


def spec_of(
    losses=("cross_entropy", "bce", "mse"),
    held: Protocol = Protocol.SAME_RATE,
    data="breast_cancer",
    optimizer="adam",
    rate=0.01,
    seeds=(0, 1),
    epochs=2,
    **more,
) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 200},
            "network": {"hidden_sizes": [8]},
            "optimizer": {"name": optimizer, "learning_rate": rate, **more},
            "training": {"batch_size": 32, "epochs": epochs, "device": "cpu", "protocol": held},
            "entrants": entrants(*losses),
            "seeds": seeds,
        }
    )


def curves(reports: list[Progress]) -> np.ndarray:
    return np.concatenate([report.losses for report in reports])


def judged(reports: list[Progress]) -> list[float]:
    return [row.value for report in reports for row in scores(report.evaluations)]


def with_facts(reports: list[Progress]) -> Progress:
    return next(report for report in reports if report.facts)


# ------------------------------------------------------------------ the range test


def test_rates_are_those_that_the_control_offers():
    assert set(protocols.RANGE_RATES) <= set(LEARNING_RATES)
    assert min(protocols.RANGE_RATES) == 1e-4
    assert max(protocols.RANGE_RATES) == max(LEARNING_RATES)


def trained_at(spec: ExperimentSpec, rate: float, steps: int) -> Prepared:
    """A new prepared after so many steps with the same rate for all."""
    at_rate = spec.optimizer.model_copy(update={"learning_rate": rate})
    prepared = prepare(spec.model_copy(update={"optimizer": at_rate}))
    endless = itertools.chain.from_iterable(prepared.batches.epoch() for _ in itertools.count())
    for batch in itertools.islice(endless, steps):
        prepared.learner.step(batch)
    return prepared


@pytest.mark.parametrize(
    ("data", "losses", "optimizer"),
    [
        ("breast_cancer", ("cross_entropy", "bce", "mse", "hinge"), "adam"),
        ("diabetes", ("mse", "l1", "huber"), "sgd"),
    ],
)
def test_skills_are_those_of_plain_networks_trained_anew_at_each_rate(
    short_range, data, losses, optimizer
):
    """Were a rate to start where the one before ended, or on other batches, they'd differ."""
    spec = spec_of(losses, Protocol.BEST_RATE, data, optimizer)
    with torch.inference_mode():
        tested = with_facts(list(train(spec))).facts.range_test
        assert (tested["rates"], tested["steps"]) == ([0.001, 0.05, 10.0], 20)
        rows = [load(spec.data, seed) for seed in spec.seeds]
        assert len(tested["skills"]) == len(losses)
        for place, rate in enumerate(tested["rates"]):
            prepared = trained_at(spec, rate, 20)
            for group in prepared.learner.groups:
                function = plain.loss_function(group.entrant.loss, spec.dataset.task)
                values = []
                for seed in (0, 1):
                    run = group.runs.start + seed
                    network = plain.network_of(prepared.learner.stack, run, group.width)
                    x, y = (
                        torch.from_numpy(each) for each in (rows[seed].x_train, rows[seed].y_train)
                    )
                    values.append(function(network(x), y).item())
                skill = 1 - np.mean(values) / prepared.baselines[group.entrant.place]
                found = tested["skills"][group.entrant.place][place]
                if np.isfinite(skill):
                    assert found == pytest.approx(skill, rel=1e-4, abs=1e-5)
                else:
                    assert found is None


def test_a_rate_at_which_a_loss_diverged_has_no_skill_and_is_not_taken(short_range):
    spec = spec_of(("mse", "l1"), Protocol.BEST_RATE, "diabetes", "sgd")
    facts = with_facts(list(train(spec))).facts
    squared, absolute = facts.range_test["skills"]
    assert squared[2] is None
    assert absolute[2] is not None
    assert facts.learning_rates[0] in (0.001, 0.05)


def test_each_loss_gets_its_rate_of_the_highest_skill():
    tested = RangeTest(
        rates=[0.1, 0.2, 0.5],
        steps=9,
        skills=[[0.1, 0.9, 0.2], [-3.0, -2.0, None], [None, None, None], [0.5, None, 0.1]],
    )
    spec = spec_of(("cross_entropy", "bce", "mse", "hinge"), rate=0.03)
    assert protocols.best_rates(tested, spec) == [0.2, 0.2, 0.03, 0.1]


def test_an_empty_report_comes_for_each_rate_before_the_facts(short_range):
    spec = spec_of(held=Protocol.BEST_RATE)
    reports = list(train(spec))
    first = reports.index(with_facts(reports))
    assert first == 3
    for report in reports[:first]:
        assert report.losses.shape == (0, spec.run_count)
        assert (report.step, report.epoch, report.seconds) == (0, 0, 0)
        assert report.diverged_steps == (None,) * spec.run_count
        assert report.evaluations == ()
        assert report.facts is report.snapshot is report.outcome is None
    assert with_facts(list(train(spec_of()))).step == 0
    assert next(train(spec_of())).facts is not None


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_after_the_range_test_training_begins_as_if_there_had_been_none(monkeypatch, optimizer):
    """With one rate on offer all losses take it, and every bit is that of the same rate."""
    monkeypatch.setattr(protocols, "RANGE_RATES", (0.02,))
    found = list(train(spec_of(held=Protocol.BEST_RATE, optimizer=optimizer, rate=0.5)))
    fixed = list(train(spec_of(held=Protocol.SAME_RATE, optimizer=optimizer, rate=0.02)))
    assert curves(found).tobytes() == curves(fixed).tobytes()
    assert judged(found) == judged(fixed)
    assert found[-1].snapshot.to_bytes() == fixed[-1].snapshot.to_bytes()
    ours, theirs = (asdict(with_facts(reports).facts) for reports in (found, fixed))
    assert ours.pop("range_test")["rates"] == [0.02]
    assert theirs.pop("range_test") is None
    assert ours == theirs


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "momentum"])
def test_a_loss_at_its_own_rate_trains_as_it_does_alone_at_that_rate(short_range, optimizer):
    losses = ("cross_entropy", "bce", "mse")
    trainer_rates = dict(zip(losses, (0.001, 0.02, 0.05), strict=True))
    with torch.inference_mode():
        prepared = prepare(spec_of(optimizer=optimizer, weight_decay=0.01))
        prepared.learner.restart(list(trainer_rates.values()))
        together = steps_of(prepared)
        for index, (loss, rate) in enumerate(trainer_rates.items()):
            spec = spec_of((loss,), optimizer=optimizer, rate=rate, weight_decay=0.01)
            alone = steps_of(prepare(spec))
            ours = together[:, 2 * index : 2 * index + 2]
            np.testing.assert_allclose(ours, alone, rtol=1e-5, atol=1e-6)


def steps_of(prepared: Prepared) -> np.ndarray:
    """Losses ``[steps, K]`` of two epochs."""
    recorded = []
    for batch in (*prepared.batches.epoch(), *prepared.batches.epoch()):
        recorded.append(prepared.learner.step(batch)[0].numpy())
    return np.stack(recorded)


def test_the_rates_that_were_found_are_the_highest_skills(short_range):
    spec = spec_of(held=Protocol.BEST_RATE)
    facts = with_facts(list(train(spec))).facts
    assert facts.learning_rates == protocols.best_rates(facts.range_test, spec)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_rates_that_were_found_are_those_that_train(short_range, monkeypatch, optimizer):
    losses, found = ("cross_entropy", "mse", "hinge"), [0.001, 0.02, 0.05]
    monkeypatch.setattr(protocols, "best_rates", lambda tested, spec: found)
    reports = list(train(spec_of(losses, Protocol.BEST_RATE, optimizer=optimizer)))
    assert with_facts(reports).facts.learning_rates == found
    for index, (loss, rate) in enumerate(zip(losses, found, strict=True)):
        alone = curves(list(train(spec_of((loss,), optimizer=optimizer, rate=rate))))
        ours = curves(reports)[:, 2 * index : 2 * index + 2]
        np.testing.assert_allclose(ours, alone, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------ matched gradients


def first_norms(prepared: Prepared) -> tuple[list[float], Tensor]:
    """Norm of each loss's first gradient, mean over seeds, and the batch's rows."""
    batch = next(prepared.batches.epoch())
    learner = prepared.learner
    learner.differentiate(batch)
    norms = learner.stack.gradient_norms()
    return [float(norms[group.runs].mean()) for group in learner.groups], batch.rows


@pytest.mark.parametrize(
    ("data", "losses"),
    [
        ("breast_cancer", ("mse", "cross_entropy", "bce", "hinge")),
        ("digits", ("cross_entropy", "bce", "mse", "hinge")),
        ("diabetes", ("mse", "l1", "huber")),
    ],
)
def test_first_gradients_have_one_norm_after_scaling(data, losses):
    with torch.inference_mode():
        as_they_are, rows = first_norms(prepare(spec_of(losses, data=data)))
        prepared = prepare(spec_of(losses, Protocol.MATCHED_GRADIENTS, data, "sgd"))
        assert list(prepared.settle()) == []
        matched, same_rows = first_norms(prepared)
    assert torch.equal(rows, same_rows)
    assert matched == pytest.approx([as_they_are[0]] * len(losses), rel=1e-5)
    assert max(as_they_are) > 1.1 * min(as_they_are)
    scales = prepared.facts().gradient_scales
    assert scales == pytest.approx([as_they_are[0] / norm for norm in as_they_are], rel=1e-5)
    assert scales[0] == 1


def test_the_scale_is_that_of_autograds_gradients():
    spec = spec_of(
        ("cross_entropy", "mse"), Protocol.MATCHED_GRADIENTS, optimizer="sgd", seeds=(0,)
    )
    with torch.inference_mode():
        prepared = prepare(spec)
        list(prepared.settle())
        batch = next(prepared.batches.epoch())
    x, y = batch.rows[0].clone(), batch.newest[1][0, 0].clone()
    norms = []
    groups = prepared.learner.groups
    networks = plain.networks_of(prepared.learner.stack, groups)
    for network, group in zip(networks, groups, strict=True):
        value = plain.loss_function(group.entrant.loss, spec.dataset.task)(network(x), y)
        gradients = torch.autograd.grad(value, list(network.parameters()))
        norms.append(torch.cat([each.flatten() for each in gradients]).norm().item())
    scale = prepared.facts().gradient_scales[1]
    assert scale == pytest.approx(norms[0] / norms[1], rel=1e-5)


def test_under_sgd_a_scale_is_a_learning_rate_and_the_losses_are_shown_unscaled():
    reports = list(train(spec_of(held=Protocol.MATCHED_GRADIENTS, optimizer="sgd")))
    facts = with_facts(reports).facts
    assert facts.learning_rates == [0.01] * 3
    losses = ("cross_entropy", "bce", "mse")
    for index, (loss, scale) in enumerate(zip(losses, facts.gradient_scales, strict=True)):
        alone = curves(list(train(spec_of((loss,), optimizer="sgd", rate=0.01 * scale))))
        ours = curves(reports)[:, 2 * index : 2 * index + 2]
        np.testing.assert_allclose(ours, alone, rtol=1e-4, atol=1e-5)
    same = list(train(spec_of(optimizer="sgd")))
    np.testing.assert_array_equal(curves(same)[0], curves(reports)[0])
    assert reports[-1].snapshot.order_sha256 == same[-1].snapshot.order_sha256
    assert facts.trunk_sha256 == with_facts(same).facts.trunk_sha256


@pytest.mark.parametrize("losses", [("cross_entropy", "mse"), ("mse", "cross_entropy")])
def test_beside_a_loss_without_a_gradient_all_are_left_as_they_are(losses):
    spec = spec_of(losses, Protocol.MATCHED_GRADIENTS, optimizer="sgd")
    with torch.inference_mode():
        prepared = prepare(spec)
        head = prepared.learner.stack.layers[-1]
        place = losses.index("mse")
        # So sure that a squared error learns nothing.
        head.bias[spec.runs_of(place)] = 1e4
        list(prepared.settle())
    assert prepared.facts().gradient_scales == [1, 1]


# ------------------------------------------------------------------ one function of p


def both_functions(
    held: Protocol, losses: tuple[str, str], **optimizer
) -> tuple[np.ndarray, float]:
    """Step losses ``[300, 2, S]`` and the largest difference of trunk weights at the end."""
    spec = spec_of(losses, held, "moons", epochs=60, **optimizer)
    with torch.inference_mode():
        prepared = prepare(spec)
        recorded = []
        for batch in itertools.chain.from_iterable(prepared.batches.epoch() for _ in range(60)):
            recorded.append(prepared.learner.step(batch)[0].view(2, 2).numpy())
        trunk = prepared.learner.stack.layers[0].weight
        apart = max(float((trunk[seed] - trunk[2 + seed]).abs().max()) for seed in (0, 1))
    return np.stack(recorded), apart


@pytest.mark.parametrize("losses", [("cross_entropy", "bce"), ("bce", "cross_entropy")])
@pytest.mark.parametrize(
    "optimizer",
    [
        {"optimizer": "sgd", "rate": 0.1},
        {"optimizer": "momentum", "rate": 0.02, "momentum": 0.9},
    ],
)
def test_two_logits_and_one_are_one_function_step_by_step(losses, optimizer):
    curves_of_both, apart = both_functions(Protocol.ONE_FUNCTION, losses, **optimizer)
    assert len(curves_of_both) == 300
    np.testing.assert_allclose(curves_of_both[:, 0], curves_of_both[:, 1], rtol=0, atol=1e-6)
    assert apart < 1e-5
    # They learn, and not both the same nothing.
    assert curves_of_both[-30:].mean() < 0.6 * curves_of_both[0].mean()
    without, drifted = both_functions(Protocol.SAME_RATE, losses, **optimizer)
    assert np.abs(without[:, 0] - without[:, 1]).max() > 0.01
    assert drifted > 0.01


def test_only_the_head_of_one_logit_starts_otherwise():
    held = {name: spec_of(("bce", "cross_entropy"), name, optimizer="sgd") for name in Protocol}
    with torch.inference_mode():
        one, same = (prepare(held[name]) for name in (Protocol.ONE_FUNCTION, Protocol.SAME_RATE))
    assert one.facts().trunk_sha256 == same.facts().trunk_sha256
    starts = [[each.learner.stack.parameters_of(run) for run in range(4)] for each in (one, same)]
    for run, (ours, theirs) in enumerate(zip(*starts, strict=True)):
        assert torch.equal(ours, theirs) is (run >= 2)
    assert not one.learner.stack.layers[-1].weight[:2, 1:].any(), "padding"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"losses": ("cross_entropy", "mse")}, "['cross_entropy', 'mse'] on Breast cancer."),
        ({"losses": ("cross_entropy",)}, "['cross_entropy'] on Breast cancer."),
        ({"losses": ("cross_entropy", "bce", "mse")}, "['cross_entropy', 'bce', 'mse'] on"),
        (
            {"data": "digits"},
            "data with two classes. The losses were ['cross_entropy', 'bce'] on D",
        ),
        ({"optimizer": "adam"}, "the optimizer was adam with weight decay 0."),
        ({"optimizer": "adamw"}, "the optimizer was adamw with weight decay 0."),
        ({"weight_decay": 0.01}, "the optimizer was sgd with weight decay 0.01."),
    ],
)
def test_one_function_is_refused_where_it_would_not_be_one(change, said):
    fitting = {"losses": ("cross_entropy", "bce"), "optimizer": "sgd"}
    assert spec_of(held=Protocol.ONE_FUNCTION, **fitting).training.protocol == "one_function"
    with pytest.raises(SpecError) as refused:
        spec_of(held=Protocol.ONE_FUNCTION, **fitting | change)
    (sentences,) = refused.value.sentences
    assert sentences.startswith("CrossEntropy and BCE ")
    assert sentences.endswith(".")
    assert said in sentences
    assert spec_of(**fitting | change).training.protocol == "same_rate"


def test_one_function_is_refused_with_other_parameters_than_the_defaults():
    spec = spec_of(losses=("cross_entropy", "bce"), optimizer="sgd", held=Protocol.ONE_FUNCTION)
    bce = {"loss": "bce"}

    def beside_bce(**cross_entropy: object) -> ExperimentSpec:
        pair = [{"loss": "cross_entropy", **cross_entropy}, bce]
        return ExperimentSpec.parse({**json.loads(spec.to_json()), "entrants": pair})

    with pytest.raises(SpecError, match=r"at the defaults; CrossEntropy had label smoothing 0\.1"):
        beside_bce(parameters={"label_smoothing": 0.1})
    with pytest.raises(SpecError, match=r"at one learning rate; CrossEntropy had its own, 0\.02"):
        beside_bce(learning_rate=0.02)
    with pytest.raises(
        SpecError, match=r"from one last layer .*; CrossEntropy had the head seed 1\."
    ):
        beside_bce(head_seed=1)
    assert beside_bce(parameters={"label_smoothing": 0.0}, learning_rate=0.01, name="A").lineup
