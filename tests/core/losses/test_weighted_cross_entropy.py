"""CrossEntropy with class weights and smoothed labels trains as nn.CrossEntropyLoss does.

What ``train`` records is compared with a plain PyTorch loop over the same batches, step by
step to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from core.records import Measure, Progress, Split
from core.spec import ExperimentSpec
from core.training import train
from core.training.preparation import prepare
from tests.core import plain
from tests.core.tidy import scores

WEIGHTS = (0.2, 3.0, 1.5)
SMOOTHING = 0.15
SEEDS = (0, 1)
EPOCHS = 4
BATCH_SIZE = 32

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")
SETTINGS = (
    {"class_weights": WEIGHTS, "label_smoothing": SMOOTHING},
    {"class_weights": WEIGHTS},
    {"label_smoothing": SMOOTHING},
)
BOTH = SETTINGS[0]

#: Others to race against; the weighted one stands between them.
BEFORE, AFTER = {"loss": "mse", "learning_rate": 0.1}, {"loss": "cross_entropy"}


def spec_of(
    optimizer: str, setting: dict[str, object], before: object = None, after: object = None
) -> ExperimentSpec:
    weighted = {"loss": "cross_entropy", "parameters": setting}
    return ExperimentSpec.parse(
        {
            "data": {"name": "wine"},
            "network": {"hidden_sizes": [8]},
            "optimizer": {"name": optimizer, "learning_rate": 0.02, "weight_decay": 0.01},
            "training": {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "device": "cpu"},
            "entrants": [each for each in (before, weighted, after) if each],
            "seeds": SEEDS,
        }
    )


def torchs_loss(setting: dict[str, object]) -> nn.CrossEntropyLoss:
    weights = setting.get("class_weights")
    return nn.CrossEntropyLoss(
        weight=None if weights is None else torch.tensor(weights),
        label_smoothing=setting.get("label_smoothing", 0.0),
    )


@dataclass(frozen=True)
class PlainTraining:
    """What a plain loop gives for one seed: step losses, and the trained network."""

    losses: list[float]
    sizes: list[int]
    network: nn.Sequential
    validation_losses: list[float]


def plain_training(
    spec: ExperimentSpec, setting: dict[str, object], place: int, seed: int
) -> PlainTraining:
    """The training of the entrant at ``place`` from the seed at index ``seed``."""
    prepared = prepare(spec)
    run = spec.runs_of(place).start + seed
    network = plain.network_of(prepared.learner.stack, run, 3)
    optimizer = plain.optimizer(spec.optimizer, list(network.parameters()))
    loss_function = torchs_loss(setting)
    judged = prepared.evaluator.judged
    losses, sizes, validation_losses = [], [], []
    for _ in range(EPOCHS):
        for batch in prepared.batches.epoch():
            x, ids = batch.rows[seed], batch.newest[place][seed].argmax(0)
            optimizer.zero_grad()
            loss = loss_function(network(x), ids)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            sizes.append(len(ids))
        with torch.no_grad():
            judged_loss = loss_function(network(judged.x[seed]), judged.y[seed].long())
        validation_losses.append(judged_loss.item())
    return PlainTraining(losses, sizes, network, validation_losses)


def recorded(reports: list[Progress]) -> np.ndarray:
    return np.concatenate([report.losses for report in reports])


def judged_losses(reports: list[Progress], run: int) -> list[float]:
    """The loss on the validation rows after each epoch."""
    return [
        row.value
        for report in reports[1:]
        for row in scores(report.evaluations)
        if (row.run, row.split, row.measure) == (run, Split.VAL, Measure.LOSS)
    ]


@pytest.mark.some(8)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("setting", SETTINGS, ids=["both", "weights", "smoothing"])
@pytest.mark.parametrize(
    ("before", "after"), [(None, None), (BEFORE, AFTER)], ids=["alone", "in a race of three"]
)
def test_a_whole_training_is_a_plain_pytorch_loop(optimizer, setting, before, after):
    spec = spec_of(optimizer, setting, before, after)
    place = 1 if before else 0
    reports = list(train(spec))
    losses = recorded(reports)[:, spec.runs_of(place)]
    for seed in range(len(SEEDS)):
        expected = plain_training(spec, setting, place, seed)
        assert set(expected.sizes) == {BATCH_SIZE, 14}, "The last batch is to be a ragged one."
        np.testing.assert_allclose(losses[:, seed], expected.losses, rtol=2e-5)
        run = spec.runs_of(place).start + seed
        assert judged_losses(reports, run) == pytest.approx(expected.validation_losses, rel=2e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_another_setting_would_train_otherwise(optimizer):
    """The comparison above is one of whole trainings that differ from step to step."""
    spec = spec_of(optimizer, BOTH)
    losses = recorded(list(train(spec)))[:, 0]
    for setting in ({}, *SETTINGS[1:]):
        others = np.array(plain_training(spec, setting, 0, 0).losses)
        assert (np.abs(losses - others) > 1e-3 * others).mean() > 0.9


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@torch.inference_mode()
def test_the_weights_of_the_network_are_those_of_the_plain_loop(optimizer):
    spec = spec_of(optimizer, BOTH)
    prepared = prepare(spec)
    learner, losses = prepared.learner, []
    for _ in range(EPOCHS):
        for batch in prepared.batches.epoch():
            losses.append(learner.step(batch)[0].numpy())
    np.testing.assert_array_equal(recorded(list(train(spec))), np.array(losses))
    for seed in range(len(SEEDS)):
        with torch.inference_mode(False):
            network = plain_training(spec, BOTH, 0, seed).network
        weights = plain.weights_of(learner.stack, seed, 3)
        for linear, (weight, bias) in zip(network[::2], weights, strict=True):
            torch.testing.assert_close(weight, linear.weight.detach(), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(bias, linear.bias.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("setting", SETTINGS, ids=["both", "weights", "smoothing"])
@torch.inference_mode()
def test_the_baseline_divides_by_the_weights(setting):
    """The mean loss of the best constant, seed by seed, is PyTorch's own mean over the rows."""
    spec = spec_of("adam", setting, BEFORE, AFTER)
    prepared = prepare(spec)
    group = prepared.learner.groups[1]
    expected = []
    for targets in prepared.batches.targets[1]:
        logits = group.formula.constant(targets).T.expand(targets.shape[1], -1)
        expected.append(torchs_loss(setting)(logits, targets.argmax(0)).item())
    assert prepared.baselines[1] == pytest.approx(np.mean(expected), rel=1e-6)
    assert prepared.baselines[1] != pytest.approx(prepared.baselines[2], rel=1e-3)


def test_it_trains_beside_other_losses_as_it_does_alone():
    alone = recorded(list(train(spec_of("adam", BOTH))))
    raced = spec_of("adam", BOTH, BEFORE, AFTER)
    together = recorded(list(train(raced)))[:, raced.runs_of(1)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
