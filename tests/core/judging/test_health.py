"""How the networks fare, against plain networks and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.judging.health import saturated_sigmoid, saturated_tanh
from core.network.groups import Group
from core.records import Snapshot
from core.spec import Activation, ExperimentSpec
from core.spec.schedule import next_judged
from core.training import train
from core.training.batches import Block
from core.training.preparation import Prepared, prepare
from core.training.recording import Recorder, kept_epochs
from tests.core import plain
from tests.core.experiments import entrants

LOOKED_WITH = 256


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


def spec_of(
    losses: tuple[str, ...] = ("cross_entropy", "bce"),
    data: str = "moons",
    hidden: tuple[int, ...] = (6, 5),
    activation: str = "relu",
    rate: float = 0.05,
    **parts: object,
) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 400},
            "network": {"hidden_sizes": hidden, "activation": activation},
            "optimizer": {"name": "sgd", "learning_rate": rate},
            "training": {"batch_size": 32, "epochs": 1, "device": "cpu"},
            "entrants": entrants(*losses),
            "seeds": [0, 1],
            **parts,
        }
    )


def group_of(prepared: Prepared, run: int) -> tuple[Group, int]:
    """The entrant of a run, and the place of its seed."""
    seeds = len(prepared.spec.seeds)
    return prepared.learner.groups[run // seeds], run % seeds


def networks(prepared: Prepared) -> list[nn.Sequential]:
    return plain.networks_of(prepared.learner.stack, prepared.learner.groups)


def trained(spec: ExperimentSpec) -> tuple[Prepared, Snapshot, list[nn.Sequential], Block]:
    """After an epoch: what is seen of it, the networks before its last step, and its batch."""
    with torch.no_grad():
        prepared = prepare(spec)
        recorder = Recorder(prepared)
        recorder.report_start()
        for batch in prepared.batches.epoch():
            before = networks(prepared)
            recorder.add(batch, prepared.learner.step(batch))
        snapshot = recorder.report_epoch(1).snapshot
    assert snapshot is not None
    return prepared, snapshot, before, batch


def layers_of(network: nn.Sequential, x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What each hidden layer's activation takes and gives, ``[N, H]`` each."""
    found, a = [], x
    for linear, activation in zip(network[:-1:2], network[1::2], strict=True):
        z = linear(a).detach().requires_grad_()
        a = activation(z)
        found.append((z, a))
    return found


def rows(prepared: Prepared, seed: int) -> Tensor:
    return prepared.batches.x[seed, :LOOKED_WITH]


# ------------------------------------------------------------------ units


@pytest.mark.parametrize("rate", [0.05, 10.0])
def test_a_unit_is_dead_where_autograd_gives_it_no_gradient_for_any_row(rate: float) -> None:
    prepared, snapshot, _, _ = trained(spec_of(rate=rate))
    assert snapshot.dead is not None
    assert snapshot.saturated is None
    assert snapshot.dead.shape == (2, 4, 2)
    for run, network in enumerate(networks(prepared)):
        x = rows(prepared, group_of(prepared, run)[1])
        shares = []
        for z, a in layers_of(network, x):
            (slope,) = torch.autograd.grad(a.sum(), z)
            shares.append(float((slope == 0).all(0).double().mean()))
        np.testing.assert_allclose(snapshot.dead[-1, run], shares, atol=1e-3)
    if rate > 1:
        assert snapshot.dead[-1].max() > 0.5


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_an_activation_is_saturated_within_a_hundredth_of_its_range_from_an_end(
    activation: str,
) -> None:
    prepared, snapshot, _, _ = trained(spec_of(activation=activation, rate=5.0))
    assert snapshot.saturated is not None
    assert snapshot.dead is None
    low, high = {"tanh": (-1, 1), "sigmoid": (0, 1)}[activation]
    for run, network in enumerate(networks(prepared)):
        x = rows(prepared, group_of(prepared, run)[1])
        shares = []
        for _z, a in layers_of(network, x):
            place = (a.detach().numpy() - low) / (high - low)
            shares.append(np.mean((place <= 0.01) | (place >= 0.99)))
        np.testing.assert_allclose(snapshot.saturated[-1, run], shares, atol=1e-3)
    assert snapshot.saturated[-1].max() > 0.05


def test_where_saturation_begins_by_hand() -> None:
    tanh = torch.tensor([[[-1.0, -0.981, -0.979, 0.0, 0.979, 0.981, 1.0, 0.5]]])
    assert saturated_tanh(tanh).tolist() == [0.5]
    sigmoid = torch.tensor([[[0.0, 0.0099, 0.0101, 0.5, 0.9899, 0.9901, 1.0, 0.25]]])
    assert saturated_sigmoid(sigmoid).tolist() == [0.5]


@pytest.mark.parametrize(("hidden", "activation"), [((), "relu"), ((4,), "gelu")])
def test_what_has_no_such_trouble_has_no_share_of_it(
    hidden: tuple[int, ...], activation: str
) -> None:
    _, snapshot, _, _ = trained(spec_of(hidden=hidden, activation=activation))
    assert snapshot.dead is None
    assert snapshot.saturated is None
    assert snapshot.gradients is not None
    assert snapshot.gradients.shape == (2, 4, len(hidden) + 1)


# ------------------------------------------------------------------ gradients


def sizes(network: nn.Sequential, loss: Tensor) -> list[float]:
    linears = [layer for layer in network if isinstance(layer, nn.Linear)]
    found = torch.autograd.grad(loss, [linear.weight for linear in linears])
    return [float(each.double().square().mean().sqrt()) for each in found]


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize(
    ("data", "losses"),
    [("moons", ("cross_entropy", "bce", "hinge")), ("diabetes", ("mse", "gaussian_nll"))],
)
def test_gradients_are_those_of_autograd_for_the_newest_batch(
    data: str, losses: tuple[str, ...], activation: Activation
) -> None:
    spec = spec_of(losses, data, activation=activation.value, rate=0.01)
    prepared, snapshot, before, batch = trained(spec)
    assert snapshot.gradients is not None
    task = spec.dataset.task
    for run, network in enumerate(before):
        group, seed = group_of(prepared, run)
        targets = batch.newest[run // 2][seed]
        is_ids = task.is_classification and group.width > 1
        y = targets.argmax(0).float() if is_ids else targets[0]
        z = network(batch.rows[seed])
        expected = sizes(network, plain.loss_function(group.entrant.loss, task)(z, y))
        np.testing.assert_allclose(snapshot.gradients[-1, run], expected, rtol=1e-4, atol=1e-9)


def test_before_the_first_step_they_are_those_of_the_first_rows() -> None:
    spec = spec_of(("cross_entropy",))
    with torch.no_grad():
        prepared = prepare(spec)
        at_start = Recorder(prepared).report_start().snapshot
        start = networks(prepared)
    assert at_start is not None
    assert at_start.gradients is not None
    batch = prepared.batches.first
    for run, network in enumerate(start):
        y = batch.newest[0][run].argmax(0)
        expected = sizes(network, nn.functional.cross_entropy(network(batch.rows[run]), y))
        np.testing.assert_allclose(at_start.gradients[0, run], expected, rtol=1e-4)


# ------------------------------------------------------------------ one answer to all


def test_constancy_is_the_share_of_the_commonest_class() -> None:
    _, snapshot, _, _ = trained(spec_of())
    assert snapshot.constancy is not None
    assert snapshot.confusion is not None
    predicted = snapshot.confusion.sum(1)
    np.testing.assert_allclose(snapshot.constancy[-1], predicted.max(1) / predicted.sum(1))


def test_constancy_of_values_is_the_spread_that_predictions_lack() -> None:
    _, snapshot, _, _ = trained(spec_of(("mse", "l1"), "diabetes", rate=0.001))
    assert snapshot.constancy is not None
    assert snapshot.predicted is not None
    assert snapshot.actual is not None
    assert snapshot.predicted.shape[1] < 300, "All held-out rows are in the snapshot."
    spread = snapshot.predicted.std(1) / np.tile(snapshot.actual.std(1), 2)
    np.testing.assert_allclose(snapshot.constancy[-1], np.maximum(0, 1 - spread), rtol=1e-4)
    assert (snapshot.constancy[-1] > 0).any()


# ------------------------------------------------------------------ looks


@pytest.mark.parametrize("epochs", [3, 90])
def test_the_looks_are_the_same_in_every_training_whatever_the_clock_says(epochs: int) -> None:
    spec = spec_of(training={"batch_size": 128, "epochs": epochs, "device": "cpu"})
    patient, hasty = (list(train(spec, seconds))[-1].snapshot for seconds in (1000.0, -1000.0))
    assert patient is not None
    assert hasty is not None
    assert patient.looks is not None
    looks = {next_judged(epoch, epochs) for epoch in kept_epochs(epochs, 30)}
    assert patient.looks.tolist() == sorted({0, *looks})
    for name in ("looks", "constancy", "gradients", "dead"):
        np.testing.assert_array_equal(getattr(patient, name), getattr(hasty, name), name)


def test_an_earlier_snapshot_has_the_looks_until_then() -> None:
    spec = spec_of(training={"batch_size": 128, "epochs": 6, "device": "cpu"})
    kept = [each for report in train(spec, 1000.0) for each in report.kept]
    last = kept[-1]
    assert last.dead is not None
    for snapshot in kept:
        assert snapshot.looks is not None
        assert snapshot.looks.tolist() == list(range(snapshot.epoch + 1))
        np.testing.assert_array_equal(snapshot.dead, last.dead[: snapshot.epoch + 1])
