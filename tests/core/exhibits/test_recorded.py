"""What is recorded of the exhibits is of these exhibits, and its pictures are what they say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from core.data import DataSpec
from core.exhibits import EXHIBITS, Chart, Drawing, Exhibit, Part
from core.exhibits.evidence import Evidence
from core.exhibits.picture import HEIGHT, WIDTH, picture
from core.exhibits.recorded import FOLDER, recorded, settings_of
from core.exhibits.running import evidence
from core.exhibits.tour import TOUR
from core.spec import ExperimentSpec, NetworkSpec, TrainingSpec
from tests.core.experiments import entrants

SPEC = ExperimentSpec(
    data=DataSpec(name="moons"),
    network=NetworkSpec(hidden_sizes=(8,)),
    training=TrainingSpec(epochs=4),
    entrants=entrants("cross_entropy", "mse"),
    seeds=(0, 1, 2),
)


@pytest.fixture(scope="module")
def found() -> Evidence:
    return evidence(SPEC)


def of(*charts: Chart) -> Exhibit:
    parts = tuple(Part(f"Part {place}", SPEC, (chart,)) for place, chart in enumerate(charts))
    return replace(next(iter(EXHIBITS.values())), parts=parts)


@pytest.mark.parametrize("key", EXHIBITS)
def test_every_exhibit_was_recorded_as_it_is_now(key: str) -> None:
    found = recorded(key)
    assert found is not None, f"Record it: python -m core.exhibits {key}"
    assert found.settings == settings_of(EXHIBITS[key]), f"Record it: python -m core.exhibits {key}"
    assert found.lines
    assert len(found.picture) < 20_000
    ET.fromstring(found.picture)


def test_nothing_else_is_recorded() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(EXHIBITS)


def test_the_tour_is_of_exhibits() -> None:
    assert set(TOUR) <= set(EXHIBITS)
    assert 0 < len(TOUR) <= 5


def test_a_course_is_a_line_for_each_entrant_within_the_picture(found: Evidence) -> None:
    tree = ET.fromstring(picture(of(Chart("Accuracy", "accuracy")), [found]))
    lines = [each for each in tree if each.tag.endswith("polyline")]
    assert [each.get("stroke") for each in lines] == [each.color for each in SPEC.lineup]
    for each in lines:
        points = [tuple(map(float, point.split(","))) for point in str(each.get("points")).split()]
        assert len(points) == SPEC.training.epochs
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_epochs_are_as_far_apart_as_they_are_however_seldom_they_are_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.spec.schedule.ALL_JUDGED", 2)
    seldom = evidence(SPEC.model_copy(update={"training": TrainingSpec(epochs=11)}))
    tree = ET.fromstring(picture(of(Chart("Accuracy", "accuracy")), [seldom]))
    line = next(each for each in tree if each.tag.endswith("polyline"))
    x = [float(point.split(",")[0]) for point in str(line.get("points")).split()]
    judged = [1, 2, 4, 8, 11]
    shares = [(each - x[0]) / (x[-1] - x[0]) for each in x]
    assert shares == pytest.approx([(epoch - 1) / 10 for epoch in judged], abs=0.01)


def test_a_neurons_stretches_are_of_steps_however_seldom_it_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exhibit = EXHIBITS["one_neuron"]
    (part,) = exhibit.parts

    def judged() -> list[float]:
        return [float(each.values[0]) for each in exhibit.judge([evidence(part.spec)])]

    seldom = judged()
    monkeypatch.setattr("core.spec.schedule.ALL_JUDGED", part.spec.training.epochs)
    assert seldom == pytest.approx(judged(), abs=0.005)


def test_an_end_is_a_dot_for_each_run(found: Evidence) -> None:
    tree = ET.fromstring(picture(of(Chart("ECE", "ece", Drawing.END)), [found]))
    assert len([each for each in tree if each.tag.endswith("circle")]) == SPEC.run_count


def test_each_part_has_a_panel_of_its_own(found: Evidence) -> None:
    drawn = picture(of(Chart("A", "accuracy"), Chart("B", "accuracy")), [found, found])
    lines = [each for each in ET.fromstring(drawn) if each.tag.endswith("polyline")]
    starts = [float(str(each.get("points")).split(",")[0]) for each in lines]
    assert starts[:2] == [0, 0]
    assert all(start > WIDTH / 2 for start in starts[2:])
