"""Snapshots and what is told before the first step, against plain programs."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss

from core.losses import LOSSES, Link, Task
from core.observer import gradient_lens, margins_of
from core.records import Measure
from core.snapshot import MARGIN_EDGES, SURFACE_SIZE, Snapshot
from core.spec import ExperimentSpec
from core.training import Trainer, make_groups, train
from tests.core import plain

RACE = ("cross_entropy", "bce", "mse", "hinge")
MOONS = ExperimentSpec.parse(
    {
        "data": {"name": "moons", "rows": 200},
        "network": {"hidden_sizes": [8]},
        "training": {"epochs": 2, "device": "cpu"},
        "losses": RACE,
        "seeds": [0, 3],
    }
)


def trained(spec: ExperimentSpec) -> tuple[Trainer, Snapshot]:
    """A trainer after one epoch, and what is seen of it."""
    with torch.inference_mode():
        trainer = Trainer(spec)
        room = tuple(torch.zeros(len(spec.seeds)) for _ in spec.losses)
        for batch in trainer.batches():
            trainer.step(batch, room)
        return trainer, trainer.snapshot(1, spec.steps_per_epoch)


def test_counts_are_those_of_plain_networks_on_the_held_out_rows():
    trainer, snapshot = trained(MOONS)
    judged = trainer.evaluator.judged
    rows = judged.y.shape[1]
    assert snapshot.confusion is not None
    assert snapshot.reliability is not None
    for run, network in enumerate(plain.networks_of(trainer.stack, trainer.groups)):
        with torch.no_grad():
            z = network(judged.x[run % 2].clone())
        predicted = (z[:, 0] > 0).long() if z.shape[1] == 1 else z.argmax(1)
        expected = confusion_matrix(judged.y[run % 2], predicted, labels=[0, 1])
        assert (snapshot.confusion[run] == expected).all()
        has_probabilities = MOONS.losses[run // 2] != "hinge"
        assert snapshot.reliability[run, 0].sum() == (rows if has_probabilities else 0)
        if has_probabilities:
            assert snapshot.reliability[run, 2].sum() == np.trace(expected)
    assert snapshot.margins.sum(axis=1).tolist() == [2 * 32] * 4


def test_a_surface_is_what_the_network_says_there():
    trainer, snapshot = trained(MOONS)
    assert snapshot.surface is not None
    assert snapshot.extent is not None
    assert snapshot.surface.shape == (8, SURFACE_SIZE, SURFACE_SIZE)
    for run, network in enumerate(plain.networks_of(trainer.stack, trainer.groups)):
        x_low, x_high, y_low, y_high = snapshot.extent[run % 2]
        x = trainer.x[run % 2]
        assert (x[:, 0] > x_low).all()
        assert (x[:, 0] < x_high).all()
        assert (x[:, 1] > y_low).all()
        assert (x[:, 1] < y_high).all()
        i, j = 5, 40
        share = 1 / (SURFACE_SIZE - 1)
        place = [x_low + j * share * (x_high - x_low), y_low + i * share * (y_high - y_low)]
        with torch.no_grad():
            z = network(torch.tensor([place]))[0]
        p = {
            "bce": lambda z=z: z.sigmoid()[0],
            "mse": lambda z=z: z.sigmoid()[0],
            "cross_entropy": lambda z=z: z.softmax(0)[1],
            "hinge": lambda z=z: (z[1] > z[0]).float(),
        }[MOONS.losses[run // 2]]()
        assert snapshot.surface[run, i, j] == pytest.approx(255 * float(p), abs=0.6)


def test_regression_shows_predictions_and_no_classes():
    spec = ExperimentSpec.parse(
        {"data": {"name": "diabetes"}, "losses": ["mse", "l1"], "training": {"epochs": 1}}
    )
    trainer, snapshot = trained(spec)
    assert snapshot.confusion is snapshot.surface is snapshot.reliability is None
    judged = trainer.evaluator.judged
    assert snapshot.predicted is not None
    assert snapshot.actual is not None
    network = plain.networks_of(trainer.stack, trainer.groups)[1]
    with torch.no_grad():
        z = network(judged.x[0].clone())[:, 0].numpy()
    assert snapshot.predicted[1] == pytest.approx(z, abs=1e-5)
    assert (snapshot.actual[0] == judged.y[0].numpy()).all()


# ------------------------------------------------------------------ margins and the lens


@pytest.mark.parametrize(
    ("link", "task", "z", "y", "margin"),
    [
        (Link.SOFTMAX, Task.MULTICLASS, [0.0, math.log(3), 0], [0.0, 1, 0], math.log(3 / 2)),
        (Link.SIGMOID, Task.BINARY, [0.7], [0.0], -0.7),
        (Link.SIGMOID, Task.BINARY, [0.7], [1.0], 0.7),
        (Link.SIGMOID, Task.MULTICLASS, [0.7, -2, 3], [0.0, 1, 0], -2),
        (Link.IDENTITY, Task.MULTICLASS, [0.5, 2, 1], [0.0, 1, 0], 1),
        (Link.IDENTITY, Task.REGRESSION, [3.0], [1.0], 2),
    ],
)
def test_margins_by_hand(link, task, z, y, margin):
    found = margins_of(torch.tensor(z)[None, :, None], torch.tensor(y)[None, :, None], link, task)
    assert found.item() == pytest.approx(margin, rel=1e-6)


DATA = {Task.BINARY: "moons", Task.MULTICLASS: "blobs", Task.REGRESSION: "diabetes"}
CASES = [(loss, task) for loss in LOSSES.values() for task in loss.forms]


@pytest.mark.parametrize(("loss", "task"), CASES, ids=[f"{a.key}-{b}" for a, b in CASES])
def test_the_lens_is_autograds_gradient(loss, task):
    spec = ExperimentSpec.parse({"data": {"name": DATA[task]}, "losses": [loss.key]})
    (group,) = make_groups(spec)
    lens = gradient_lens([group], task)
    assert lens["margins"][0] == MARGIN_EDGES[0]
    for place in (0, 37, 60, 90, 120):
        z = torch.zeros(1, group.width)
        z[0, 0] = lens["margins"][place]
        if group.form.link is Link.SOFTMAX:
            z[0, 0] += math.log(group.width - 1)
        z.requires_grad_()
        # The first logit is that of the true class; a single one is that of class 1.
        target = 1.0 if task is Task.BINARY and group.width == 1 else 0.0
        plain.loss_function(loss, task)(z, torch.tensor([target])).backward()
        assert z.grad is not None
        assert lens["gradients"][loss.key][place] == pytest.approx(
            abs(z.grad[0, 0].item()), rel=1e-4, abs=1e-7
        )


# ------------------------------------------------------------------ before the first step


@pytest.mark.parametrize("data", ["moons", "iris"])
def test_null_scores_of_classes_are_those_of_the_prior(data):
    spec = ExperimentSpec.parse({"data": {"name": data}, "seeds": [0, 1]})
    trainer = Trainer(spec)
    facts = trainer.facts()
    judged = trainer.evaluator.judged.y.numpy()
    for seed in (0, 1):
        y = trainer.y[seed].numpy()
        prior = DummyClassifier(strategy="prior").fit(y[:, None], y)
        p = prior.predict_proba(judged[seed][:, None])
        assert facts.null_scores["nll"][seed] == pytest.approx(log_loss(judged[seed], p), rel=1e-5)
        one_hot = np.eye(p.shape[1])[judged[seed].astype(int)]
        brier = ((p - one_hot) ** 2).sum(1).mean()
        if p.shape[1] == 2:
            brier = brier_score_loss(judged[seed], p[:, 1])
        assert facts.null_scores["brier"][seed] == pytest.approx(brier, rel=1e-5)


def test_null_scores_of_values_are_those_of_mean_and_median():
    trainer = Trainer(ExperimentSpec.parse({"data": {"name": "diabetes"}, "losses": ["mse"]}))
    y, judged = trainer.y[0].numpy(), trainer.evaluator.judged.y[0].numpy()
    facts = trainer.facts()
    mean, median = (
        DummyRegressor(strategy=name).fit(y[:, None], y).predict(judged[:, None])
        for name in ("mean", "median")
    )
    assert facts.null_scores[Measure.MSE][0] == pytest.approx(
        ((mean - judged) ** 2).mean(), rel=1e-5
    )
    # torch takes the lower of two middle values, scikit-learn their mean.
    assert facts.null_scores[Measure.MAE][0] == pytest.approx(
        np.abs(median - judged).mean(), rel=1e-2
    )


def test_fingerprints_are_of_the_tensors_that_were_used():
    trainer = Trainer(MOONS)
    trunks = trainer.facts().trunk_sha256
    for run in range(8):
        assert trunks[run] == trunks[run % 2]
        first = trainer.stack.layers[0]
        values = torch.cat([first.weight[run].flatten(), first.bias[run].flatten()])
        assert trunks[run] == hashlib.sha256(values.numpy().tobytes()).hexdigest()
    assert trunks[0] != trunks[1]


def test_order_fingerprints_are_of_the_rows_in_the_order_of_the_batches():
    with torch.inference_mode():
        trainer = Trainer(MOONS)
        row_of = {tuple(row): n for n, row in enumerate(trainer.x[1].tolist())}
        used = [
            row_of[tuple(row)]
            for _ in range(2)
            for batch in trainer.batches()
            for row in batch.x[1].tolist()
        ]
        found = trainer.snapshot(2, 10).order_sha256[1]
    assert found == hashlib.sha256(np.array(used, np.int64).tobytes()).hexdigest()


def test_order_fingerprints_are_the_same_whatever_the_losses_and_differ_by_seed():
    def orders(losses, seeds):
        changed = MOONS.model_copy(update={"losses": losses, "seeds": seeds})
        last = list(train(changed))[-1]
        assert last.snapshot is not None
        return last.snapshot.order_sha256

    assert orders(RACE, (0, 3)) == orders(("bce",), (0, 3))
    assert orders(("bce",), (3,)) == orders(("mse",), (0, 3))[1:]
    assert len(set(orders(("mse",), (0, 3, 4)))) == 3
