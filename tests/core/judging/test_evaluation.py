"""The evaluator against plain PyTorch and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, r2_score

from core.judging import evaluation
from core.judging.evaluation import Evaluator
from core.losses import Link, Task
from core.network.groups import Group, encode
from core.network.stack import Stack
from core.network.start import initialise
from core.records import Measure, Split
from core.spec import Activation, StartSpec
from core.spec.entrants import lineup
from core.training import device
from tests.core import plain
from tests.core.experiments import entrants
from tests.core.tidy import scores


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("width", [1, 3])
def test_targets_are_encoded_for_the_head(task, width):
    y = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
    encoded = encode(y, task, width)
    expected = [plain.columns(row, task, width).T for row in y]
    assert torch.equal(encoded, torch.stack(expected))


# ------------------------------------------------------------------ the evaluator


ROWS = 1300
FEATURES = 4


def groups_of(task: Task, names: tuple[str, ...], classes: int) -> list[Group]:
    return [
        Group(
            entrant,
            entrant.loss.formulas[task],
            slice(2 * entrant.place, 2 * entrant.place + 2),
            entrant.loss.head.width(classes),
        )
        for entrant in lineup(entrants(*names), 0.1)
    ]


def started(task: Task, names: tuple[str, ...], classes: int) -> tuple[Stack, list[Group]]:
    """Two seeds a loss, each at its start."""
    groups = groups_of(task, names, classes)
    widest = max(group.width for group in groups)
    stack = Stack(2 * len(groups), (FEATURES, 8, widest), Activation.GELU)
    for group in groups:
        for seed in (0, 1):
            initialise(stack, group.runs.start + seed, seed, group.width, StartSpec())
    return stack, groups


def some_data(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, ROWS, FEATURES, generator=generator)
    # Ordered, so that the mean of the batches' means would be another number.
    y = torch.arange(ROWS) * classes // ROWS if classes > 1 else torch.arange(ROWS) / ROWS
    return x * (1 + torch.arange(ROWS)[:, None] / 500), y.float().expand(2, -1).contiguous()


CASES = [
    (Task.BINARY, ("cross_entropy", "bce", "mse", "hinge"), 2),
    (Task.MULTICLASS, ("cross_entropy", "bce", "mse", "hinge"), 3),
    # One of these is of all rows of its split together.
    (Task.REGRESSION, ("mse", "gaussian_nll", "huber", "broadcast_mse"), 1),
]


@pytest.mark.parametrize(("task", "names", "classes"), CASES)
def test_rows_are_those_of_plain_pytorch_on_all_rows_at_once(task, names, classes):
    stack, groups = started(task, names, classes)
    x, y = some_data(classes)
    judged = {Split.TRAIN: (x, y), Split.VAL: (x[:, :100], y[:, :100])}
    evaluator = Evaluator(stack, groups, task, judged)
    rows = scores([evaluator.evaluate(epoch=3, step=30)])
    assert {(row.epoch, row.step) for row in rows} == {(3, 30)}
    found = {(row.run, row.split, row.measure): row.value for row in rows}
    # Beside the loss, one yardstick on the training rows and three on the held-out ones.
    assert len(rows) == len(found) == 2 * len(groups) * (2 + 4)
    for run, network in enumerate(plain.networks_of(stack, groups)):
        loss = groups[run // 2].entrant.loss
        for split, count in ((Split.TRAIN, ROWS), (Split.VAL, 100)):
            targets = y[run % 2, :count]
            with torch.no_grad():
                z = network(x[run % 2, :count])
            expected = plain.loss_function(loss, task)(z, targets).item()
            assert found[run, split, Measure.LOSS] == pytest.approx(expected, rel=1e-5)
            if not task.is_classification:
                measure, judged = Measure.R2, r2_score(targets, z[:, 0])
            else:
                measure = Measure.ACCURACY
                judged = accuracy_score(targets, z[:, 0] > 0 if z.shape[1] == 1 else z.argmax(1))
            assert found[run, split, measure] == pytest.approx(judged, rel=1e-5)


@pytest.mark.parametrize(("task", "names", "classes"), CASES[:2])
def test_probabilities_are_judged_for_every_loss_that_gives_some(task, names, classes):
    stack, groups = started(task, names, classes)
    x, y = some_data(classes)
    evaluator = Evaluator(stack, groups, task, {Split.VAL: (x, y)})
    found = {(row.run, row.measure): row.value for row in scores([evaluator.evaluate(0, 0)])}
    for run, network in enumerate(plain.networks_of(stack, groups)):
        formula = groups[run // 2].formula
        if formula.link is Link.IDENTITY:
            assert math.isnan(found[run, Measure.NLL])
            assert math.isnan(found[run, Measure.BRIER])
            continue
        with torch.no_grad():
            p = plain.LINKS[formula.link](network(x[run % 2])).double()
        p = torch.cat([1 - p, p], 1) if p.shape[1] == 1 else p / p.sum(1, keepdim=True)
        assert found[run, Measure.NLL] == pytest.approx(log_loss(y[run % 2], p), rel=1e-5)


@pytest.mark.parametrize(("task", "names", "classes"), CASES)
def test_a_broken_run_has_no_score_on_any_split_and_the_others_theirs(task, names, classes):
    stack, groups = started(task, names, classes)
    x, y = some_data(classes)
    judged = {Split.TRAIN: (x[:, :100], y[:, :100]), Split.VAL: (x[:, 100:], y[:, 100:])}
    evaluator = Evaluator(stack, groups, task, judged)
    whole = scores([evaluator.evaluate(0, 0)])
    stack.layers[0].parameters[1] = torch.nan
    for before, after in zip(whole, scores([evaluator.evaluate(0, 0)]), strict=True):
        if after.run == 1:
            assert math.isnan(after.value), after
        else:
            assert after.value == pytest.approx(before.value, nan_ok=True)


def test_rows_count_alike_however_many_are_evaluated_at_once(monkeypatch):
    task, names, classes = CASES[1]
    stack, groups = started(task, names, classes)
    x, y = some_data(classes)

    def judged(evaluator: Evaluator) -> list[float]:
        # The hinge gives no probabilities, so it has neither NLL nor Brier.
        return [row.value for row in scores([evaluator.evaluate(0, 0)]) if math.isfinite(row.value)]

    evaluator = Evaluator(stack, groups, task, {Split.VAL: (x, y)})
    in_parts = judged(evaluator)
    assert len(in_parts) == 2 * (3 * 4 + 2)
    monkeypatch.setattr(evaluation, "_ROWS_AT_ONCE", ROWS)
    at_once = judged(evaluator)
    assert in_parts == pytest.approx(at_once, rel=1e-6)
    pieces = []
    for rows, targets in zip(x.split(512, 1), y.split(512, 1), strict=True):
        piece = Evaluator(stack, groups, task, {Split.VAL: (rows, targets)})
        pieces.append(judged(piece))
    assert np.mean(pieces, axis=0) != pytest.approx(at_once, rel=1e-3)


# ------------------------------------------------------------------ baselines


def test_the_baseline_is_the_mean_over_seeds_of_the_best_constants_loss():
    y = torch.tensor([[0.0, 0, 0, 1], [0, 0, 1, 1]])
    (ce, bce, mse) = groups_of(Task.BINARY, ("cross_entropy", "bce", "mse"), 2)
    entropy = (-0.75 * math.log(0.75) - 0.25 * math.log(0.25) + math.log(2)) / 2
    assert ce.baseline(y, Task.BINARY) == pytest.approx(entropy, rel=1e-6)
    assert bce.baseline(y, Task.BINARY) == pytest.approx(entropy, rel=1e-6)
    assert mse.baseline(y, Task.BINARY) == pytest.approx((3 / 16 + 1 / 4) / 2, rel=1e-6)


def test_the_baseline_of_values_is_variance_or_absolute_deviation():
    y = torch.tensor([[-2.0, 0, 0, 2]])
    mse, l1, huber = groups_of(Task.REGRESSION, ("mse", "l1", "huber"), 1)
    assert mse.baseline(y, Task.REGRESSION) == pytest.approx(2)
    assert l1.baseline(y, Task.REGRESSION) == pytest.approx(1)
    assert huber.baseline(y, Task.REGRESSION) == pytest.approx(0.75)


@pytest.mark.parametrize(("task", "names", "classes"), CASES)
@pytest.mark.parametrize("threads", [1, 3])
def test_runs_and_rows_are_dealt_out_and_put_together_again(
    monkeypatch, task, names, classes, threads
):
    stack, groups = started(task, names, classes)
    x, y = some_data(classes)
    judged = {Split.TRAIN: (x[:, :700], y[:, :700]), Split.VAL: (x[:, 700:], y[:, 700:])}
    whole = Evaluator(stack, groups, task, judged)
    monkeypatch.setattr(evaluation, "_ACTIVATIONS_AT_ONCE", 1)
    dealt = Evaluator(stack, groups, task, judged, device.mapping(threads), threads)
    expected, found = whole.evaluate(2, 20), dealt.evaluate(2, 20)
    assert found.columns == expected.columns
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-5)
    for group, logits in zip(groups, dealt.judged_logits(20), strict=True):
        torch.testing.assert_close(logits, whole.logits(x[:, 700:], group))
