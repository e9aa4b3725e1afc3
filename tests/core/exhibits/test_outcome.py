"""Findings against SciPy's tests, and the rules of how contrasts make one."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from core.exhibits.outcome import Contrast, Finding, decide, tie

_RNG = np.random.default_rng(0)


def _contrast(mean: float, sd: float = 1.0, n: int = 8) -> Contrast:
    values = _RNG.normal(0, 1, n)
    return Contrast("a difference", mean + sd * (values - values.mean()) / values.std(ddof=1))


def test_a_contrast_is_tested_as_scipy_tests_it() -> None:
    contrast = _contrast(0.8)
    (tested,) = decide([contrast]).tested
    oracle = stats.ttest_1samp(contrast.values, 0)
    interval = oracle.confidence_interval()
    assert tested.p == pytest.approx(oracle.pvalue)
    assert (tested.low, tested.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(
    ("means", "finding"),
    [
        ((3.0,), Finding.SEEN),
        ((-3.0,), Finding.OPPOSITE),
        ((0.1,), Finding.UNCLEAR),
        ((3.0, 3.0), Finding.SEEN),
        ((3.0, 0.1), Finding.UNCLEAR),
        ((3.0, -3.0), Finding.OPPOSITE),
        ((0.1, -3.0), Finding.OPPOSITE),
    ],
)
def test_a_claim_is_seen_where_all_contrasts_are(
    means: tuple[float, ...], finding: Finding
) -> None:
    assert decide([_contrast(mean) for mean in means]).finding is finding


def test_two_seeds_show_nothing() -> None:
    assert decide([Contrast("d", np.array([5.0, 5.1]))]).finding is Finding.UNCLEAR


def test_where_nothing_is_drawn_at_random_the_sign_decides() -> None:
    assert decide([Contrast("d", np.array([0.5]), is_exact=True)]).finding is Finding.SEEN
    assert decide([Contrast("d", np.array([-0.5]), is_exact=True)]).finding is Finding.OPPOSITE


def test_an_exact_claim_holds_for_every_seed_or_not_at_all() -> None:
    def finding(*values: float) -> Finding:
        return decide([Contrast("d", np.array(values), is_exact=True)]).finding

    assert finding(0.5, 9.0) is Finding.SEEN
    assert finding(-0.5, 9.0) is Finding.OPPOSITE
    assert finding(0.0, 9.0) is Finding.UNCLEAR
    assert finding(np.nan, 9.0) is Finding.SEEN
    assert finding(np.nan) is Finding.UNCLEAR


def test_what_is_exact_says_nothing_of_how_many_seeds_there_were() -> None:
    exact = Contrast("d", np.array([0.5]), is_exact=True)
    assert decide([exact]).seeds == 1
    assert decide([exact, _contrast(0.1)]).seeds == 8


def test_seeds_that_have_no_value_are_left_out() -> None:
    known = _contrast(3.0).values
    with_gap = Contrast("d", np.append(known, np.nan))
    (tested,) = decide([with_gap]).tested
    assert tested.n == len(known)
    assert tested.p == pytest.approx(stats.ttest_1samp(known, 0).pvalue)


def test_a_tie_is_seen_where_the_difference_is_smaller_than_its_margin() -> None:
    small = 0.1 * _contrast(0.0).values
    assert decide(tie("d", small, 1.0)).finding is Finding.SEEN
    assert decide(tie("d", small + 5, 1.0)).finding is Finding.OPPOSITE
    assert decide(tie("d", 20 * small, 1.0)).finding is Finding.UNCLEAR


def test_what_is_unclear_says_how_many_seeds_it_would_take() -> None:
    contrast = _contrast(0.5, n=8)
    outcome = decide([contrast])
    needed = outcome.needed
    assert needed is not None
    assert needed > 8

    def power(n: int) -> float:
        reach = stats.t.isf(0.025, n - 1)
        shift = 0.5 * np.sqrt(n)
        return float(stats.nct.sf(reach, n - 1, shift) + stats.nct.cdf(-reach, n - 1, shift))

    assert power(needed) >= 0.8 > power(needed - 1)


def test_one_of_several_is_below_0_only_where_it_refutes_the_claim() -> None:
    """Its own p is 0.03, which is not enough among three."""
    below = _with_p(0.03, n=8)
    tested = decide([below, _contrast(0.1), _contrast(0.2)])
    assert tested.finding is Finding.UNCLEAR
    assert tested.tested[0].p == pytest.approx(0.03)
    assert not any(each.is_below for each in tested.tested)
    alone = decide([below])
    assert alone.finding is Finding.OPPOSITE
    assert alone.tested[0].is_below


def _with_p(p: float, n: int) -> Contrast:
    """A mean below 0 whose own two-sided p is this."""
    return _contrast(float(-stats.t.isf(p / 2, n - 1)) / n**0.5, n=n)


# ------------------------------------------------------------------ how often it is wrong

_TIMES = 1000


def _found(draw: Callable[[], Sequence[Contrast]]) -> Counter[Finding]:
    return Counter(decide(draw()).finding for _ in range(_TIMES))


def _at_most(level: float) -> float:
    """What a rate of the level comes to by chance, at the worst in 1,000 times."""
    return float(stats.binom.ppf(0.999, _TIMES, level))


def test_a_tie_at_its_margin_is_seldom_seen() -> None:
    found = _found(lambda: tie("d", _RNG.normal(1, 0.4, 6), 1.0))
    assert found[Finding.SEEN] <= _at_most(0.025)
    assert found[Finding.OPPOSITE] <= _at_most(0.025)


@pytest.mark.parametrize("others", [(0.0, 0.0), (0.5, 1.0), (9.0, 9.0)])
def test_a_claim_of_which_one_part_is_nothing_is_seldom_seen_or_refuted(
    others: tuple[float, float],
) -> None:
    def draw() -> list[Contrast]:
        return [Contrast("d", _RNG.normal(mean, 1, 6)) for mean in (0.0, *others)]

    found = _found(draw)
    assert found[Finding.SEEN] <= _at_most(0.025)
    assert found[Finding.OPPOSITE] <= _at_most(0.05)


def test_with_the_seeds_that_are_needed_a_tie_is_seen_as_often_as_is_said() -> None:
    """Both of its contrasts at once, in four of five times."""
    pilot = _contrast(0.0, n=5).values
    unclear = decide(tie("d", pilot, 1.2))
    assert unclear.finding is Finding.UNCLEAR
    assert unclear.needed is not None
    n = unclear.needed
    found = _found(lambda: tie("d", _RNG.normal(0, 1, n), 1.2))
    assert 0.77 * _TIMES < found[Finding.SEEN] < 0.95 * _TIMES


def test_where_the_means_speak_against_a_claim_its_opposite_is_what_needs_more_seeds() -> None:
    contrasts = [_contrast(-0.6, n=8), _contrast(0.05, n=8)]
    unclear = decide(contrasts)
    assert unclear.finding is Finding.UNCLEAR
    assert unclear.needed is not None
    n = unclear.needed
    found = _found(lambda: [Contrast("d", _RNG.normal(mean, 1, n)) for mean in (-0.6, 0.05)])
    assert 0.77 * _TIMES < found[Finding.OPPOSITE] < 0.95 * _TIMES


def test_equal_differences_are_not_tested_and_say_no_number_of_seeds() -> None:
    outcome = decide([Contrast("epochs", np.full(6, 3.0))])
    assert (outcome.finding, outcome.needed) == (Finding.UNCLEAR, None)
