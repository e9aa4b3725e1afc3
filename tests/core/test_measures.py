"""Each yardstick against scikit-learn's or its definition, on random and on degenerate rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from core import measures
from core.losses import Link
from core.records import Measure
from core.snapshot import RELIABILITY_BINS

finite = st.floats(-15, 15, width=32)


several = st.integers(2, 5)


@st.composite
def classified(draw, classes=several):
    """Logits ``[C, N]``, float32, and a class for each row."""
    count, rows = draw(classes), draw(st.integers(1, 30))
    logits = draw(st.lists(finite, min_size=count * rows, max_size=count * rows))
    y = draw(st.lists(st.integers(0, count - 1), min_size=rows, max_size=rows))
    return np.array(logits, np.float32).reshape(count, rows), np.array(y)


def scores(z: np.ndarray, y: np.ndarray, link: Link) -> dict[Measure, float]:
    """All scores of one run."""
    logits, targets = torch.from_numpy(z)[None], torch.from_numpy(y)[None].float()
    found = measures.scores_of_classes(logits, targets, link)
    found |= measures.more_scores_of_classes(logits, targets, link)
    return {measure: score.item() for measure, score in found.items()}


def probabilities(z: np.ndarray, link: Link) -> np.ndarray:
    """Rows of probabilities ``[N, C]``, in double precision."""
    z = z.astype(float)
    if link is Link.SOFTMAX:
        return softmax(z, axis=0).T
    p = np.stack([expit(-z[0]), expit(z[0])]) if len(z) == 1 else expit(z)
    return (p / p.sum(0)).T


def expected(p: np.ndarray, y: np.ndarray) -> dict[Measure, float]:
    classes = list(range(p.shape[1]))
    one_hot = np.eye(len(classes))[y]
    summed = ((p - one_hot) ** 2).sum(1).mean()
    return {
        Measure.NLL: log_loss(y, p.clip(1e-300), labels=classes),
        Measure.BRIER: brier_score_loss(y, p[:, 1], labels=[0, 1]) if len(classes) == 2 else summed,
    }


@pytest.mark.parametrize("link", [Link.SOFTMAX, Link.SIGMOID])
@given(rows=classified())
def test_nll_brier_and_accuracy_are_scikit_learns(link, rows):
    z, y = rows
    found = scores(z, y, link)
    p = probabilities(z, link)
    for measure, value in expected(p, y).items():
        assert found[measure] == pytest.approx(value, rel=2e-5, abs=2e-6)
    assert found[Measure.ACCURACY] == pytest.approx(accuracy_score(y, z.argmax(0)), rel=1e-6)


@given(rows=classified(st.just(2)))
def test_one_logit_is_judged_as_class_1(rows):
    z, y = rows[0][:1], rows[1]
    found = scores(z, y, Link.SIGMOID)
    assert found[Measure.ACCURACY] == pytest.approx(accuracy_score(y, z[0] > 0), rel=1e-6)
    p = probabilities(z, Link.SIGMOID)
    for measure, value in expected(p, y).items():
        assert found[measure] == pytest.approx(value, rel=2e-5, abs=2e-6)
    if len(set(y)) == 2:
        assert found[Measure.AUROC] == pytest.approx(roc_auc_score(y, z[0]), rel=1e-6)


@given(
    values=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=2, max_size=30),
    data=st.data(),
)
def test_auroc_counts_ties_half(values, data):
    y = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(values), max_size=len(values))))
    found = measures.auroc(
        torch.tensor([[[-v for v in values], values]]), torch.from_numpy(y)[None].float()
    ).item()
    if len(set(y)) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(y, values), rel=1e-6)


@given(rows=classified(st.integers(3, 5)))
def test_auroc_of_several_classes_is_the_mean_over_those_there(rows):
    z, y = rows
    found = scores(z, y, Link.SOFTMAX)[Measure.AUROC]
    # From the same float32 probabilities, so that ties are the same.
    log_p = torch.from_numpy(z)[None].log_softmax(-2)[0].numpy()
    there = [c for c in range(len(z)) if 0 < (y == c).sum() < len(y)]
    each = [roc_auc_score(y == c, log_p[c]) for c in there]
    assert found == pytest.approx(np.mean(each) if each else math.nan, rel=1e-6, nan_ok=True)


def test_auroc_of_several_classes_is_scikit_learns_macro_mean():
    z = np.random.default_rng(0).normal(size=(4, 300)).astype(np.float32)
    y = np.arange(300) % 4
    for link in (Link.SOFTMAX, Link.SIGMOID):
        macro = roc_auc_score(y, probabilities(z, link), multi_class="ovr", average="macro")
        assert scores(z, y, link)[Measure.AUROC] == pytest.approx(macro, abs=1e-6)


@given(rows=classified(st.just(2)))
def test_auroc_of_two_logits_ranks_by_their_difference(rows):
    z, y = rows
    expected = roc_auc_score(y, z[1] - z[0]) if len(set(y)) == 2 else math.nan
    for link in (Link.SOFTMAX, Link.IDENTITY):
        found = scores(z, y, link)[Measure.AUROC]
        assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)


def ece_by_definition(p: np.ndarray, y: np.ndarray) -> float:
    confidence, right = p.max(1), p.argmax(1) == y
    total = 0.0
    for b in range(RELIABILITY_BINS):
        low, high = b / RELIABILITY_BINS, (b + 1) / RELIABILITY_BINS
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - confidence[inside].mean())
    return total / len(y)


@given(rows=classified())
def test_ece_is_its_definition(rows):
    z, y = rows
    log_p = torch.from_numpy(z)[None].double().log_softmax(-2)
    table = measures.reliability(log_p, torch.from_numpy(y)[None].double())
    assert table[0, 0].sum() == len(y)
    assert measures.ece(table).item() == pytest.approx(
        ece_by_definition(log_p[0].exp().numpy().T, y), abs=1e-9
    )


def test_a_confidence_of_one_and_one_at_an_edge_have_their_bin():
    p = torch.tensor([[[1.0, 0.6], [0.0, 0.4]]], dtype=torch.float64)
    rows = measures.reliability(p.log(), torch.tensor([[0.0, 1.0]]).double())[0, 0]
    assert rows[-1] == 1
    assert rows[round(0.6 * RELIABILITY_BINS) - 1] == 1


def test_scores_that_are_no_probabilities_have_no_nll_brier_or_ece():
    z, y = np.array([[2.0, 0, 0.5], [0, 1, 0]], np.float32), np.array([0, 1, 1])
    found = scores(z, y, Link.IDENTITY)
    for measure in (Measure.NLL, Measure.BRIER, Measure.ECE):
        assert math.isnan(found[measure])
    assert found[Measure.ACCURACY] == pytest.approx(2 / 3)
    assert found[Measure.AUROC] == pytest.approx(roc_auc_score(y, z[1] - z[0]))


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_broken_run_has_no_score_and_its_neighbours_theirs(broken):
    generator = torch.Generator().manual_seed(0)
    z, y = torch.randn(3, 4, 20, generator=generator), torch.arange(20).float().expand(3, -1) % 4
    whole = measures.scores_of_classes(z, y, Link.SOFTMAX)
    whole |= measures.more_scores_of_classes(z, y, Link.SOFTMAX)
    z[1, 2, 3] = broken
    found = measures.scores_of_classes(z, y, Link.SOFTMAX)
    found |= measures.more_scores_of_classes(z, y, Link.SOFTMAX)
    for measure, score in found.items():
        assert score.isnan().tolist() == [False, True, False]
        assert torch.equal(score[[0, 2]], whole[measure][[0, 2]])


@pytest.mark.parametrize("size", [1e4, -1e4])
@pytest.mark.parametrize("link", [Link.SOFTMAX, Link.SIGMOID])
def test_extreme_logits_have_finite_scores(size, link):
    z = np.zeros((3, 4), np.float32)
    z[1] = size
    found = scores(z, np.array([0, 1, 2, 1]), link)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.filterwarnings("ignore:.*in divide:RuntimeWarning:sklearn")
@given(pairs=st.lists(st.tuples(finite, finite), min_size=2, max_size=30))
def test_scores_of_values_are_scikit_learns(pairs):
    z, y = (np.array(column) for column in zip(*pairs, strict=True))
    found = measures.scores_of_values(torch.from_numpy(z)[None], torch.from_numpy(y)[None])
    assert found[Measure.MSE].item() == pytest.approx(mean_squared_error(y, z))
    assert found[Measure.MAE].item() == pytest.approx(mean_absolute_error(y, z))
    assert (
        found[Measure.R2].item()
        == pytest.approx(r2_score(y, z, force_finite=False), rel=1e-6, abs=1e-6, nan_ok=True)
        or y.std() == 0
    )
