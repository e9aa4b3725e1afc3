"""Findings in words."""

import numpy as np
import pytest

from core.exhibits.outcome import Contrast, decide
from core.exhibits.words import headline, line, needed, standing

CLEAR = np.array([0.03, 0.031, 0.032, 0.029])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (CLEAR, "Seen here"),
        (-CLEAR, "The opposite here"),
        (np.array([1.0, -1.0, 0.5]), "Unclear with 3 seeds"),
        (np.array([1.0]), "Unclear with 1 seed"),
    ],
)
def test_there_are_three_findings(values: np.ndarray, words: str) -> None:
    assert headline(decide([Contrast("d", values)])) == words


def test_only_what_is_unclear_needs_more_seeds() -> None:
    assert needed(decide([Contrast("d", CLEAR)])) == ""
    unclear = decide([Contrast("d", np.array([1.0, -1.0, 0.5, 0.9]))])
    assert f"About {unclear.needed} seeds" in needed(unclear)
    assert "can't be told" in needed(decide([Contrast("d", np.array([1.0]))]))


def test_a_contrast_is_said_with_its_interval_in_its_unit() -> None:
    (tested,) = decide([Contrast("A less B", CLEAR, 100, " points")]).tested
    assert line(tested).startswith("A less B: 3.05 points (95% interval 2.8")
    assert line(tested).endswith("points, 4 seeds)")


def test_what_is_exact_and_what_has_no_value_say_so() -> None:
    (exact,) = decide([Contrast("d", np.array([0.5]), is_exact=True)]).tested
    assert line(exact) == "d: 0.5 (exact, 1 seed)"
    (empty,) = decide([Contrast("d", np.array([np.nan]))]).tested
    assert line(empty) == "d: no seed has a value"


def test_each_part_of_a_claim_says_what_became_of_it() -> None:
    unclear = np.array([1.0, -1.0, 0.5, -0.4])
    outcome = decide([Contrast("a", CLEAR), Contrast("b", -CLEAR), Contrast("c", unclear)])
    assert [standing(each) for each in outcome.tested] == ["Holds", "Refuted", "Open"]
