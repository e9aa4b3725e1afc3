"""The temperature against SciPy, its scores against scikit-learn, and what it must not change."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, log_softmax
from sklearn.metrics import log_loss
from torch import Tensor

from core.judging import measures
from core.judging.sureness import Sureness, sureness
from core.judging.temperature import FITTING, JUDGING, fitted
from core.losses import Link
from core.records.snapshot import TEMPERATURE_RANGE
from tests.core.judging.test_measures import HEADS, calibration_error, every_head, probabilities


def drawn(classes: int, width: int, scale: float, seed: int = 0, rows: int = 400) -> list[Tensor]:
    """Logits ``[1, width, N]`` in float64 that are right more often than not, and classes."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (1, rows), generator=generator).double()
    z = torch.randn(1, width, rows, generator=generator).double()
    of_truth = 2 * y - 1 if width == 1 else torch.nn.functional.one_hot(y.long(), width).mT
    return [scale * (z + 1.2 * of_truth.view(1, -1, rows)), y]


def nll_at(log_t: float, z: Tensor, y: Tensor, link: Link) -> float:
    scaled = z[0].T.numpy() / math.exp(log_t)
    if scaled.shape[1] == 1:
        log_p = log_expit(np.hstack([-scaled, scaled]))
    else:
        log_p = log_softmax(log_expit(scaled) if link is Link.SIGMOID else scaled, 1)
    return float(-log_p[np.arange(len(log_p)), y[0].long().numpy()].mean())


def searched(z: Tensor, y: Tensor, link: Link) -> float:
    """The best T by SciPy, from the best of a fine grid on."""
    grid = np.linspace(*np.log(TEMPERATURE_RANGE), num=400)
    at = grid[np.argmin([nll_at(place, z, y, link) for place in grid])]
    ends = (at - 0.05, at + 0.05)
    found = minimize_scalar(nll_at, ends, ends, (z, y, link), "bounded", options={"xatol": 1e-8})
    return math.exp(found.x)


def of_one(z: Tensor, y: Tensor, link: Link) -> Sureness:
    return sureness([z], [link], y)


@every_head
@pytest.mark.parametrize("scale", [0.2, 1, 5, 300])
def test_the_temperature_is_scipys(classes: int, width: int, link: Link, scale: float) -> None:
    z, y = drawn(classes, width, scale)
    expected = searched(z[..., FITTING], y[..., FITTING], link)
    assert TEMPERATURE_RANGE[0] < expected < TEMPERATURE_RANGE[1]
    exact = of_one(z, y, link).temperatures.item()
    assert exact == pytest.approx(expected, rel=1e-4)
    assert of_one(z.float(), y.float(), link).temperatures.item() == pytest.approx(exact, rel=1e-3)


def test_many_runs_at_once_have_each_its_own() -> None:
    runs = [drawn(3, 3, scale, seed) for seed, scale in enumerate(np.geomspace(0.2, 100, 30))]
    z, y = (torch.cat(parts) for parts in zip(*runs, strict=True))
    for link in (Link.SOFTMAX, Link.SIGMOID):
        found = fitted(z, y, link)
        expected = [searched(*run, link) for run in runs]
        assert found.tolist() == pytest.approx(expected, rel=1e-4)


@every_head
def test_the_other_half_judges_before_and_after(classes: int, width: int, link: Link) -> None:
    z, y = drawn(classes, width, 4)
    found = of_one(z, y, link)
    half, truth = z[..., JUDGING], y[0, JUDGING].numpy()
    assert half.shape[-1] + z[..., FITTING].shape[-1] == z.shape[-1]
    for scores, t in ((found.before, 1.0), (found.after, found.temperatures.item())):
        p = probabilities(half / t, link)
        nll, ece = scores[:, 0].tolist()
        assert nll == pytest.approx(log_loss(truth, p, labels=range(classes)), rel=1e-9)
        assert ece == pytest.approx(calibration_error(p.max(1), p.argmax(1) == truth), rel=1e-6)
    # Too sure by four times: of so many rows the other half is better off, too.
    assert found.after[0] < found.before[0]
    assert found.after[1] < found.before[1]


@every_head
@pytest.mark.parametrize("t", [0.3, 3.7, TEMPERATURE_RANGE[1]])
def test_no_predicted_class_changes(classes: int, width: int, link: Link, t: float) -> None:
    z, _ = drawn(classes, width, 2)
    before, after = probabilities(z, link), probabilities(z / t, link)
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    predicted = measures.predicted_classes(z)
    assert torch.equal(predicted, measures.predicted_classes(z / t))


@every_head
def test_rows_that_are_all_right_end_at_the_lowest(classes: int, width: int, link: Link) -> None:
    """However sure of them a run becomes, their NLL only falls."""
    _, y = drawn(classes, width, 1)
    signs = 2 * y[:, None] - 1 if width == 1 else 2 * torch.nn.functional.one_hot(y.long()).mT - 1
    found = of_one(signs.float(), y.float(), link)
    assert found.temperatures.item() == pytest.approx(TEMPERATURE_RANGE[0])
    assert found.after.isfinite().all()


@every_head
def test_rows_that_are_mostly_wrong_end_at_the_highest(
    classes: int, width: int, link: Link
) -> None:
    """No sureness at all would be best."""
    z, y = drawn(classes, width, 1)
    wrong = z if width == 1 else z.roll(1, -2)
    truth = 1 - y if width == 1 else y
    found = of_one(wrong, truth, link)
    assert found.temperatures.item() == pytest.approx(TEMPERATURE_RANGE[1])
    assert found.after.isfinite().all()


@every_head
def test_of_logits_that_are_all_alike_it_is_one(classes: int, width: int, link: Link) -> None:
    """At 0 every temperature gives the same probabilities."""
    y = torch.arange(12.0)[None] % classes
    found = of_one(torch.zeros(1, width, 12), y, link)
    assert found.temperatures.item() == 1
    assert found.after.tolist() == found.before.tolist()


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
@every_head
def test_few_rows_have_a_temperature(classes: int, width: int, link: Link, rows: int) -> None:
    z, y = drawn(classes, width, 2, rows=rows)
    found = of_one(z.float(), y.float(), link)
    low, high = TEMPERATURE_RANGE
    assert low * 0.999 <= found.temperatures.item() <= high * 1.001
    assert found.after.isfinite().all() == (rows > 1)


@every_head
@pytest.mark.parametrize("only", [FITTING, JUDGING])
def test_a_class_may_be_missing_in_a_half(
    classes: int, width: int, link: Link, only: slice
) -> None:
    z, y = drawn(classes, width, 2, rows=30)
    y[:, only] = y[:, only].clamp(min=1)
    found = of_one(z.float(), y.float(), link)
    assert torch.cat([found.temperatures, found.after.flatten()]).isfinite().all()


@every_head
def test_extreme_logits_have_finite_scores(classes: int, width: int, link: Link) -> None:
    z, y = drawn(classes, width, 1e4)
    found = of_one(z.float(), y.float(), link)
    assert torch.cat([found.temperatures, found.before.flatten()]).isfinite().all()
    assert found.after.isfinite().all()


# ------------------------------------------------------------------ several groups


def test_groups_together_are_as_each_alone() -> None:
    """Softmax, one logit, two sigmoids and scores, of the same two seeds."""
    heads = [head for head in HEADS if head[0] == 2] + [(2, 2, Link.IDENTITY)]
    logits, links = [], []
    y = torch.cat([drawn(2, 2, 1, seed)[1] for seed in (0, 1)])
    for place, (_classes, width, link) in enumerate(heads):
        links.append(link)
        logits.append(torch.cat([drawn(2, width, place + 1, seed)[0] for seed in (0, 1)]))
    together = sureness(logits, links, y)
    for place, (z, link) in enumerate(zip(logits, links, strict=True)):
        for seed in (0, 1):
            alone, run = of_one(z[seed : seed + 1], y[seed : seed + 1], link), 2 * place + seed
            for ours, expected in (
                (together.temperatures[run], alone.temperatures[0]),
                (together.before[:, run], alone.before[:, 0]),
                (together.after[:, run], alone.after[:, 0]),
                (together.risks[run], alone.risks[0]),
            ):
                torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-9, equal_nan=True)
    scores = together.after[:, :-2]
    assert scores.isfinite().all()
    assert len(set(scores[0].tolist())) == scores.shape[1]


def test_scores_that_are_no_probabilities_have_risks_alone() -> None:
    z, y = drawn(3, 3, 1)
    found = of_one(z, y, Link.IDENTITY)
    assert found.risks.isfinite().all()
    for values in (found.temperatures, found.before, found.after):
        assert values.isnan().all()


@every_head
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_broken_run_has_nothing_and_its_neighbours_have_theirs(
    classes: int, width: int, link: Link, bad: float
) -> None:
    runs = [drawn(classes, width, 2, seed) for seed in (0, 1, 2)]
    z, y = (torch.cat(parts) for parts in zip(*runs, strict=True))
    whole = of_one(z, y, link)
    z[1, -1, 7] = bad
    found = of_one(z, y, link)
    for name in ("risks", "temperatures", "before", "after"):
        ours, expected = getattr(found, name), getattr(whole, name)
        runs_first = (ours, expected) if name in ("risks", "temperatures") else (ours.T, expected.T)
        assert runs_first[0][1].isnan().all(), name
        torch.testing.assert_close(runs_first[0][::2], runs_first[1][::2], msg=name)
