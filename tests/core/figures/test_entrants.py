"""Entrants in the figures: their colours, their lines, and names that are no HTML."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from core.compare.conditions import protocol_line
from core.compare.courses import CurveAxis, courses, shared_courses
from core.compare.intervals import Spread
from core.figures import (
    Figure,
    lens_figure,
    loss_figure,
    range_figure,
    shared_figure,
    units_figure,
)
from core.figures.drawing import muted, value_range
from core.judging.yardsticks import shared
from core.losses import LOSSES
from core.records import Measure, Split
from core.spec import ExperimentSpec, Protocol
from core.training import protocols
from tests.core.races import Race, raced

NAME = "<b>x</b> & <i>y</i>"
DIFFERING = [{"loss": "mse"}, {"loss": "cross_entropy", "name": NAME}, {"loss": "hinge"}]
REPEATED = [
    {"loss": "focal", "parameters": {"gamma": 0.5}},
    {"loss": "focal", "name": NAME},
    {"loss": "mse"},
    {"loss": "custom", "expression": "abs(p - y)"},
    {"loss": "custom", "expression": "where(p < 0.5, 1 - p, (1 - p)**2) * y"},
]
RACES = {"differing": DIFFERING, "repeated": REPEATED}


@pytest.fixture(scope="module", params=RACES)
def race(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Race:
    """Each at its best rate of three, so that there is a range test to draw."""
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "moons", "rows": 100},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": 3, "device": "cpu", "protocol": Protocol.BEST_RATE},
            "entrants": RACES[request.param],
            "seeds": [0, 1],
        }
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(protocols, "RANGE_RATES", (0.001, 0.01, 1000.0))
        return raced(tmp_path_factory.mktemp("race"), spec)


# ------------------------------------------------------------------ the figures


def shared_of(race: Race, seeds: bool = True) -> Figure:
    _, judged_by, *_ = shared(race.spec.dataset)
    return shared_figure(
        shared_courses(race.drawn, race.spec, race.experiment.facts, judged_by),
        race.curves,
        judged_by,
        axis=CurveAxis.EPOCH,
        band=Spread.INTERVAL,
        seeds=seeds,
        split=Split.VAL,
        note=protocol_line(race.spec, race.experiment.facts),
    )


def units_of(race: Race, place: int) -> Figure:
    validation, training = (
        courses(race.drawn, race.spec, split, Measure.LOSS)[place]
        for split in (Split.VAL, Split.TRAIN)
    )
    return units_figure(
        validation,
        training,
        race.curves,
        split=Split.VAL,
        axis=CurveAxis.STEP,
        band=Spread.RANGE,
        seeds=False,
        baseline=race.experiment.facts.baselines[place],
        log_y=False,
    )


def range_of(race: Race) -> Figure:
    facts = race.experiment.facts
    return range_figure(
        facts.range_test, facts.learning_rates, race.spec.lineup, race.experiment.id
    )


def lens_of(race: Race) -> Figure:
    facts = race.experiment.facts
    return lens_figure(
        facts.lens, race.snapshot.margins, race.spec.lineup, race.experiment.id, True
    )


def loss_of(race: Race, place: int) -> Figure:
    baseline = race.experiment.facts.baselines[place]
    return loss_figure(race.view, race.spec.lineup[place], baseline=baseline, log_y=False)


def every_figure(race: Race) -> Iterator[Figure]:
    yield shared_of(race)
    yield range_of(race)
    yield lens_of(race)
    for place in range(len(race.spec.entrants)):
        yield units_of(race, place)
        yield loss_of(race, place)


def values(typed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(typed["bdata"]), typed["dtype"])


def traces(figure: Figure, title: str) -> list[dict[str, Any]]:
    """Those called by the title as Plotly is to read it."""
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return [trace for trace in figure["data"] if trace["name"] == escaped]


# ------------------------------------------------------------------ colours


def test_the_colour_and_dash_of_an_entrant_are_the_same_everywhere(race):
    for entrant in race.spec.lineup:
        place, look = entrant.place, (entrant.color, entrant.dash)
        (bold,) = traces(shared_of(race), entrant.title)
        (tested,) = traces(range_of(race), entrant.title)
        (pull,) = traces(lens_of(race), entrant.title)
        (own,) = traces(units_of(race, place), "validation")
        for trace in (bold, tested, pull, own):
            assert (trace["line"]["color"], trace["line"]["dash"]) == look
        assert tested["marker"]["color"] == entrant.color
        by_name = {trace["name"]: trace["line"]["color"] for trace in loss_of(race, place)["data"]}
        assert by_name == {"training": muted(entrant.color), "validation": entrant.color}


def test_colours_are_the_losses_own_while_these_differ_and_by_place_where_one_repeats(race):
    lineup = race.spec.lineup
    looks = [(entrant.color, entrant.dash) for entrant in lineup]
    own = [(LOSSES[each.loss].color, LOSSES[each.loss].dash) for each in race.spec.entrants]
    keys = [each.loss for each in race.spec.entrants]
    assert (looks == own) == (len(set(keys)) == len(keys))
    assert len({color for color, _dash in looks}) == len(lineup)


# ------------------------------------------------------------------ names


def texts(part: Any) -> Iterator[str]:
    """Whatever Plotly may draw; what it groups by and remembers is drawn nowhere."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, each in part.items():
            if key not in ("legendgroup", "scope", "bdata"):
                yield from texts(each)
    elif isinstance(part, list):
        for each in part:
            yield from texts(each)


def test_no_name_is_read_as_html(race):
    """But for breaks and small letters in titles and the empty box of hovers, which are our own."""
    named = 0
    for figure in every_figure(race):
        for text in texts(figure):
            ours = text.replace("<br>", "").replace("<extra></extra>", "")
            ours = ours.replace('<span style="font-size:11px">', "").replace("</span>", "")
            assert "<" not in ours, text
            assert ">" not in ours, text
            assert "&" not in ours.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
            named += "&lt;b&gt;x&lt;/b&gt; &amp; &lt;i&gt;y&lt;/i&gt;" in text.replace("<br>", " ")
    assert named >= 6


def test_the_axis_of_an_entrants_own_loss_has_its_title_and_unit(race):
    place = 1
    entrant = race.spec.lineup[place]
    by_axis = units_of(race, place)["layout"]["yaxis"]["title"]["text"]
    above = loss_of(race, place)["layout"]["title"]["text"]
    for shown in (by_axis.replace("<br>", " "), above):
        assert shown == (f"&lt;b&gt;x&lt;/b&gt; &amp; &lt;i&gt;y&lt;/i&gt; ({entrant.loss.unit})")


# ------------------------------------------------------------------ lines


def test_every_entrant_has_its_own_numbers_and_one_entry_in_the_legend(race):
    facts, spec = race.experiment.facts, race.spec
    for figure in (shared_of(race), range_of(race), lens_of(race)):
        shown = [trace["name"] for trace in figure["data"] if trace["showlegend"]]
        assert len(shown) == len(set(shown)) == len(spec.lineup)
    accuracy = courses(race.drawn, spec, Split.VAL, Measure.ACCURACY)
    for entrant in spec.lineup:
        place = entrant.place
        (mean,) = traces(shared_of(race), entrant.title)
        expected = accuracy[place].values.mean(0)
        np.testing.assert_allclose(values(mean["y"]), expected, rtol=1e-6)
        (tested,) = traces(range_of(race), entrant.title)
        skills = np.array([np.nan if s is None else s for s in facts.range_test["skills"][place]])
        np.testing.assert_allclose(values(tested["y"]), np.maximum(skills, -1), rtol=1e-6)
        marked = values(tested["x"])[np.argmax(tested["marker"]["size"])]
        assert marked == pytest.approx(facts.learning_rates[place])
        (pull,) = traces(lens_of(race), entrant.title)
        np.testing.assert_allclose(
            values(pull["y"]), np.array(facts.lens["gradients"][place], float), rtol=1e-6
        )
        (batch,) = traces(lens_of(race), f"{entrant.title}: batch")
        counts = race.snapshot.margins[place]
        np.testing.assert_allclose(values(batch["y"]), counts / counts.sum(), rtol=1e-6)
        training = [t for t in loss_of(race, place)["data"] if t["name"] == "training"]
        runs = race.view.runs[spec.runs_of(place)]
        for trace, run in zip(training, runs, strict=True):
            np.testing.assert_array_equal(values(trace["y"]), run.raw.y)


def test_the_baseline_is_the_entrants_own(race):
    for place, baseline in enumerate(race.experiment.facts.baselines):
        for figure in (units_of(race, place), loss_of(race, place)):
            (line,) = [each for each in figure["layout"]["shapes"] if "label" in each]
            assert line["y0"] == line["y1"] == baseline


def test_an_untrained_network_does_not_set_the_scale(race):
    judged = courses(race.drawn, race.spec, Split.VAL, Measure.ACCURACY)
    later = [each.values.mean(0)[1:] for each in judged]
    ends = shared_of(race)["layout"]["yaxis"]["range"]
    np.testing.assert_allclose(ends, value_range(later, log=False))
