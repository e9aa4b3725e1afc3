"""Every loss of the catalogue trained on every task that it fits, alone and in a race."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from core.data import DATASETS, load
from core.errors import LossExpressionError, SpecError
from core.losses import LOSSES, RIVALS, Task, fitting
from core.records import Measure, Progress, Split, Status
from core.spec import ExperimentSpec
from core.training.preparation import Trainer
from core.training import train
from core.judging.yardsticks import gives_probabilities, yardsticks
from tests.core import plain

DATA = {Task.BINARY: "moons", Task.MULTICLASS: "wine", Task.REGRESSION: "diabetes"}
CASES = [(loss.key, task) for loss in LOSSES.values() for task in loss.formulas]
every_loss = pytest.mark.parametrize(("key", "task"), CASES)

#: One that trains, for each loss that has some.
CHANGED = {
    "cross_entropy": {"label_smoothing": 0.1},
    "mse_on_raw_outputs": {"k": 2.0, "M": 3.0},
    "generalised_cross_entropy": {"q": 0.4},
    "symmetric_cross_entropy": {"alpha": 0.5, "beta": 0.8, "A": -2.0},
    "bce": {"pos_weight": 2.0},
    "kl_div": {"smoothing": 0.3},
    "focal": {"gamma": 0.5},
    "hinge": {"margin": 2.0, "p": 2},
    "huber": {"delta": 0.3},
    "smooth_l1": {"beta": 0.3},
}
OWN = "(p - y)**2 * (1 + y**2)"


def spec_of(task: Task, *losses: str, **parts: object) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": DATA[task], "rows": 200},
            "network": {"hidden_sizes": [8]},
            "optimizer": {"learning_rate": 0.01},
            "training": {"batch_size": 32, "epochs": 6, "device": "cpu"},
            "losses": losses,
            "custom_loss": OWN,
            **parts,
        }
    )


def curves_of(reports: list[Progress]) -> np.ndarray:
    return np.concatenate([report.losses for report in reports])


def check_finite(spec: ExperimentSpec, reports: list[Progress]) -> None:
    """Losses, baselines, the lens, and every yardstick that a loss can have."""
    assert reports[-1].outcome is Status.FINISHED
    assert np.isfinite(curves_of(reports)).all()
    facts, snapshot, task = reports[0].facts, reports[-1].snapshot, spec.dataset.task
    assert all(math.isfinite(value) for value in facts.baselines.values())
    scores = {
        (row.run, row.measure): row.value for row in reports[-1].evaluations if row.split == "val"
    }
    for run in range(spec.run_count):
        loss = spec.losses[run // len(spec.seeds)]
        assert math.isfinite(scores[run, Measure.LOSS])
        for yardstick in yardsticks(task):
            is_known = not yardstick.needs_probabilities or gives_probabilities(
                spec.loss(loss), task
            )
            assert np.isfinite(snapshot.score(yardstick.measure)[run]) == is_known
            if yardstick.is_judged_each_epoch:
                assert math.isfinite(scores[run, yardstick.measure]) == is_known
    seeds = len(spec.seeds)
    for row, loss in zip(snapshot.margins, spec.losses, strict=True):
        assert row.sum() == 32 * seeds
        assert any(facts.lens["gradients"][loss])


def learned(spec: ExperimentSpec, reports: list[Progress], run: int) -> bool:
    """Whether the first yardstick is better at the end than at the start."""
    measure = yardsticks(spec.dataset.task)[-1 if spec.dataset.outputs == 1 else 0].measure
    first, last = (
        next(
            row.value
            for row in report.evaluations
            if (row.run, row.split, row.measure) == (run, Split.VAL, measure)
        )
        for report in (reports[0], reports[-1])
    )
    return last > first


@every_loss
def test_it_trains_alone_and_learns(key, task):
    spec = spec_of(task, key, seeds=[0, 1])
    reports = list(train(spec))
    check_finite(spec, reports)
    assert learned(spec, reports, 0) or learned(spec, reports, 1)
    if key != "custom":
        head = spec.loss_specs[0].head.width(spec.dataset.outputs)
        assert spec.layer_sizes[-1] == head


@pytest.mark.parametrize("task", Task)
def test_all_race_and_each_trains_as_it_does_alone(task):
    keys = [loss.key for loss in fitting(task)]
    parameters = {key: CHANGED[key] for key in keys if key in CHANGED}
    spec = spec_of(task, *keys, seeds=[3, 4], loss_parameters=parameters)
    reports = list(train(spec))
    check_finite(spec, reports)
    curves = curves_of(reports)
    for place, key in enumerate(keys):
        alone = spec_of(task, key, seeds=[3, 4], loss_parameters=parameters)
        own = curves_of(list(train(alone)))
        np.testing.assert_allclose(curves[:, 2 * place : 2 * place + 2], own, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("key", CHANGED)
def test_its_parameters_reach_training(key):
    """The first loss of all, before any update, is the form's with the parameters bound."""
    task = next(iter(LOSSES[key].formulas))
    curves = []
    for values in ({}, CHANGED[key]):
        spec = spec_of(task, key, loss_parameters={key: values})
        with torch.inference_mode():
            trainer = Trainer(spec)
            network = plain.network_of(trainer.stack, 0, trainer.groups[0].width)
            losses = (torch.zeros(1),)
            batch = next(iter(trainer.batches()))
            trainer.step(batch, losses)
            targets = batch.targets[0][0]
            expected = spec.loss_specs[0].formulas[task].forward(network(batch.x[0]).T, targets)[0]
        assert losses[0].item() == pytest.approx(expected.mean().item(), rel=1e-5)
        curves.append(losses[0].item())
    assert curves[0] != pytest.approx(curves[1], rel=1e-3)


@pytest.mark.parametrize(
    ("key", "values"), [("nll", {}), ("focal", {"gamma": 0.0}), ("kl_div", {"smoothing": 0.0})]
)
def test_equal_losses_train_alike(key, values):
    spec = spec_of(Task.MULTICLASS, "cross_entropy", key, loss_parameters={key: values})
    one, other = curves_of(list(train(spec))).T
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


# ------------------------------------------------------------------ amounts


def test_amounts_are_judged_as_scikit_learn_judges_them_in_raw_units():
    """A rate times the standard deviation is a prediction of the raw target."""
    spec = spec_of(Task.REGRESSION, "poisson_nll", "mse", seeds=[0, 1])
    with torch.inference_mode():
        trainer = Trainer(spec)
        for batch in trainer.batches():
            trainer.step(batch, (torch.zeros(2), torch.zeros(2)))
        found = {
            (row.run, row.measure): row.value
            for row in trainer.evaluator.evaluate(1, 1)
            if row.split is Split.VAL
        }
        seen = trainer.snapshot(1, 1)
    everything = set(load_diabetes().target.tolist())
    for seed in (0, 1):
        split = load(spec.data, seed)
        scale = split.target_scale
        raw = (split.y_val.astype(float) + split.target_offset) * scale
        assert set(raw.round().tolist()) <= everything
        with torch.inference_mode():
            z = plain.network_of(trainer.stack, seed, 1)(torch.from_numpy(split.x_val))[:, 0]
        predicted = z.exp().numpy().astype(float) * scale
        assert found[seed, Measure.R2] == pytest.approx(r2_score(raw, predicted), abs=1e-5)
        assert found[seed, Measure.MSE] == pytest.approx(
            mean_squared_error(raw, predicted) / scale**2, rel=1e-4
        )
        assert found[seed, Measure.MAE] == pytest.approx(
            mean_absolute_error(raw, predicted) / scale, rel=1e-4
        )
        assert seen.score("r2")[seed] == pytest.approx(found[seed, Measure.R2], abs=1e-6)
        expected = (raw - predicted) / scale
        np.testing.assert_allclose(seen.actual[seed] - seen.predicted[seed], expected, atol=1e-4)
        np.testing.assert_allclose(
            trainer.groups[0].encode(trainer.y, Task.REGRESSION)[seed, 0],
            trainer.y[seed] + split.target_offset,
        )


def test_targets_below_0_are_refused_for_amounts_alone(monkeypatch):
    entry = DATASETS["diabetes"]

    def lowered(data, seed):
        x, y = entry.source(data, seed)
        return x, y - 100

    monkeypatch.setitem(DATASETS, "diabetes", dataclasses.replace(entry, source=lowered))
    with pytest.raises(SpecError, match="amounts of 0 or more; a target of Diabetes was -7"):
        next(train(spec_of(Task.REGRESSION, "mse", "poisson_nll")))
    next(train(spec_of(Task.REGRESSION, "mse", "gaussian_nll")))


# ------------------------------------------------------------------ a person's own


@pytest.mark.parametrize(
    ("expression", "task", "sentence"),
    [
        ("log(z)", Task.REGRESSION, "The loss is nan at a random start"),
        ("sign(z - y)", Task.REGRESSION, "The gradient is 0 at a random start"),
        ("z / (y - y)", Task.BINARY, "at a random start; it must be finite there"),
    ],
)
def test_one_that_cannot_be_trained_fails_before_training_with_the_reason(
    expression, task, sentence
):
    with pytest.raises(LossExpressionError, match=sentence):
        next(train(spec_of(task, "mse", "custom", custom_loss=expression)))


def test_one_written_as_cross_entropy_trains_as_cross_entropy():
    spec = spec_of(
        Task.MULTICLASS, "cross_entropy", "custom", custom_loss="-y*log(p)", seeds=[0, 1]
    )
    reports = list(train(spec))
    curves = curves_of(reports)
    np.testing.assert_allclose(curves[:, :2], curves[:, 2:], rtol=1e-3, atol=1e-5)
    nll = reports[-1].snapshot.score("nll")
    np.testing.assert_allclose(nll[:2], nll[2:], rtol=1e-3)


# ------------------------------------------------------------------ fairness


@pytest.mark.parametrize("protocol", ["best_rate", "matched_gradients"])
def test_the_fairness_protocols_take_every_loss(protocol):
    keys = [loss.key for loss in fitting(Task.REGRESSION)]
    training = {"batch_size": 64, "epochs": 2, "device": "cpu", "protocol": protocol}
    spec = spec_of(Task.REGRESSION, *keys, training=training)
    reports = list(train(spec))
    facts = next(report.facts for report in reports if report.facts)
    if protocol == "best_rate":
        for skills in facts.range_test["skills"].values():
            assert max(skill for skill in skills if skill is not None) > 0
    else:
        assert all(0 < scale < 1e3 for scale in facts.gradient_scales.values())
    assert np.isfinite(curves_of(reports)).all()


def test_the_rivals_come_first():
    assert tuple(LOSSES)[:3] == RIVALS
