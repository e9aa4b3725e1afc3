"""Weights by hand: all entrants start as the one function that a person gave, and train from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data import DATASETS, Dataset
from core.losses import Link, Task
from core.network.groups import make_groups, make_stack
from core.network.stack import Stack
from core.spec import ExperimentSpec
from core.training.preparation import prepare
from tests.core import plain
from tests.core.experiments import entrants, races

#: By data: the weights, and some rows.
NEURONS = {
    "neuron": ((2.0, 2.0), [[1.0], [-3.0], [0.25]]),
    "moons": ((0.7, -1.3, 0.1), [[1.0, 2.0], [-0.5, 0.0], [3.0, -1.0]]),
}
SEEDS = (0, 5)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


def spec_of(data: str, losses: tuple[str, ...], **parts: object) -> ExperimentSpec:
    start = {"scheme": "by_hand", "weights": NEURONS[data][0]}
    return ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 60},
            "network": {"hidden_sizes": [], "start": start},
            "optimizer": {"name": "sgd", "learning_rate": 0.1},
            "training": {"batch_size": 1, "epochs": 2, "device": "cpu"},
            "entrants": entrants(*losses),
            "seeds": SEEDS,
            **parts,
        }
    )


def stack_of(spec: ExperimentSpec) -> Stack:
    return make_stack(spec, make_groups(spec), torch.device("cpu"))


@pytest.mark.parametrize("data", NEURONS)
@pytest.mark.parametrize("losses", races(Task.BINARY))
def test_every_entrant_starts_as_the_function_that_was_given(
    data: str, losses: tuple[str, ...]
) -> None:
    """p of ``plain`` networks is the sigmoid of w . x + b; what is left of it is float32's."""
    spec = spec_of(data, losses)
    weights, rows = NEURONS[data]
    x = torch.tensor(rows)
    log_odds = x.double() @ torch.tensor(weights[:-1]).double() + weights[-1]
    stack, groups = stack_of(spec), make_groups(spec)
    for run in range(spec.run_count):
        group = groups[run // len(SEEDS)]
        with torch.no_grad():
            z = plain.network_of(stack, run, group.width)(x).double()
        difference = z[:, 0] if group.width == 1 else z[:, 1] - z[:, 0]
        torch.testing.assert_close(difference, log_odds, rtol=1e-6, atol=1e-6)
        if group.width == 2:
            torch.testing.assert_close(z[:, 0], -z[:, 1], rtol=0, atol=0)
        if group.formula.link is not Link.IDENTITY:
            p = plain.LINKS[group.formula.link](z.float())[:, -1].double()
            torch.testing.assert_close(p, log_odds.sigmoid(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("data", NEURONS)
@pytest.mark.parametrize("losses", races(Task.BINARY))
def test_training_from_it_is_that_of_autograd_and_torch_optim(
    data: str, losses: tuple[str, ...]
) -> None:
    """From plain layers that are filled here, not from the stack."""
    spec = spec_of(data, losses)
    weights, _rows = NEURONS[data]
    with torch.inference_mode():
        prepared = prepare(spec)
        batches = list(prepared.batches.epoch())
        recorded = torch.cat([prepared.learner.step(batch) for batch in batches])
    for run in range(spec.run_count):
        group = prepared.learner.groups[run // len(SEEDS)]
        layer = torch.nn.Linear(len(weights) - 1, group.width)
        signs = torch.tensor([1.0] if group.width == 1 else [-0.5, 0.5])
        with torch.no_grad():
            layer.weight.copy_(signs[:, None] * torch.tensor(weights[:-1]))
            layer.bias.copy_(signs * weights[-1])
        function = plain.loss_function(group.entrant.loss, spec.dataset.task)
        step = torch.optim.SGD(layer.parameters(), lr=0.1)
        losses_seen = []
        for batch in batches:
            encoded = batch.newest[group.entrant.place][run % len(SEEDS)].clone()
            y = encoded[0] if len(encoded) == 1 else encoded.argmax(0).float()
            loss = function(layer(batch.rows[run % len(SEEDS)].clone()), y)
            step.zero_grad()
            loss.backward()
            step.step()
            losses_seen.append(loss.item())
        torch.testing.assert_close(
            recorded[:, run], torch.tensor(losses_seen), rtol=1e-4, atol=1e-6
        )


def test_as_one_function_two_logits_and_one_start_from_the_same_numbers() -> None:
    spec = spec_of(
        "moons",
        ("cross_entropy", "bce"),
        training={"batch_size": 8, "device": "cpu", "protocol": "one_function"},
    )
    with torch.inference_mode():
        head = prepare(spec).learner.stack.layers[-1]
        two, one = head.weight[0], head.weight[len(SEEDS)]
        assert torch.equal(two[1] - two[0], one[0])
        assert one[0].tolist() == pytest.approx([0.7, -1.3])
        assert float(head.bias[len(SEEDS), 0]) == pytest.approx(0.1)


def test_a_value_is_predicted_as_given_with_a_variance_of_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No data set of the table asks for a value of one or two features yet."""
    x = np.linspace(0, 3, 40, dtype=np.float32)[:, None]
    line = Dataset("line", "Line", Task.REGRESSION, 1, 1, 40, "", lambda *_: (x, 2 * x[:, 0] + 1))
    monkeypatch.setitem(DATASETS, "line", line)
    losses = ("mse", "gaussian_nll", "poisson_nll")
    start = {"scheme": "by_hand", "weights": [3, -1]}
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "line"},
            "network": {"hidden_sizes": [], "start": start},
            "training": {"batch_size": 8, "device": "cpu"},
            "entrants": entrants(*losses),
        }
    )
    head = stack_of(spec).layers[-1]
    assert head.weight[:, :, 0].tolist() == [[3, 0], [3, 0], [3, 0]]
    assert head.bias[:, :, 0].tolist() == [[-1, 0], [-1, 0], [-1, 0]]
