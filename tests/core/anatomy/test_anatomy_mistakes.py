"""Both programs of every mistake are run; what they print is compared with other arithmetic."""

from __future__ import annotations

import difflib
import re
from math import e, log

import numpy as np
import pytest
import torch
from torch import nn

from core.anatomy import MISTAKES, Mistake, run
from core.losses import LOSSES

every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.key)

PRINTED = 6e-5


def test_a_loss_that_is_a_mistake_is_one_of_these_and_of_its_torch_class():
    found = {loss.key: loss for loss in LOSSES.values() if loss.is_mistake}
    assert len(found) == 2
    for loss in found.values():
        (mistake,) = (each for each in MISTAKES if each.key == loss.mistake)
        assert f"nn.{loss.torch_class}()" in mistake.wrong_code


def log_softmax(z: np.ndarray) -> np.ndarray:
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def binary(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def softmax_before_cross_entropy() -> tuple[float, float]:
    z = np.array([[9.0, 0.0, -2.0], [-1.0, 8.0, 0.5], [0.0, -1.0, 9.5]])
    once = log_softmax(z)
    twice = log_softmax(np.exp(once))
    return -np.diag(twice).mean(), -np.diag(once).mean()


def bce_loss_on_logits() -> tuple[float, float]:
    z, y = np.array([0.9, 0.2, 0.6]), np.array([1.0, 0.0, 1.0])
    return binary(z, y).mean(), binary(sigmoid(z), y).mean()


def bce_loss_clamp() -> tuple[float, float]:
    return 100.0, 200 + np.log1p(np.exp(-200.0))


def ids_for_one_hot() -> tuple[float, float]:
    z = np.array([[1.0, 2.0, 4.0], [0.5, 3.0, 1.0], [2.0, 1.5, 3.0]])
    ids = np.array([2, 1, 2])
    return (
        binary(sigmoid(z), np.repeat(ids[:, None], 3, axis=1)).mean(),
        binary(sigmoid(z), np.eye(3)[ids]).mean(),
    )


def broadcast() -> tuple[float, float]:
    y = [1.0, 2.0, 4.0]
    return sum((p - t) ** 2 for p in y for t in y) / 9, 0.0


def mse_on_class_ids() -> tuple[list[float], list[float]]:
    z = np.array([[0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])
    expected = np.exp(log_softmax(z)) @ [0, 1, 2]
    return list(expected**2), list(-log_softmax(z)[:, 0])


def mean_over_classes() -> tuple[float, float]:
    z = np.array([[2.0, 0.5, -1.0], [0.1, 1.5, 0.3], [-0.5, 0.2, 0.9]])
    losses = binary(sigmoid(z), np.eye(3)[[0, 1, 0]])
    return losses.sum() / 9, losses.sum() / 3


BY_HAND = {
    by_hand.__name__: by_hand
    for by_hand in (
        softmax_before_cross_entropy,
        bce_loss_on_logits,
        bce_loss_clamp,
        ids_for_one_hot,
        broadcast,
        mse_on_class_ids,
        mean_over_classes,
    )
}


def printed(code: str) -> list[float]:
    return [float(number) for number in run(code).split()]


def test_every_mistake_is_worked_out_here():
    assert [mistake.key for mistake in MISTAKES] == list(BY_HAND)


@every_mistake
def test_both_programs_print_what_arithmetic_says(mistake: Mistake, recwarn):
    wrong, right = BY_HAND[mistake.key]()
    shown_wrong, shown_right = printed(mistake.wrong_code), printed(mistake.right_code)
    assert shown_wrong == pytest.approx(np.atleast_1d(wrong), abs=PRINTED)
    assert shown_right == pytest.approx(np.atleast_1d(right), abs=PRINTED)
    assert any(abs(a - b) > 0.01 for a, b in zip(shown_wrong, shown_right, strict=True))
    assert not recwarn.list


@every_mistake
def test_they_differ_in_one_point(mistake: Mistake):
    wrong, right = mistake.wrong_code.splitlines(), mistake.right_code.splitlines()
    changes = difflib.SequenceMatcher(None, wrong, right, autojunk=False).get_opcodes()
    assert sum(tag != "equal" for tag, *_ in changes) == 1
    assert "HERE" not in mistake.wrong_code + mistake.right_code


@every_mistake
def test_it_is_told_in_two_or_three_sentences_without_the_output(mistake: Mistake):
    sentences = re.findall(r"\.(?= |$)", mistake.what_happens)
    assert 2 <= len(sentences) <= 3
    assert mistake.what_happens.endswith(".")
    assert "  " not in mistake.what_happens
    assert not re.search(r"\d\.\d", mistake.title + mistake.what_happens)
    assert not mistake.title.endswith(".")
    lines = (mistake.wrong_code + mistake.right_code).splitlines()
    assert max(map(len, lines)) <= 100


# ------------------------------------------------------------------ what the texts state


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_softmax_twice_has_a_floor(classes):
    perfect = torch.nn.functional.one_hot(torch.tensor([0]), classes).double()
    floor = nn.CrossEntropyLoss()(perfect, torch.tensor([0])).item()
    assert floor == pytest.approx(log(1 + (classes - 1) / e))


def test_bce_loss_raises_outside_0_to_1():
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        nn.BCELoss()(torch.tensor([1.2]), torch.tensor([1.0]))


def test_a_clamped_example_teaches_nothing():
    z = torch.tensor([-200.0], requires_grad=True)
    nn.BCELoss()(z.sigmoid(), torch.tensor([1.0])).backward()
    assert z.grad == 0


def test_a_target_of_2_rewards_any_large_logit():
    z = torch.linspace(-20, 200, 50)
    losses = nn.BCEWithLogitsLoss(reduction="none")(z, torch.full_like(z, 2.0))
    assert (losses.diff() < 0).all()
    assert losses[-1] < -100


def test_a_broadcast_only_warns_and_wants_the_mean():
    y = torch.tensor([1.0, 2.0, 6.0])
    at_mean = torch.full((3, 1), 3.0, requires_grad=True)
    with pytest.warns(UserWarning, match="broadcast"):
        loss = nn.MSELoss()(at_mean, y)
    loss.backward()
    torch.testing.assert_close(at_mean.grad, torch.zeros(3, 1))


def test_another_numbering_changes_mse_and_not_cross_entropy():
    z, ids, order = torch.tensor([[0.0, 4.0, 0.0]]), torch.tensor([0]), [1, 2, 0]
    numbered = torch.tensor([[float(order.index(c)) for c in range(3)]])
    renamed = torch.tensor([order.index(0)])

    def squared(numbers: torch.Tensor) -> torch.Tensor:
        return ((z.softmax(1) * numbers).sum(1) - numbers[0, ids]).square()

    assert squared(numbered) != pytest.approx(squared(torch.arange(3.0)[None]).item(), rel=0.1)
    ours, theirs = nn.CrossEntropyLoss()(z[:, order], renamed), nn.CrossEntropyLoss()(z, ids)
    torch.testing.assert_close(ours, theirs)


def test_the_mean_over_classes_makes_gradients_c_times_smaller():
    z = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    y = torch.eye(5)[:4]
    mean = torch.autograd.grad(nn.BCEWithLogitsLoss()(z, y), z)[0]
    per_example = torch.autograd.grad(nn.BCEWithLogitsLoss(reduction="sum")(z, y) / 4, z)[0]
    torch.testing.assert_close(per_example, 5 * mean)
