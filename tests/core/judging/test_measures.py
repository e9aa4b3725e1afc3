"""The yardsticks against scikit-learn, NumPy and the definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)
from torch import Tensor

from core.judging import measures
from core.judging.yardsticks import yardsticks
from core.losses import Link, Task
from core.records import Measure
from core.records.snapshot import RELIABILITY_BINS

finite = st.floats(-1e3, 1e3, width=32)
#: Logits that leave every probability well within float32.
moderate = st.floats(-8, 8, width=32)
few = settings(max_examples=30, deadline=None)
LINKS_OF_PROBABILITIES = (Link.SOFTMAX, Link.SIGMOID)


@st.composite
def classified(
    draw: st.DrawFn, classes: int, width: int | None = None, logits=moderate, least_rows: int = 1
) -> tuple[Tensor, Tensor]:
    """Logits ``[1, width, N]`` in float64 and class numbers ``[1, N]``."""
    rows = draw(st.integers(least_rows, 30))
    y = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    count = rows * (width or classes)
    z = draw(st.lists(logits, min_size=count, max_size=count))
    return torch.tensor(z).double().view(1, -1, rows), torch.tensor([y]).double()


def probabilities(z: Tensor, link: Link) -> np.ndarray:
    """Of classes ``[N, C]`` from z ``[1, C, N]``, worked out in plain NumPy."""
    scores = z[0].T.numpy()
    if link is Link.SOFTMAX:
        p = np.exp(scores - scores.max(1, keepdims=True))
    else:
        p = 1 / (1 + np.exp(-scores))
        if p.shape[1] == 1:
            return np.hstack([1 - p, p])
    return p / p.sum(1, keepdims=True)


def all_scores(z: Tensor, y: Tensor, link: Link) -> dict[Measure, Tensor]:
    return measures.scores_of_classes(z, y, link) | measures.more_scores_of_classes(z, y, link)


#: Classes, logits and link of every kind of head that gives probabilities.
HEADS = [
    (2, 2, Link.SOFTMAX),
    (2, 1, Link.SIGMOID),
    (2, 2, Link.SIGMOID),
    (4, 4, Link.SOFTMAX),
    (4, 4, Link.SIGMOID),
]
every_head = pytest.mark.parametrize(("classes", "width", "link"), HEADS)


# ------------------------------------------------------------------ probabilities


@every_head
@few
@given(data=st.data())
def test_log_probabilities_are_those_of_the_link(classes, width, link, data):
    z, _ = data.draw(classified(classes, width))
    log_p = measures.log_probabilities(z, link)
    np.testing.assert_allclose(log_p[0].exp().T, probabilities(z, link), rtol=1e-12)
    np.testing.assert_allclose(log_p.exp().sum(1), 1, rtol=1e-12)


def test_sigmoids_by_hand():
    """One against the rest: of 3/4 and 1/2 the sum is 5/4. One logit: of class 1."""
    z = torch.tensor([[[math.log(3)], [0.0]]])
    two = measures.log_probabilities(z, Link.SIGMOID)
    assert two.exp()[0, :, 0].tolist() == pytest.approx([0.6, 0.4])
    one = measures.log_probabilities(z[:, :1], Link.SIGMOID)
    assert one.exp()[0, :, 0].tolist() == pytest.approx([0.25, 0.75])


def test_what_is_no_probability_is_read_as_none():
    assert measures.log_probabilities(torch.zeros(1, 2, 3), Link.IDENTITY) is None


# ------------------------------------------------------------------ accuracy


@pytest.mark.parametrize("classes", [2, 5])
@few
@given(data=st.data())
def test_accuracy_is_scikit_learns(classes, data):
    z, y = data.draw(classified(classes, logits=finite))
    expected = accuracy_score(y[0], z[0].numpy().argmax(0))
    ours = measures.scores_of_classes(z, y, Link.IDENTITY)[Measure.ACCURACY]
    assert ours.tolist() == pytest.approx([expected], rel=1e-6)


@few
@given(case=classified(2, 1, logits=finite))
def test_accuracy_of_one_logit_is_scikit_learns(case):
    z, y = case
    expected = accuracy_score(y[0], z[0, 0] > 0)
    ours = measures.scores_of_classes(z, y, Link.IDENTITY)[Measure.ACCURACY]
    assert ours.tolist() == pytest.approx([expected], rel=1e-6)


# ------------------------------------------------------------------ NLL and Brier


@every_head
@few
@given(data=st.data())
def test_nll_is_scikit_learns_log_loss(classes, width, link, data):
    z, y = data.draw(classified(classes, width))
    expected = log_loss(y[0], probabilities(z, link), labels=range(classes))
    ours = measures.scores_of_classes(z, y, link)[Measure.NLL]
    assert ours.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@every_head
@few
@given(data=st.data())
def test_brier_is_scikit_learns(classes, width, link, data):
    """(p - y)^2 of class 1 for two classes, the sum over classes for more."""
    z, y = data.draw(classified(classes, width))
    p = probabilities(z, link)
    if classes == 2:
        expected = brier_score_loss(y[0], p[:, 1], labels=[0, 1], pos_label=1)
    else:
        expected = brier_score_loss(y[0], p, labels=range(classes))
        in_full = ((p - np.eye(classes)[y[0].long()]) ** 2).sum(1).mean()
        assert expected == pytest.approx(in_full)
    ours = measures.scores_of_classes(z, y, link)[Measure.BRIER]
    assert ours.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_scores_of_a_coin_by_hand():
    z, y = torch.zeros(1, 2, 4), torch.tensor([[0.0, 1, 1, 0]])
    scores = all_scores(z, y, Link.SOFTMAX)
    assert scores[Measure.NLL].item() == pytest.approx(math.log(2))
    assert scores[Measure.BRIER].item() == pytest.approx(0.25)
    assert scores[Measure.ECE].item() == pytest.approx(0)
    assert scores[Measure.AUROC].item() == 0.5
    three = all_scores(torch.zeros(1, 3, 3), torch.tensor([[0.0, 1, 2]]), Link.SOFTMAX)
    assert three[Measure.BRIER].item() == pytest.approx(2 / 3)


# ------------------------------------------------------------------ calibration


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """The definition in a loop: sum over bins of (n_b / N) |accuracy_b - mean confidence_b|."""
    total = 0.0
    edges = [b / RELIABILITY_BINS for b in range(RELIABILITY_BINS + 1)]
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            total += inside.sum() / len(confidence) * gap
    return float(total)


@every_head
@few
@given(data=st.data())
def test_calibration_error_is_the_definitions(classes, width, link, data):
    z, y = data.draw(classified(classes, width))
    p = probabilities(z, link)
    expected = calibration_error(p.max(1), p.argmax(1) == y[0].numpy())
    # Where confidences lie as close to an edge as rounding, or two classes tie, either is right.
    ordered = np.sort(p, 1)
    edges = np.arange(RELIABILITY_BINS + 1) / RELIABILITY_BINS
    if (
        np.abs(p.max(1)[:, None] - edges).min() < 1e-9
        or (ordered[:, -1] - ordered[:, -2]).min() == 0
    ):
        return
    ours = measures.more_scores_of_classes(z, y, link)[Measure.ECE]
    assert ours.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def reliability_of(confidences: list[float], dtype: torch.dtype) -> Tensor:
    """The table of rows whose first class has these probabilities, all predicted rightly."""
    p = torch.tensor([confidences], dtype=dtype)

    class Known(torch.Tensor):
        """Log-probabilities whose exponential is exactly p, which no logarithm promises."""

        def exp(self):
            return torch.stack([p, 1 - p], 1)

    log_p = torch.zeros(1, 2, len(confidences)).as_subclass(Known)
    return measures.reliability(log_p, (p * 0).long(), p * 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_confidence_at_an_edge_counts_into_the_bin_below(dtype):
    edges = [b / RELIABILITY_BINS for b in range(8, RELIABILITY_BINS + 1)]
    assert edges[-1] == 1
    rows, confidences, right = reliability_of(edges, dtype)[0]
    assert rows.tolist() == right.tolist() == [0.0] * 7 + [1.0] * 8
    assert confidences.tolist() == pytest.approx([0.0] * 7 + edges)
    beyond = [edge + 1e-5 for edge in edges[:-1]]
    assert reliability_of(beyond, dtype)[0, 0].tolist() == [0.0] * 8 + [1.0] * 7


@given(st.data(), st.sampled_from([2, 3, 10, 300]))
@few
def test_the_first_of_the_largest_logits_is_the_predicted_class(data, classes):
    """As NumPy's argmax has it; of so few different logits many are equal."""
    row = st.lists(st.sampled_from([-math.inf, -1.5, 0, 2]), min_size=classes, max_size=classes)
    z = torch.tensor(data.draw(st.lists(row, min_size=1, max_size=20))).T[None]
    expected = z.numpy().argmax(1)
    assert measures.predicted_classes(z).numpy().tolist() == expected.tolist()
    y = torch.tensor(expected).float()
    y[0, 0] = (y[0, 0] + 1) % classes
    assert measures.right(z, y)[0].tolist() == [0] + [1] * (z.shape[2] - 1)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_a_row_of_no_numbers_has_a_class_that_there_is(classes):
    z = torch.zeros(1, classes, 2)
    z[0, 0, 1] = torch.nan
    assert measures.predicted_classes(z).tolist() == [[0, classes - 1]]


def test_certainty_is_in_the_last_bin():
    z = torch.tensor([[[1e4, -1e4], [-1e4, 1e4]]])
    predicted = measures.predicted_classes(z)
    table = measures.reliability(z.log_softmax(1), predicted, torch.tensor([[0.0, 0.0]]))
    assert table[0].tolist() == [[0.0] * 14 + [number] for number in (2.0, 2.0, 1.0)]
    assert measures.ece(table).item() == 0.5


def test_rows_that_are_no_numbers_are_in_no_bin():
    log_p = torch.randn(2, 3, 10, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    y, predicted = torch.zeros(2, 10), log_p.argmax(1)
    whole = measures.reliability(log_p, predicted, y)
    log_p[1, :, :4] = torch.nan
    broken = measures.reliability(log_p, predicted, y)
    assert torch.equal(broken[0], whole[0])
    assert broken[1, 0].sum() == 6
    assert broken.isfinite().all()


def test_calibration_and_accuracy_speak_of_the_same_predicted_class():
    """Sigmoids of 20, 25 and 22 all round to 1, and their shares to one third."""
    z, y = torch.tensor([[[20.0], [25.0], [22.0]]]), torch.tensor([[1.0]])
    scores = all_scores(z, y, Link.SIGMOID)
    assert scores[Measure.ACCURACY].item() == 1
    assert scores[Measure.ECE].item() == pytest.approx(2 / 3)


# ------------------------------------------------------------------ AUROC

#: Few different scores, so that many tie.
tied = st.sampled_from([-1.0, 0.0, 0.5, 2.0])


@pytest.mark.filterwarnings("ignore:Only one class")
@pytest.mark.parametrize("logits", [moderate, tied], ids=["any", "tied"])
@pytest.mark.parametrize(("width", "link"), [(w, li) for c, w, li in HEADS if c == 2])
@few
@given(data=st.data())
def test_auroc_of_two_classes_is_scikit_learns(width, link, logits, data):
    z, y = data.draw(classified(2, width, logits, least_rows=2))
    ours = measures.more_scores_of_classes(z, y, link)[Measure.AUROC].item()
    if len(y.unique()) < 2:
        assert math.isnan(ours)
        return
    log_p = measures.log_probabilities(z, link)[0]
    assert ours == pytest.approx(roc_auc_score(y[0], log_p[1] - log_p[0]), rel=1e-6)


@pytest.mark.parametrize("logits", [moderate, tied], ids=["any", "tied"])
@pytest.mark.parametrize("link", [*LINKS_OF_PROBABILITIES, Link.IDENTITY])
@few
@given(data=st.data())
def test_auroc_of_more_is_the_mean_over_classes_with_rows(link, logits, data):
    z, y = data.draw(classified(4, None, logits, least_rows=2))
    ours = measures.more_scores_of_classes(z, y, link)[Measure.AUROC].item()
    log_p = measures.log_probabilities(z, link)
    # Rows whose other classes are the same in another order tie, but for rounding.
    scores = (z if log_p is None else log_p.numpy().round(12))[0]
    present = [c for c in range(4) if 0 < (y == c).sum() < y.numel()]
    if not present:
        assert math.isnan(ours)
        return
    each = [roc_auc_score(y[0] == c, scores[c]) for c in present]
    assert ours == pytest.approx(np.mean(each), rel=1e-6)


def test_auroc_is_scikit_learns_one_against_the_rest_macro():
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(1, 5, 200, generator=generator).double()
    y = torch.arange(200) % 5
    for link in LINKS_OF_PROBABILITIES:
        p = probabilities(z, link)
        expected = roc_auc_score(y, p, multi_class="ovr", average="macro")
        ours = measures.more_scores_of_classes(z, y[None].double(), link)[Measure.AUROC]
        assert ours.item() == pytest.approx(expected, rel=1e-6)


def test_auroc_of_more_by_hand_where_probabilities_round_to_1():
    """Of float32 softmax the first two rows would tie, and the score would be 0.75."""
    z = torch.tensor([[18.0, 0, 0], [17, 0, 0], [0, 0, 1]]).T[None]
    y = torch.tensor([[0.0, 1, 2]])
    ours = measures.more_scores_of_classes(z, y, Link.SOFTMAX)[Measure.AUROC].item()
    expected = roc_auc_score(y[0], probabilities(z.double(), Link.SOFTMAX), multi_class="ovr")
    assert ours == pytest.approx(expected)
    assert ours == pytest.approx(5 / 6)


@pytest.mark.parametrize("classes", [3, 5])
@pytest.mark.parametrize("link", LINKS_OF_PROBABILITIES)
@pytest.mark.parametrize("size", [1, 6, 12])
def test_auroc_of_float32_logits_is_scikit_learns_of_float64(classes, link, size):
    """Each row stands there twice with two classes, so that there are ties to be kept."""
    generator = torch.Generator().manual_seed(classes)
    half = torch.randn(1, classes, 60, generator=generator).clamp(-2.5, 2.5) * size
    z, y = torch.cat([half, half], 2), torch.arange(120) % classes
    p = probabilities(z.double(), link)
    ours = measures.more_scores_of_classes(z, y[None].float(), link)[Measure.AUROC].item()
    assert ours == pytest.approx(roc_auc_score(y, p, multi_class="ovr"), rel=1e-6)


def test_auroc_of_more_ranks_logits_that_float64_can_not_tell_apart():
    """Every class alone: 100 is surer than 90, though both have probability 1 in float64."""
    z = torch.zeros(1, 3, 6)
    y = torch.tensor([[0.0, 0, 1, 1, 2, 2]])
    z[0, 0] = torch.tensor([100.0, 95, 90, 80, 70, 60])
    ours = measures.more_scores_of_classes(z, y, Link.SOFTMAX)[Measure.AUROC].item()
    ranked = [roc_auc_score(y[0] == c, z[0, 0] if c == 0 else -z[0, 0]) for c in range(3)]
    assert ours == pytest.approx(np.mean(ranked))


@every_head
def test_constant_scores_rank_nothing(classes, width, link):
    z, y = torch.full((1, width, 12), 0.7), torch.arange(12.0)[None] % classes
    assert measures.more_scores_of_classes(z, y, link)[Measure.AUROC].item() == 0.5


@pytest.mark.parametrize(("width", "link"), [(2, Link.SOFTMAX), (1, Link.SIGMOID)])
def test_rows_far_beyond_certainty_are_still_ranked(width, link):
    """Probabilities that round to 1 differ in their log-odds."""
    odds = torch.tensor([-60.0, -40, -20, -18, 18, 20, 40, 60])
    y = torch.tensor([[0.0, 1, 0, 1, 0, 1, 0, 1]])
    z = odds[None, None] if width == 1 else torch.stack([-odds / 2, odds / 2])[None]
    ours = measures.more_scores_of_classes(z, y, link)[Measure.AUROC].item()
    assert ours == pytest.approx(roc_auc_score(y[0], odds))


# ------------------------------------------------------------------ values


@pytest.mark.filterwarnings("ignore:.*in divide:RuntimeWarning:sklearn")
@few
@given(pairs=st.lists(st.tuples(finite, finite), min_size=2, max_size=30))
def test_scores_of_values_are_scikit_learns(pairs):
    """A constant target among them: R2 is undefined where it is met, else minus infinity."""
    z, y = (torch.tensor(column).double() for column in zip(*pairs, strict=True))
    scores = measures.scores_of_values(z[None], y[None])
    expected = {
        Measure.MSE: mean_squared_error(y, z),
        Measure.MAE: mean_absolute_error(y, z),
        Measure.R2: r2_score(y, z, force_finite=False),
    }
    assert list(scores) == list(expected)
    for measure, value in expected.items():
        assert scores[measure].item() == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)


# ------------------------------------------------------------------ all of a task


@every_head
def test_every_yardstick_of_classes_is_computed(classes, width, link):
    z, y = torch.zeros(1, width, 4), torch.tensor([[0.0, 1, 0, 1]])
    cheap, more = (
        function(z, y, link)
        for function in (measures.scores_of_classes, measures.more_scores_of_classes)
    )
    table = yardsticks(Task.MULTICLASS)
    of_all_runs = {Measure.NLL_RESCALED, Measure.ECE_RESCALED, Measure.AURC}
    assert {each.measure for each in table} == {*cheap, *more} | of_all_runs
    assert [each.is_judged_each_epoch for each in table] == [True] * 3 + [False] * 5
    values = measures.scores_of_values(torch.zeros(1, 4), y)
    assert {each.measure for each in yardsticks(Task.REGRESSION)} == set(values)


@pytest.mark.parametrize("classes", [2, 4])
@few
@given(data=st.data())
def test_scores_that_are_no_probabilities_are_ranked_alone(classes, data):
    z, y = data.draw(classified(classes, least_rows=4))
    y[0, :classes] = torch.arange(classes)[: len(y[0, :classes])]
    scores = all_scores(z, y, Link.IDENTITY)
    missing = [measure for measure, score in scores.items() if score.isnan().all()]
    assert missing == [Measure.NLL, Measure.BRIER, Measure.ECE]
    needy = [each.measure for each in yardsticks(Task.BINARY) if each.needs_probabilities]
    assert needy == [*missing, Measure.NLL_RESCALED, Measure.ECE_RESCALED]
    assert scores[Measure.ACCURACY].isfinite().all()
    if classes == 2:
        expected = roc_auc_score(y[0], z[0, 1] - z[0, 0])
        assert scores[Measure.AUROC].item() == pytest.approx(expected, rel=1e-6)


def some_runs(width: int) -> tuple[Tensor, Tensor]:
    """Four runs' logits ``[4, width, 40]`` and their targets."""
    generator = torch.Generator().manual_seed(5)
    z = 3 * torch.randn(4, width, 40, generator=generator)
    return z, torch.randint(0, max(2, width), (4, 40), generator=generator).float()


WITH_HINGE = [*HEADS, (2, 2, Link.IDENTITY), (4, 4, Link.IDENTITY)]


@pytest.mark.parametrize(("classes", "width", "link"), WITH_HINGE)
def test_runs_together_are_scored_as_each_alone(classes, width, link):
    z, y = some_runs(width)
    together = all_scores(z, y, link)
    for run in range(4):
        alone = all_scores(z[run : run + 1], y[run : run + 1], link)
        for measure, score in together.items():
            assert score[run].item() == pytest.approx(alone[measure].item(), nan_ok=True)
    assert len(set(together[Measure.ACCURACY].tolist())) > 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("classes", "width", "link"), WITH_HINGE)
def test_a_broken_run_has_no_score_and_its_neighbours_have_theirs(classes, width, link, bad):
    z, y = some_runs(width)
    whole = all_scores(z, y, link)
    z[2, -1, 7] = bad
    for measure, score in all_scores(z, y, link).items():
        assert math.isnan(score[2]), measure
        for run in (0, 1, 3):
            assert score[run].item() == pytest.approx(whole[measure][run].item(), nan_ok=True)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_broken_run_of_values_has_no_score(bad):
    z, y = some_runs(1)
    whole = measures.scores_of_values(z[:, 0], y)
    z[2, 0, 7] = bad
    for measure, score in measures.scores_of_values(z[:, 0], y).items():
        assert math.isnan(score[2]), measure
        assert torch.equal(score[[0, 1, 3]], whole[measure][[0, 1, 3]])


@every_head
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_logits_have_finite_scores(classes, width, link, size):
    z = torch.zeros(1, width, 8)
    z[:, -1, ::2] = size
    y = torch.arange(8.0)[None] % classes
    scores = all_scores(z, y, link)
    for measure, score in scores.items():
        assert score.isfinite().all(), measure
    everywhere = all_scores(torch.full_like(z, size), y, link)
    assert torch.stack(list(everywhere.values())).isfinite().all()
    assert 0 <= scores[Measure.BRIER].item() <= 2
    assert 0 <= scores[Measure.ECE].item() <= 1
