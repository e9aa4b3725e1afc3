"""All entrants on one axis: an error on a log axis, and one entrant that is drawn alone."""

from __future__ import annotations

import numpy as np
import pytest

from core.compare.courses import CurveAxis, courses, shared_courses
from core.compare.intervals import Spread
from core.data import DATASETS
from core.figures import Figure, shared_figure
from core.judging.yardsticks import Shared, shared
from core.records import Measure, Split
from core.spec import ExperimentSpec
from tests.core.figures.test_figures import values
from tests.core.races import Race, raced

ERROR, PLAIN = shared(DATASETS["moons"])[:2]


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Race:
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "moons", "rows": 100},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": 3, "device": "cpu"},
            "entrants": [{"loss": "mse"}, {"loss": "bce"}, {"loss": "hinge"}],
            "seeds": [0, 1],
        }
    )
    return raced(tmp_path_factory.mktemp("race"), spec)


def drawn(race: Race, judged_by: Shared, axis: CurveAxis = CurveAxis.EPOCH) -> Figure:
    return shared_figure(
        shared_courses(race.drawn, race.spec, race.experiment.facts, judged_by),
        race.curves,
        judged_by,
        axis=axis,
        band=Spread.INTERVAL,
        seeds=True,
        split=Split.VAL,
    )


def test_an_error_stands_on_a_log_axis_that_starts_at_half_a_row(race):
    """20 of the 100 rows are held out: no error among them is drawn as 2.5%."""
    figure = drawn(race, ERROR)
    axis = figure["layout"]["yaxis"]
    assert axis["type"] == "log"
    assert drawn(race, PLAIN)["layout"]["yaxis"].get("type") != "log"
    for course in courses(race.drawn, race.spec, Split.VAL, Measure.ACCURACY):
        (mean,) = [each for each in figure["data"] if each["name"] == course.entrant.title]
        expected = np.maximum(1 - course.values, 0.5 / 20).mean(0)
        np.testing.assert_allclose(values(mean["y"]), expected, rtol=1e-5)


def test_no_error_at_all_is_half_a_row(race):
    (course, *_) = courses(race.drawn, race.spec, Split.VAL, Measure.ACCURACY)
    perfect = course.__class__(**{**vars(course), "values": np.ones_like(course.values)})
    assert np.unique(perfect.error(20).values).tolist() == [0.5 / 20]


def test_all_of_an_entrant_is_hidden_by_its_title(race):
    titles = {each.title for each in race.spec.lineup}
    assert {trace["legendgroup"] for trace in drawn(race, PLAIN)["data"]} == titles


def test_a_line_ends_with_its_entrants_title_and_newest_value(race):
    labels = {
        trace["name"]: trace["meta"]
        for trace in drawn(race, ERROR)["data"]
        if "label" in trace.get("meta", {})
    }
    for course in courses(race.drawn, race.spec, Split.VAL, Measure.ACCURACY):
        title = course.entrant.title
        error = np.maximum(1 - course.values, 0.5 / 20).mean(0)[-1]
        assert labels.pop(title) == {"label": title, "newest": f"{100 * error:.1f}%"}
    assert not labels


def test_steps_and_epochs_share_the_way_through_a_training(race):
    steps = 80 / race.spec.training.batch_size
    for axis, tie in (
        (CurveAxis.STEP, ["training", 1]),
        (CurveAxis.EPOCH, ["training", np.ceil(steps)]),
        (CurveAxis.SECONDS, ["seconds", 1]),
    ):
        assert drawn(race, PLAIN, axis)["layout"]["meta"]["ties"] == {"xaxis": tie}
