"""Tallies by hand, and results against the verdict that Compare gives of the same race."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.data import DataSpec
from core.exhibits import EXHIBITS, Chart, Drawing, Exhibit, Part
from core.exhibits.betting import game_of, result_of, tally
from core.exhibits.running import evidence
from core.records import NO_DIFFERENCE, Bet, Measure, Split
from core.spec import ExperimentSpec, NetworkSpec, TrainingSpec
from tests.core.experiments import entrants

SPEC = ExperimentSpec(
    data=DataSpec(name="moons"),
    network=NetworkSpec(hidden_sizes=(8,)),
    training=TrainingSpec(epochs=3),
    entrants=entrants("cross_entropy", "mse"),
    seeds=(0, 1, 2),
)


def exhibit(chart: Chart, spec: ExperimentSpec = SPEC) -> Exhibit:
    """One that is about this chart of this race."""
    return replace(next(iter(EXHIBITS.values())), parts=(Part("A race", spec, (chart,)),))


ACCURACY = exhibit(Chart("Accuracy", "accuracy"))


def test_all_entrants_can_be_picked_and_that_there_is_no_difference() -> None:
    game = game_of(ACCURACY)
    assert dict(game.picks) == {0: "CrossEntropy", 1: "MSE", NO_DIFFERENCE: "No difference"}
    assert game.sketch is not None
    assert (game.sketch.low, game.sketch.high) == (0, 1)
    assert game.sketch.distance(0.032) == "3.2 points"


def test_of_a_lone_entrant_only_the_end_can_be_sketched() -> None:
    lone = SPEC.model_copy(update={"entrants": SPEC.entrants[:1]})
    assert not game_of(exhibit(Chart("Accuracy", "accuracy"), lone)).picks


def test_a_chart_of_ends_has_no_curve_to_sketch() -> None:
    game = game_of(exhibit(Chart("ECE", "ece", Drawing.END)))
    assert game.sketch is None
    assert "ECE" in game.question


def test_a_curve_without_ends_is_not_sketched_but_the_next_one_is() -> None:
    """Nobody knows between which numbers an NLL lies; an accuracy lies between 0 and 1."""
    assert game_of(exhibit(Chart("NLL", "nll"))).sketch is None
    both = Part("A race", SPEC, (Chart("NLL", "nll"), Chart("Accuracy", "accuracy")))
    sketch = game_of(replace(ACCURACY, parts=(both,))).sketch
    assert sketch is not None
    assert sketch.judged_by.measure is Measure.ACCURACY


@pytest.mark.parametrize("key", EXHIBITS)
def test_of_every_exhibit_something_can_be_bet(key: str) -> None:
    game = game_of(EXHIBITS[key])
    assert game.picks or game.sketch


def test_the_tally_counts_by_hand() -> None:
    bets = [Bet(0, 0.9), Bet(0), Bet(1, 0.7), Bet(NO_DIFFERENCE), Bet(None, 0.8), Bet(99)]
    game = game_of(ACCURACY)
    result = replace(result_of(ACCURACY, evidence(SPEC)), winner=0, end=0.8)
    counted = tally(bets, game, result)
    assert dict(counted.picked) == {0: 2, 1: 1, NO_DIFFERENCE: 1}
    assert (counted.picks, counted.right, counted.sketches) == (4, 2, 3)
    assert counted.off == pytest.approx((0.1 + 0.1 + 0.0) / 3)


def test_without_a_result_nobody_is_right() -> None:
    counted = tally([Bet(0, 0.9)], game_of(ACCURACY), None)
    assert (counted.right, counted.off, counted.picks) == (0, None, 1)


@pytest.mark.parametrize(
    ("key", "end_of"),
    [("accuracy", lambda mean: mean), ("error in accuracy", lambda mean: 1 - mean)],
)
def test_the_curve_ends_where_the_last_epoch_was_judged(key: str, end_of: object) -> None:
    found = evidence(SPEC)
    result = result_of(exhibit(Chart("A chart", key)), found)
    last = [run.evaluation(Split.VAL, Measure.ACCURACY).values[-1] for run in found.runs[:3]]
    assert callable(end_of)
    assert result.end == pytest.approx(end_of(np.mean(last)))


def test_equal_entrants_show_no_difference() -> None:
    twice = SPEC.model_copy(update={"entrants": entrants("mse", "mse")})
    assert result_of(ACCURACY, evidence(twice)).winner == NO_DIFFERENCE
