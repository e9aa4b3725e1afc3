"""Who pushes, against autograd row by row and curves worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.data import load
from core.judging.pushes import curve, sizes
from core.records import Snapshot
from core.records.snapshot import MOST_ROWS, PUSH_POINTS
from core.training import train
from core.training.preparation import Prepared
from tests.core import plain
from tests.core.judging.test_observer import classes_of, spec_of, trained

RACES = {
    "breast_cancer": ("cross_entropy", "bce", "mse", "focal", "hinge"),
    "iris": ("cross_entropy", "bce", "mse", "mse_on_raw_outputs", "nll"),
    "digits": ("cross_entropy", "bce"),
    "diabetes": ("mse", "l1", "gaussian_nll"),
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


def looked_at(prepared: Prepared, epoch: int = 3, step: int = 3000) -> Snapshot:
    """A snapshot of the weights as they are."""
    batch = prepared.batches.first
    learner = prepared.learner
    learner.differentiate(batch)
    newest = list(zip(learner.groups, learner.logits(batch.size), batch.newest, strict=True))
    return prepared.observer.snapshot(epoch, step, ("",) * len(prepared.spec.seeds), newest)


def sizes_by_autograd(prepared: Prepared, run: int) -> Tensor:
    """The size of each row's own gradient in the last layer of a plain network."""
    seeds = len(prepared.spec.seeds)
    group, task = prepared.learner.groups[run // seeds], prepared.spec.dataset.task
    rows = prepared.evaluator.training
    network = plain.network_of(prepared.learner.stack, run, group.width)
    head = [layer for layer in network if isinstance(layer, nn.Linear)][-1]
    loss = plain.loss_function(group.entrant.loss, task)
    found = []
    for x, y in zip(rows.x[run % seeds].clone(), rows.y[run % seeds].clone(), strict=True):
        parts = torch.autograd.grad(loss(network(x[None]), y[None]), [head.weight, head.bias])
        found.append(torch.cat([part.double().flatten() for part in parts]).norm())
    return torch.stack(found)


@pytest.mark.parametrize("data", RACES)
def test_shares_are_those_of_each_rows_own_gradient_by_autograd(data: str) -> None:
    prepared, seen = trained(spec_of(data, RACES[data], seeds=(0, 1)))
    assert seen.push is not None
    assert seen.pushing is not None
    assert seen.push.shape == (2 * len(RACES[data]), PUSH_POINTS)
    for run in range(prepared.spec.run_count):
        expected = sizes_by_autograd(prepared, run)
        shares, places = (expected / expected.sum()).sort(descending=True)
        np.testing.assert_allclose(seen.pushing[run, :, 4], shares[:MOST_ROWS], rtol=1e-3)
        told = seen.pushing[run, :, 0].astype(int)
        if len(set(shares[: MOST_ROWS + 1].tolist())) > MOST_ROWS:
            assert told.tolist() == places[:MOST_ROWS].tolist()
        summed = np.concatenate([[0], np.cumsum(shares.numpy())])
        at = np.linspace(0, len(shares), PUSH_POINTS)
        np.testing.assert_allclose(
            seen.push[run], np.interp(at, np.arange(len(summed)), summed), atol=1e-3
        )


@pytest.mark.parametrize("data", ["breast_cancer", "digits", "diabetes"])
def test_what_is_told_of_the_rows_is_what_a_plain_network_says(data: str) -> None:
    prepared, seen = trained(spec_of(data, RACES[data], seeds=(0, 1)))
    assert seen.pushing is not None
    is_classification = prepared.spec.dataset.task.is_classification
    rows = prepared.evaluator.training
    for run in range(prepared.spec.run_count):
        group = prepared.learner.groups[run // 2]
        network = plain.network_of(prepared.learner.stack, run, group.width)
        places = seen.pushing[run, :, 0].astype(int)
        with torch.inference_mode():
            z = network(rows.x[run % 2, places])
        np.testing.assert_allclose(seen.pushing[run, :, 1], rows.y[run % 2, places])
        expected = classes_of(z) if is_classification else z[:, 0]
        np.testing.assert_allclose(seen.pushing[run, :, 2], expected, rtol=1e-4, atol=1e-5)
        if group.entrant.loss.key == "cross_entropy":
            sure = z.softmax(1).amax(1)
            np.testing.assert_allclose(seen.pushing[run, :, 3], sure, rtol=1e-4)
        if not is_classification:
            assert np.isnan(seen.pushing[run, :, 3]).all()


def test_pictures_are_of_the_training_rows() -> None:
    prepared, seen = trained(spec_of("digits", ("cross_entropy", "mse"), seeds=(0, 1)))
    assert seen.pushing is not None
    assert seen.pushing_pictures is not None
    for run in range(4):
        data = load(prepared.spec.data, prepared.spec.seeds[run % 2])
        rows = data.x_train[seen.pushing[run, :, 0].astype(int)]
        pixels = (rows * data.feature_scale + data.feature_mean).reshape(-1, 8, 8)
        np.testing.assert_allclose(seen.pushing_pictures[run], 255 / 16 * pixels, atol=0.51)


def test_a_size_is_that_of_the_outer_product_by_hand() -> None:
    delta = torch.tensor([[[3.0, 0.0], [4.0, 1e-30]]])
    a = torch.tensor([[[2.0, 0.0], [1.0, 0.0], [2.0, 0.0]]])
    # ||(3, 4)|| ||(2, 1, 2, 1)||, and of the other row its delta alone, however small.
    assert sizes(delta, a)[0].tolist() == pytest.approx([5 * 10**0.5, 1e-30], rel=1e-6)


def test_the_curve_by_hand() -> None:
    shares = np.array([[0.1, 0.6, 0.0, 0.3], [0.25, 0.25, 0.25, 0.25]])
    uneven, even = curve(shares)
    at = np.linspace(0, 1, PUSH_POINTS)
    corners = [0, 0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(uneven, np.interp(at, corners, [0, 0.6, 0.9, 1, 1]), atol=1e-12)
    np.testing.assert_allclose(even, at, atol=1e-12)


def test_fewer_rows_than_are_told_are_all_told() -> None:
    spec = spec_of("lesson", ("cross_entropy",), seeds=(0,))
    _prepared, seen = trained(spec)
    assert seen.push is not None
    assert seen.push[0, 0] == 0
    assert seen.push[0, -1] == pytest.approx(1, abs=1e-3)


def test_what_diverged_pushes_with_no_number() -> None:
    spec = spec_of(
        "iris", ("cross_entropy",), (0,), optimizer={"name": "sgd", "learning_rate": 1000.0}
    )
    last = list(train(spec))[-1].snapshot
    assert last is not None
    assert last.push is not None
    assert last.push.shape == (1, PUSH_POINTS)


def test_where_no_row_pushes_there_is_no_curve() -> None:
    prepared, _seen = trained(spec_of("iris", ("hinge",), seeds=(0,)))
    with torch.inference_mode():
        # Right by far more than the margin: no hinge has a slope.
        stack = prepared.learner.stack
        stack.layers[-1].weight.zero_()
        stack.layers[-1].bias.copy_(torch.tensor([[[100.0], [0.0], [0.0]]]))
        prepared.evaluator.training.y.zero_()
        encoded = prepared.evaluator.encoded[0]
        encoded.zero_()
        encoded[:, 0] = 1
        seen = looked_at(prepared)
    assert seen.push is not None
    assert np.isnan(seen.push).all()
