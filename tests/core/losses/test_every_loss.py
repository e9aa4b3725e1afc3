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
from core.judging.yardsticks import first_yardstick, gives_probabilities, yardsticks
from core.losses import LOSSES, RIVALS, Task, fitting
from core.records import Measure, Progress, Split, Status
from core.spec import EntrantSpec, ExperimentSpec
from core.training import train
from core.training.preparation import prepare
from core.training.rows import load_rows
from tests.core import experiments, plain
from tests.core.tidy import scores

DATA = {Task.BINARY: "moons", Task.MULTICLASS: "wine", Task.REGRESSION: "diabetes"}
CASES = [(loss.key, task) for loss in LOSSES.values() for task in loss.formulas]
every_loss = pytest.mark.parametrize(("key", "task"), CASES)
every_loss_with_parameters = pytest.mark.parametrize(
    ("key", "task"), [case for case in CASES if LOSSES[case[0]].parameters]
)
OWN = "(p - y)**2 * (1 + y**2)"


def entrant(key: str, **parts: object) -> EntrantSpec:
    return EntrantSpec(loss=key, expression=OWN if key == "custom" else None, **parts)


def at_defaults(key: str, task: Task) -> EntrantSpec:
    return entrant(key)


def changed(key: str, task: Task) -> EntrantSpec:
    return experiments.changed(key, DATASETS[DATA[task]].outputs, OWN)


def spec_of(task: Task, *entrants: EntrantSpec | str, **parts: object) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": DATA[task], "rows": 200},
            "network": {"hidden_sizes": [8]},
            "optimizer": {"learning_rate": 0.01},
            "training": {"batch_size": 32, "epochs": 6, "device": "cpu"},
            "entrants": [entrant(each) if isinstance(each, str) else each for each in entrants],
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
    assert all(math.isfinite(value) for value in facts.baselines)
    found = {
        (row.run, row.measure): row.value
        for row in scores(reports[-1].evaluations)
        if row.split == "val"
    }
    for run in range(spec.run_count):
        loss = spec.entrant_of(run).loss
        assert math.isfinite(found[run, Measure.LOSS])
        for yardstick in yardsticks(task):
            is_known = not yardstick.needs_probabilities or gives_probabilities(loss, task)
            assert np.isfinite(snapshot.score(yardstick.measure)[run]) == is_known
            if yardstick.is_judged_each_epoch:
                assert math.isfinite(found[run, yardstick.measure]) == is_known
    seeds = len(spec.seeds)
    for row, gradients in zip(snapshot.margins, facts.lens["gradients"], strict=True):
        assert row.sum() == 32 * seeds
        assert any(gradients)
    assert len(facts.baselines) == len(snapshot.margins) == len(spec.entrants)


def learned(spec: ExperimentSpec, reports: list[Progress], run: int) -> bool:
    """Whether the first yardstick is better at the end than at the start.

    Of a loss that can't tell examples apart, whether the loss itself is.
    """
    if spec.entrants[0].loss == "broadcast_mse":
        first, last = _first_and_last(reports, run, Measure.LOSS)
        return last < first
    first, last = _first_and_last(reports, run, first_yardstick(spec.dataset.task).measure)
    return last > first


def _first_and_last(reports: list[Progress], run: int, measure: Measure) -> list[float]:
    return [
        next(
            row.value
            for row in scores(report.evaluations)
            if (row.run, row.split, row.measure) == (run, Split.VAL, measure)
        )
        for report in (reports[0], reports[-1])
    ]


@every_loss
def test_it_trains_alone_and_learns(key, task):
    spec = spec_of(task, key, seeds=[0, 1])
    reports = list(train(spec))
    check_finite(spec, reports)
    assert learned(spec, reports, 0) or learned(spec, reports, 1)
    if key != "custom":
        head = LOSSES[key].head.width(spec.dataset.outputs)
        assert spec.layer_sizes[-1] == head


def alike(curves: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for the order of sums, which is that of the batch's layout in memory."""
    np.testing.assert_allclose(curves, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.some(5)
@pytest.mark.parametrize(
    ("task", "keys"),
    [
        pytest.param(task, keys, id=f"{task}-{number}")
        for task in Task
        for number, keys in enumerate(experiments.races(task), start=1)
    ],
)
@pytest.mark.parametrize("setting", [at_defaults, changed])
def test_all_race_and_each_trains_as_it_does_alone(task, keys, setting):
    entrants = [setting(key, task) for key in keys]
    spec = spec_of(task, *entrants, seeds=[3, 4])
    reports = list(train(spec))
    check_finite(spec, reports)
    curves = curves_of(reports)
    for place, each in enumerate(entrants):
        alone = curves_of(list(train(spec_of(task, each, seeds=[3, 4]))))
        alike(curves[:, spec.runs_of(place)], alone)
    looks = {(each.color, each.dash) for each in spec.lineup}
    assert len(looks) == len({each.title for each in spec.lineup}) == len(keys)


def test_every_loss_with_parameters_is_tried_with_all_of_them_changed():
    assert {key: set(values) for key, values in experiments.CHANGED.items()} == {
        loss.key: {each.name for each in loss.parameters}
        for loss in LOSSES.values()
        if loss.parameters
    }


@every_loss_with_parameters
def test_two_settings_of_a_loss_race_and_differ(key, task):
    entrants = at_defaults(key, task), changed(key, task)
    spec = spec_of(task, *entrants, seeds=[3, 4])
    reports = list(train(spec))
    check_finite(spec, reports)
    curves = curves_of(reports)
    first, second = curves[:, spec.runs_of(0)], curves[:, spec.runs_of(1)]
    assert (np.abs(first - second) > 1e-3 * np.abs(first)).mean() > 0.9
    for each, curve in zip(entrants, (first, second), strict=True):
        alike(curve, curves_of(list(train(spec_of(task, each, seeds=[3, 4])))))
    one, other = reports[0].facts.baselines
    assert one != pytest.approx(other, rel=1e-3)
    assert len({each.title for each in spec.lineup}) == 2
    judged = {
        row.run: row.value for row in scores(reports[-1].evaluations) if row.measure is Measure.LOSS
    }
    assert judged[0] != pytest.approx(judged[2], rel=1e-3)


@every_loss_with_parameters
@torch.inference_mode()
def test_its_parameters_reach_training(key, task):
    """The first loss of all, before any update, is the formula's with the parameters bound."""
    first_losses = []
    for each in (at_defaults(key, task), changed(key, task)):
        prepared = prepare(spec_of(task, each))
        learner = prepared.learner
        network = plain.network_of(learner.stack, 0, learner.groups[0].width)
        batch = next(prepared.batches.epoch())
        loss = learner.step(batch).item()
        targets, formula = batch.newest[0][0], each.loss_spec.formulas[task]
        values, _saved = formula.forward(network(batch.rows[0]).T, targets)
        expected = formula.mean(values, targets)
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        first_losses.append(loss)
    assert first_losses[0] != pytest.approx(first_losses[1], rel=1e-3)


@pytest.mark.parametrize(
    ("key", "values"), [("nll", {}), ("focal", {"gamma": 0.0}), ("kl_div", {"smoothing": 0.0})]
)
def test_equal_losses_train_alike(key, values):
    spec = spec_of(Task.MULTICLASS, "cross_entropy", entrant(key, parameters=values))
    one, other = curves_of(list(train(spec))).T
    alike(one, other)


# ------------------------------------------------------------------ amounts


def test_amounts_are_judged_as_scikit_learn_judges_them_in_raw_units():
    """A rate times the standard deviation is a prediction of the raw target."""
    spec = spec_of(Task.REGRESSION, "poisson_nll", "mse", seeds=[0, 1])
    with torch.inference_mode():
        prepared = prepare(spec)
        learner = prepared.learner
        for batch in prepared.batches.epoch():
            learner.step(batch)
        found = {
            (row.run, row.measure): row.value
            for row in scores([prepared.evaluator.evaluate(1, 1)])
            if row.split is Split.VAL
        }
        logits = learner.logits(batch.size)
        newest = list(zip(learner.groups, logits, batch.newest, strict=True))
        seen = prepared.observer.snapshot(1, 1, prepared.batches.order_sha256, newest)
    y = load_rows(spec, torch.device("cpu")).y
    everything = set(load_diabetes().target.tolist())
    for seed in (0, 1):
        data = load(spec.data, seed)
        scale = data.target_scale
        raw = (data.y_val.astype(float) + data.target_offset) * scale
        assert set(raw.round().tolist()) <= everything
        with torch.inference_mode():
            z = plain.network_of(learner.stack, seed, 1)(torch.from_numpy(data.x_val))[:, 0]
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
            learner.groups[0].encode(y, Task.REGRESSION)[seed, 0],
            y[seed] + data.target_offset,
        )


def test_targets_below_0_are_refused_for_amounts_alone(monkeypatch):
    entry = DATASETS["diabetes"]

    def lowered(*drawn):
        x, y = entry.source(*drawn)
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
        ("sign(z - y)", Task.REGRESSION, "The gradient is 0 at every random start"),
        ("z / (y - y)", Task.BINARY, "at a random start; it must be finite there"),
    ],
)
def test_one_that_cannot_be_trained_fails_before_training_with_the_reason(
    expression, task, sentence
):
    with pytest.raises(LossExpressionError, match=sentence):
        next(train(spec_of(task, "mse", EntrantSpec(loss="custom", expression=expression))))


def test_one_written_as_cross_entropy_trains_as_cross_entropy():
    own = EntrantSpec(loss="custom", expression="-y*log(p)")
    spec = spec_of(Task.MULTICLASS, "cross_entropy", own, seeds=[0, 1])
    reports = list(train(spec))
    curves = curves_of(reports)
    alike(curves[:, 2:], curves[:, :2])
    nll = reports[-1].snapshot.score("nll")
    np.testing.assert_allclose(nll[:2], nll[2:], rtol=1e-3)


# ------------------------------------------------------------------ fairness


@pytest.mark.parametrize("protocol", ["best_rate", "matched_gradients"])
def test_the_fairness_protocols_take_every_loss(protocol):
    keys = [loss.key for loss in fitting(Task.REGRESSION)]
    training = {"batch_size": 64, "epochs": 2, "device": "cpu", "protocol": protocol}
    # Gradients are matched under SGD alone; at this rate all stay finite.
    optimizer = {"name": "sgd", "learning_rate": 1e-4} if protocol == "matched_gradients" else {}
    spec = spec_of(Task.REGRESSION, *keys, training=training, optimizer=optimizer)
    reports = list(train(spec))
    facts = next(report.facts for report in reports if report.facts)
    assert len(facts.learning_rates) == len(facts.gradient_scales) == len(keys)
    if protocol == "best_rate":
        for key, skills in zip(keys, facts.range_test["skills"], strict=True):
            best = max(skill for skill in skills if skill is not None)
            # Of this one the best there is is the mean, whose skill is 0.
            assert best == pytest.approx(0, abs=0.05) if key == "broadcast_mse" else best > 0
    else:
        assert all(0 < scale < 1e3 for scale in facts.gradient_scales)
    assert np.isfinite(curves_of(reports)).all()


def test_the_rivals_come_first():
    assert tuple(LOSSES)[:3] == RIVALS
