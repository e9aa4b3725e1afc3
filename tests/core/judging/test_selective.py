"""The risk-coverage curve: by hand, by its definition, and whatever order rows come in."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.judging import selective
from core.judging.sureness import sureness
from core.losses import Link
from core.records.snapshot import RISK_SHARES
from tests.core.judging.test_measures import every_head, probabilities

few = settings(max_examples=30, deadline=None)
#: How sure a run is of a row, and whether it is wrong; so few different ones that many tie.
tied_rows = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6
)


def risks_of(rows: list[tuple[float, bool]]) -> list[float]:
    sure, wrong = zip(*rows, strict=True)
    (found,) = selective.risks(torch.tensor([sure]).double(), torch.tensor([wrong])).tolist()
    return found


def in_order(rows: tuple[tuple[float, bool], ...]) -> np.ndarray:
    """Share of mistakes among the first 1, 2, ... rows."""
    wrong = np.array([is_wrong for _sure, is_wrong in rows], float)
    return wrong.cumsum() / np.arange(1, len(wrong) + 1)


def test_by_hand() -> None:
    """Surest first: right, wrong, right, wrong."""
    found = risks_of([(0.6, True), (0.9, False), (0.8, True), (0.7, False)])
    assert found == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert np.mean(found) == pytest.approx(1 / 3)


def test_rows_that_tie_count_as_their_mean() -> None:
    found = risks_of([(0.9, False), (0.5, True), (0.5, False)])
    assert found == pytest.approx([0, 0.5 / 2, 1 / 3])


@few
@given(rows=tied_rows)
def test_ties_are_the_mean_over_all_orders_that_they_may_come_in(rows: list) -> None:
    possible = [
        in_order(order)
        for order in itertools.permutations(rows)
        if all(one[0] >= next_one[0] for one, next_one in itertools.pairwise(order))
    ]
    assert risks_of(rows) == pytest.approx(np.mean(possible, axis=0))


@few
@given(rows=tied_rows, data=st.data())
def test_the_order_of_the_rows_does_not_matter(rows: list, data: st.DataObject) -> None:
    assert risks_of(data.draw(st.permutations(rows))) == pytest.approx(risks_of(rows), abs=1e-12)


@every_head
def test_the_order_does_not_matter_to_the_last_digit_of_real_logits(
    classes: int, width: int, link: Link
) -> None:
    """Every row is there three times, so that it must tie with itself."""
    generator = torch.Generator().manual_seed(1)
    z = (6 * torch.randn(1, width, 40, generator=generator)).repeat(1, 1, 3)
    y = torch.randint(0, classes, (1, 120), generator=generator).float()
    order = torch.randperm(120, generator=generator)
    one = sureness([z], [link], y).risks
    other = sureness([z[..., order]], [link], y[:, order]).risks
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


# ------------------------------------------------------------------ how sure


@every_head
def test_rows_are_ranked_by_the_largest_probability(classes: int, width: int, link: Link) -> None:
    z = 2 * torch.randn(1, width, 60, generator=torch.Generator().manual_seed(2)).double()
    as_read = torch.cat([0 * z, z], 1) if width == 1 else z
    read_by = Link.SOFTMAX if width == 1 else link
    p = probabilities(z, link).max(1)
    sure = selective.confidence(as_read, read_by)[0]
    np.testing.assert_allclose(sure, np.log(p / (1 - p)), rtol=1e-9, atol=1e-9)


def test_rows_far_beyond_certainty_are_still_ranked() -> None:
    """In float32 both probabilities are 1."""
    z = torch.tensor([[[20.0, 40.0, 30.0], [0.0, 0.0, 0.0]]])
    y = torch.tensor([[1.0, 0.0, 0.0]])
    (found,) = sureness([z], [Link.SOFTMAX], y).risks.tolist()
    assert found == pytest.approx([0, 0, 1 / 3])


def test_scores_are_ranked_by_how_far_the_largest_is_above_the_next() -> None:
    z = torch.tensor([[[9.0, 1.0], [8.5, 4.0], [0.0, -2.0]]])
    assert selective.confidence(z, Link.IDENTITY).tolist() == [[0.5, 3.0]]


# ------------------------------------------------------------------ what is kept


@pytest.mark.parametrize("rows", [1, 7, RISK_SHARES, 359])
def test_the_curve_has_equal_shares_of_the_rows_and_ends_with_all(rows: int) -> None:
    table = torch.arange(1, rows + 1)[None].double()
    kept = selective.curve(table)[0].tolist()
    shares = range(1, RISK_SHARES + 1)
    assert kept == [math.ceil(share * rows / RISK_SHARES) for share in shares]
    assert kept[-1] == rows
