"""Which rows carry the rise of a loss: against a search of all sets, and plain networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.judging.evaluation import Answers, Judged
from core.judging.measures import logit_size
from core.judging.rises import CARRIED, MARGIN, Rises, carriers
from core.records import Measure, Snapshot, Split
from core.records.snapshot import MOST_ROWS
from core.spec import ExperimentSpec
from core.training import train
from tests.core import plain
from tests.core.judging.test_observer import classes_of, logits_of, spec_of, trained
from tests.core.judging.test_pushes import looked_at


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


# ------------------------------------------------------------------ the smallest set


def smallest_by_search(rises: list[float]) -> int:
    """Of all sets of rows the size of the smallest that holds as much."""
    total = sum(rises)
    if total <= 0:
        return 0
    for size in range(1, len(rises) + 1):
        if any(sum(some) >= CARRIED * total for some in itertools.combinations(rises, size)):
            return size
    raise AssertionError("All rows hold all of it.")


# Whole numbers, whose sums are exact; the total is a multiple of what 80 % is exact of.
WHOLE = st.lists(st.integers(-50, 100), min_size=1, max_size=9)


@given(rises=WHOLE)
def test_the_set_is_the_smallest_of_all_sets(rises: list[int]) -> None:
    # Away from a tie, which rounding alone would decide.
    numbers = [float(each) + 1e-4 * at for at, each in enumerate(rises)]
    assert carriers(np.array([numbers])).tolist() == [smallest_by_search(numbers)]


def test_the_set_by_hand() -> None:
    rises = np.array(
        [
            [1.0, 1.0, 1.0, 1.0, 1.0],  # 4 of 5 hold 80 %
            [10.0, 0.0, 0.0, 0.0, 0.0],
            [10.0, -2.0, 0.0, 0.0, 0.0],  # those that fell take away from the rise
            [4.0, 4.0, -3.0, 0.0, 0.0],  # one holds 80 % of 5 just so
            [-1.0, -1.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [np.nan, 1.0, 1.0, 1.0, 1.0],
        ]
    )
    assert carriers(rises).tolist() == [4, 1, 1, 1, 0, 0, 0]


# ------------------------------------------------------------------ the size of the logits


def test_the_size_of_logits_by_hand() -> None:
    many = torch.tensor([[[1.0, 10.0], [2.0, 10.0], [6.0, 10.0]]])
    # Less their means 3 and 10: -2, -1, 3 and three 0.
    assert float(logit_size(many)) == pytest.approx((14 / 6) ** 0.5)
    one = torch.tensor([[[3.0, -4.0]], [[0.0, 0.0]]])
    assert logit_size(one).tolist() == pytest.approx([12.5**0.5, 0])
    shifted = many + torch.tensor([5.0, -7.0])
    assert float(logit_size(shifted)) == pytest.approx(float(logit_size(many)))


def test_its_course_is_that_of_the_looks() -> None:
    spec = spec_of("iris", ("cross_entropy", "bce"))
    prepared, seen = trained(spec)
    assert seen.logit_size is not None
    assert seen.looks is not None
    assert seen.logit_size.shape == (len(seen.looks), 4)
    judged = prepared.evaluator.judged
    for run in range(4):
        z = logits_of(prepared, run, judged.x[run % 2]).numpy()
        expected = np.sqrt(np.mean((z - z.mean(1, keepdims=True)) ** 2))
        assert seen.logit_size[-1, run] == pytest.approx(expected, rel=1e-4)


# ------------------------------------------------------------------ what is told of a training


def overfitting(data: str = "digits", **parts: object) -> ExperimentSpec:
    """Held-out loss rises: few rows, many steps."""
    return spec_of(
        data,
        ("cross_entropy", "bce"),
        (0, 1),
        **{
            "network": {"hidden_sizes": [32]},
            "optimizer": {"learning_rate": 0.03},
            "training": {"batch_size": 32, "epochs": 25, "device": "cpu"},
            **parts,
        },
    )


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    """Of an overfitting training, one an epoch."""
    torch.set_num_threads(1)
    reports = train(overfitting(), kept_seconds=1000.0)
    return [snapshot for report in reports for snapshot in report.kept]


def test_the_lowest_is_that_of_all_epochs_so_far(snapshots: list[Snapshot]) -> None:
    losses = np.array([each.risen[:, 1, 1] for each in snapshots])
    right = np.array([each.score("accuracy") for each in snapshots])
    for epoch, snapshot in enumerate(snapshots):
        assert snapshot.epoch == epoch
        so_far = losses[: epoch + 1]
        np.testing.assert_array_equal(snapshot.risen[:, 0, 0], so_far.argmin(0))
        np.testing.assert_array_equal(snapshot.risen[:, 0, 1], so_far.min(0))
        np.testing.assert_array_equal(snapshot.risen[:, 1, 0], epoch)
        at = so_far.argmin(0), np.arange(4)
        np.testing.assert_allclose(snapshot.risen[:, 0, 2], right[at], rtol=1e-6)
        np.testing.assert_allclose(snapshot.risen[:, 1, 2], right[epoch], rtol=1e-6)
        np.testing.assert_allclose(snapshot.risen[:, 1, 3], snapshot.logit_size[-1], rtol=1e-6)


def test_something_is_told_only_where_the_loss_rose_and_the_accuracy_did_not_fall(
    snapshots: list[Snapshot],
) -> None:
    told = 0
    for snapshot in snapshots:
        (_, loss_then, right_then, _), (_, loss, right, _) = snapshot.risen.transpose(1, 2, 0)
        is_told = (loss > (1 + MARGIN) * loss_then) & (right >= right_then)
        np.testing.assert_array_equal(snapshot.carrying > 0, is_told)
        rows = np.isfinite(snapshot.carriers[:, :, 0]).sum(1)
        np.testing.assert_array_equal(rows, np.minimum(snapshot.carrying, MOST_ROWS))
        assert (snapshot.carrier_pictures.reshape(4, MOST_ROWS, -1).any(2).sum(1) == rows).all()
        told += int(is_told.sum())
    assert told > 4, "The training does overfit."
    assert (snapshots[0].carrying == 0).all()


def test_the_rows_are_those_that_rose_most_by_plain_networks() -> None:
    """Two sets of weights, put into the stack by hand."""
    prepared, _seen = trained(spec_of("digits", ("cross_entropy", "bce"), (0, 1)))
    stack, observer, judged = prepared.learner.stack, prepared.observer, prepared.evaluator.judged
    task = prepared.spec.dataset.task

    def losses() -> list[torch.Tensor]:
        found = []
        for run in range(4):
            z = logits_of(prepared, run, judged.x[run % 2])
            loss = prepared.learner.groups[run // 2].entrant.loss
            rows = [
                plain.loss_function(loss, task)(z[at : at + 1], judged.y[run % 2, at : at + 1])
                for at in range(len(z))
            ]
            found.append(torch.stack(rows))
        return found

    with torch.inference_mode():
        prepared.evaluator.evaluate(2, 2000)
        observer.note(2, 2000)
        then = losses()
        # The same answers, but ever surer: what is wrong costs more.
        stack.layers[-1].weight.mul_(40)
        stack.layers[-1].bias.mul_(40)
        now = losses()
        seen = looked_at(prepared)
    for run in range(4):
        rises = now[run] - then[run]
        expected = smallest(rises.double().tolist())
        assert seen.carrying[run] == expected > 0
        rows = rises.sort(descending=True).indices[: min(expected, MOST_ROWS)]
        told = seen.carriers[run, : len(rows)]
        assert told[:, 0].tolist() == rows.tolist()
        z = logits_of(prepared, run, judged.x[run % 2, rows])
        np.testing.assert_array_equal(told[:, 1], judged.y[run % 2, rows])
        np.testing.assert_array_equal(told[:, 2], classes_of(z))
        np.testing.assert_allclose(told[:, 3], then[run][rows], rtol=1e-4)
        np.testing.assert_allclose(told[:, 4], now[run][rows], rtol=1e-4)
        assert seen.risen[run, 1, 3] == pytest.approx(40 * seen.risen[run, 0, 3], rel=1e-4)
        first = judged.x[run % 2, rows[0]].view(8, 8)
        assert seen.carrier_pictures[run, 0].shape == first.shape


def smallest(rises: list[float]) -> int:
    held = np.cumsum(sorted(rises, reverse=True))
    return int(np.argmax(held >= CARRIED * sum(rises))) + 1


@pytest.mark.parametrize(
    ("loss", "right", "is_told"),
    [
        (1.09, 0.5, False),  # less than the margin
        (1.11, 0.5, True),
        (1.11, 0.75, True),
        (1.11, 0.25, False),  # the accuracy fell
        (0.5, 0.5, False),
        (float("nan"), 0.5, False),
    ],
)
def test_from_when_on_a_rise_is_told(loss: float, right: float, is_told: bool) -> None:
    rises = rises_of_one_run()
    rises.note(1, [answers(1.0, 0.5)])
    rises.note(2, [answers(loss, right)])
    seen = rises.seen(2, [answers(loss, right)])
    assert (seen["carrying"][0] > 0) == is_told
    assert np.isfinite(seen["carriers"]).any() == is_told


def rises_of_one_run() -> Rises:
    judged = Judged(Split.VAL, slice(0, 4), torch.zeros(1, 4, 2), torch.zeros(1, 4))
    return Rises(judged, None)


def answers(loss: float, right: float) -> Answers:
    """One run's on four rows, whose loss is all of the first."""
    losses = torch.tensor([[4 * loss, 0, 0, 0]])
    means = {Measure.LOSS: losses.mean(1), Measure.ACCURACY: torch.tensor([right])}
    return Answers(torch.zeros(1, 2, 4), losses, means)


def test_of_equally_low_losses_the_first_counts() -> None:
    rises = rises_of_one_run()
    for epoch, loss in enumerate([3.0, 1.0, 1.0, 2.0]):
        rises.note(epoch, [answers(loss, 0.5)])
    assert rises.seen(3, [answers(2.0, 0.5)])["risen"][0, 0, 0] == 1


@pytest.mark.parametrize("data", ["diabetes", "lesson"])
def test_values_and_rows_that_are_trained_on_have_no_such_rise(data: str) -> None:
    _prepared, seen = trained(spec_of(data, seeds=(0,)))
    assert seen.risen is None
    assert seen.carrying is None


def test_after_a_switch_of_losses_the_lowest_is_looked_for_anew() -> None:
    """A loss in other units is neither lower nor higher than the one before."""
    rises = rises_of_one_run()
    rises.note(1, [answers(0.01, 0.5)])
    rises.forget([slice(0, 1)])
    assert not rises.seen(2, [answers(9.0, 0.5)])["carrying"].any()
    rises.note(2, [answers(3.0, 0.5)])
    seen = rises.seen(3, [answers(9.0, 0.5)])
    assert seen["risen"][0, 0, :2].tolist() == [2, 3]
    assert seen["carrying"].any()
