"""CrossEntropy with class weights trains as nn.CrossEntropyLoss does, step by step to the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.records import Measure, Split
from core.spec import ExperimentSpec
from core.training.batches import MiniBatch
from core.training.preparation import Trainer
from core.training import train
from tests.core import plain

WEIGHTS = (0.2, 3.0, 1.5)
SMOOTHING = 0.15
SEEDS = (0, 1)
EPOCHS = 4
BATCH_SIZE = 32


def spec_of(optimizer: str, *losses: str) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": "wine"},
            "network": {"hidden_sizes": [8]},
            "optimizer": {"name": optimizer, "learning_rate": 0.02},
            "training": {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "device": "cpu"},
            "losses": losses or ["cross_entropy"],
            "loss_parameters": {
                "cross_entropy": {"class_weights": WEIGHTS, "label_smoothing": SMOOTHING}
            },
            "seeds": SEEDS,
        }
    )


def torchs_loss() -> nn.CrossEntropyLoss:
    return nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS), label_smoothing=SMOOTHING)


@torch.inference_mode()
def ours(spec: ExperimentSpec) -> tuple[Trainer, list[nn.Sequential], list[MiniBatch], np.ndarray]:
    """A trained trainer, plain networks as they were before, its batches and its losses."""
    trainer = Trainer(spec)
    with torch.inference_mode(False):
        networks = plain.networks_of(trainer.stack, trainer.groups)
    batches, losses = [], []
    for _ in range(EPOCHS):
        for batch in trainer.batches():
            mean_losses = torch.zeros(len(SEEDS))
            trainer.step(batch, (mean_losses,))
            batches.append(batch)
            losses.append(mean_losses.numpy())
    return trainer, networks, batches, np.array(losses)


def theirs(
    network: nn.Sequential, spec: ExperimentSpec, batches: list[tuple[Tensor, Tensor]]
) -> list[float]:
    """The losses of a plain PyTorch loop over batches of x ``[B, D]`` and class ids ``[B]``."""
    optimizer = plain.optimizer(spec.optimizer, list(network.parameters()))
    loss_fn = torchs_loss()
    losses = []
    for x, ids in batches:
        optimizer.zero_grad()
        loss = loss_fn(network(x), ids)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_whole_training_is_a_plain_pytorch_loop(optimizer):
    spec = spec_of(optimizer)
    trainer, networks, batches, losses = ours(spec)
    sizes = {batch.size for batch in batches}
    assert len(sizes) == 2, "The last batch of an epoch is to be a ragged one."
    for seed, network in enumerate(networks):
        of_seed = [
            (batch.x[seed].clone(), batch.targets[0][seed].argmax(0).clone()) for batch in batches
        ]
        expected = theirs(network, spec, of_seed)
        np.testing.assert_allclose(losses[:, seed], expected, rtol=2e-5)
        weights = plain.weights_of(trainer.stack, seed, 3)
        for linear, (weight, bias) in zip(network[::2], weights, strict=True):
            torch.testing.assert_close(weight, linear.weight.detach(), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(bias, linear.bias.detach(), rtol=1e-4, atol=1e-5)
    recorded = np.concatenate([report.losses for report in train(spec)])
    np.testing.assert_array_equal(recorded, losses)


@torch.inference_mode()
def test_evaluation_divides_by_the_weights():
    """The loss of the validation rows is PyTorch's own mean over them."""
    trainer, _networks, _batches, _losses = ours(spec_of("adam"))
    judged = trainer.evaluator.judged
    values = {
        row.run: row.value
        for row in trainer.evaluator.evaluate(EPOCHS, 1)
        if (row.split, row.measure) == (Split.VAL, Measure.LOSS)
    }
    for seed in SEEDS:
        logits = plain.network_of(trainer.stack, seed, 3)(judged.x[seed])
        expected = torchs_loss()(logits, judged.y[seed].long()).item()
        assert values[seed] == pytest.approx(expected, rel=1e-5)


@torch.inference_mode()
def test_the_baseline_divides_by_the_weights():
    trainer = Trainer(spec_of("adam"))
    (group,) = trainer.groups
    expected = []
    for targets in trainer.targets[0]:
        logits = group.formula.constant(targets).T.expand(targets.shape[1], -1)
        expected.append(torchs_loss()(logits, targets.argmax(0)).item())
    assert trainer.baselines["cross_entropy"] == pytest.approx(np.mean(expected), rel=1e-6)


def test_it_trains_beside_another_loss_as_it_does_alone():
    alone = np.concatenate([report.losses for report in train(spec_of("adam"))])
    reports = train(spec_of("adam", "mse", "cross_entropy"))
    raced = np.concatenate([report.losses for report in reports])
    np.testing.assert_allclose(raced[:, len(SEEDS) :], alone, rtol=1e-4)
