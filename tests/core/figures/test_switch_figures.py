"""Charts in own units say where an entrant switches its loss, and join nothing unlike."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.compare.courses import Course, CurveAxis, courses
from core.compare.curves import Curves
from core.compare.diagnosis.evidence import Evidence
from core.compare.intervals import Spread
from core.figures import Figure, loss_figure, units_figure
from core.records import Chunk, Measure, Run, Split, Status
from core.spec import ExperimentSpec
from tests.core.races import Race, raced

#: Iris has 4 steps an epoch: the third epoch has a step of MSE and three of CrossEntropy.
STEP, EPOCHS = 9, 6


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Race:
    folder: Path = tmp_path_factory.mktemp("switch")
    then = {"loss": "cross_entropy", "step": STEP}
    return raced(
        folder,
        ExperimentSpec.parse(
            {
                "data": {"name": "iris"},
                "network": {"hidden_sizes": [8]},
                "training": {"epochs": EPOCHS, "batch_size": 32, "device": "cpu"},
                "entrants": [{"loss": "mse", "then": then}, {"loss": "mse"}],
                "seeds": [0, 1],
            }
        ),
    )


def values(typed: dict[str, str]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(typed["bdata"]), typed["dtype"])


def points(figure: Figure, name: str) -> tuple[list[float], NDArray[Any]]:
    trace = next(each for each in figure["data"] if each["name"] == name)
    return values(trace["x"]).tolist(), values(trace["y"])


def texts(figure: Figure) -> list[str]:
    return [each["text"] for each in figure["layout"].get("annotations", [])]


def by_step(race: Race, place: int, smoothing: float = 0.0) -> Figure:
    facts = race.experiment.facts
    assert facts is not None
    curves = Curves(race.experiment.id, race.spec.run_count, race.spec.switches)
    recorded = np.concatenate([run.raw.y[:, None] for run in race.view.runs], axis=1)
    curves.extend([Chunk(0, 1, 0.1, recorded)], race.evaluations)
    return loss_figure(
        curves.view(race.runs, smoothing),
        race.spec.lineup[place],
        baseline=facts.baselines[place],
        log_y=False,
        later_baseline=facts.later_baseline(place),
    )


def test_the_line_by_step_ends_at_the_switch_and_begins_anew(race: Race) -> None:
    figure = by_step(race, 0)
    x, y = points(figure, "training")
    assert x == [*range(1, STEP + 1), STEP, *range(STEP + 1, EPOCHS * 4 + 1)]
    assert np.flatnonzero(np.isnan(y)).tolist() == [STEP]
    x, y = points(figure, "validation")
    assert x == [0, 4, 8, 8, 12, 16, 20, 24]
    assert np.flatnonzero(np.isnan(y)).tolist() == [3]
    assert texts(figure) == ["then CrossEntropy"]
    upright = [each for each in figure["layout"]["shapes"] if each.get("yref") == "paper"]
    assert [(each["x0"], each["x1"]) for each in upright] == [(STEP, STEP)]
    # The best constant's loss stands under each loss as far as it was trained.
    across = [each for each in figure["layout"]["shapes"] if each not in upright]
    assert [(each["x0"], each["x1"]) for each in across] == [(0, STEP), (STEP, 24)]
    assert across[0]["y0"] == pytest.approx(2 / 9, rel=0.01)
    assert across[1]["y0"] == pytest.approx(np.log(3), rel=0.01)
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < 2 / 9 < np.log(3) < high


def test_who_does_not_switch_has_one_line_and_one_constant(race: Race) -> None:
    figure = by_step(race, 1)
    x, y = points(figure, "training")
    assert x == list(range(1, EPOCHS * 4 + 1))
    assert np.isfinite(y).all()
    assert not texts(figure)
    assert len(figure["layout"]["shapes"]) == 1


def test_no_average_is_taken_over_both_losses(race: Race) -> None:
    x, y = points(by_step(race, 0, smoothing=0.9), "smoothed")
    raw = points(by_step(race, 0), "training")[1]
    # The first average after the switch is the first loss after it.
    assert y[STEP + 1] == pytest.approx(raw[STEP + 1], rel=1e-5)
    other = points(by_step(race, 1, smoothing=0.9), "smoothed")[1]
    weights = 0.9 ** np.arange(EPOCHS * 4)[::-1]
    losses = points(by_step(race, 1), "training")[1]
    assert other[-1] == pytest.approx(weights @ losses / weights.sum(), rel=1e-4)
    weights = 0.9 ** np.arange(EPOCHS * 4 - STEP)[::-1]
    assert y[-1] == pytest.approx(weights @ raw[STEP + 1 :] / weights.sum(), rel=1e-4)
    assert len(x) == EPOCHS * 4 + 1


@pytest.mark.parametrize("size", [1, 7, 300])
def test_an_average_begins_anew_however_the_steps_come(size: int) -> None:
    losses = np.random.default_rng(0).uniform(size=(900, 2)).astype(np.float32)
    runs = [Run(index, index, 0, Status.RUNNING, None) for index in range(2)]
    curves = Curves("x", 2, {1: 450})
    for number, start in enumerate(range(0, 900, size)):
        rows = losses[start : start + size]
        curves.extend([Chunk(number, start + 1, 0.1, rows)], [])
        curves.view(runs, 0.8)
    first, second = (run.smoothed for run in curves.view(runs, 0.8).runs)
    assert first is not None
    assert second is not None
    later, unswitched = Curves("x", 2), Curves("x", 2)
    later.extend([Chunk(0, 1, 0.1, losses[450:])], [])
    unswitched.extend([Chunk(0, 1, 0.1, losses)], [])
    expected = later.view(runs, 0.8).runs[1].smoothed
    whole = unswitched.view(runs, 0.8).runs[0].smoothed
    np.testing.assert_allclose(second.y[second.x > 450], expected.y, rtol=1e-4)
    np.testing.assert_allclose(first.y, whole.y, rtol=1e-6)


@pytest.mark.parametrize("axis", CurveAxis)
def test_the_chart_by_epoch_leaves_out_the_epoch_of_both_losses(
    race: Race, axis: CurveAxis
) -> None:
    facts = race.experiment.facts
    assert facts is not None
    figure = units_figure(
        courses(race.drawn, race.spec, Split.VAL, Measure.LOSS)[0],
        courses(race.drawn, race.spec, Split.TRAIN, Measure.EPOCH_LOSS)[0],
        race.curves,
        split=Split.VAL,
        axis=axis,
        band=Spread.RANGE,
        seeds=True,
        baseline=facts.baselines[0],
        log_y=False,
        later_baseline=facts.later_baseline(0),
    )
    _x, y = points(figure, "validation")
    assert np.flatnonzero(np.isnan(y)).tolist() == [3]
    # Epochs 1 and 2, a gap, epoch 3 with steps of both, epochs 4 to 6.
    _x, y = points(figure, "training")
    assert np.isnan(y).tolist() == [False, False, True, True, False, False, False]
    assert texts(figure) == ["then CrossEntropy"]
    at = next(each for each in figure["layout"]["shapes"] if each.get("yref") == "paper")["x0"]
    expected = {CurveAxis.STEP: STEP, CurveAxis.EPOCH: STEP / 4}
    if axis in expected:
        assert at == expected[axis]
    assert figure["layout"]["yaxis"]["title"]["text"].count("then") == 2


@pytest.mark.parametrize(
    ("epochs", "parted", "lacking"),
    [
        # Epoch 2 ends at step 8; the switch comes after step 6, 8 or 9.
        ([1, 2, 3, 4], 6, [False, True, True, False, False]),
        ([1, 4, 5], 6, [False, True, False, False]),
        ([1, 2, 4], 8, [False, False, True, False]),
        ([1, 2, 4], 9, [False, False, True, False]),
        ([1, 2, 3], 9, [False, False, True, True]),
    ],
)
def test_a_mean_over_an_epoch_is_of_both_losses_in_one_epoch_alone(
    race: Race, epochs: list[int], parted: int, lacking: list[bool]
) -> None:
    at = np.array(epochs, np.int32)
    values = np.ones((1, len(epochs)))
    course = Course(race.spec.lineup[0], (0,), at, 4 * at, values, (None,))
    found = course.apart(parted, is_over_epochs=True).values[0]
    assert np.isnan(found).tolist() == lacking


def test_losses_before_and_after_are_no_evidence_together(race: Race) -> None:
    facts = race.experiment.facts
    assert facts is not None
    evidence = Evidence.of(race.spec, facts, race.drawn, race.snapshot)
    assert evidence.is_of_one_loss.tolist() == [False, False, True, True]
