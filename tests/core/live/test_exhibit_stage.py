"""The stage of an exhibit in each status, and what its showing came to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import SpecError
from core.exhibits import EXHIBITS, Chart, Drawing, Exhibit, Part
from core.exhibits.outcome import Contrast, Finding
from core.exhibits.running import evidence
from core.judging.yardsticks import yardsticks
from core.live.exhibit_stage import _newest
from core.live.exhibited import came_of, evidence_of
from core.live.reading import Reading
from core.live.view import View
from core.records import Measure, Status
from core.store import Store
from tests.core.live.staging import REASON, charts, race_of, recorded, reported, stage, words

RACE = race_of(losses=("cross_entropy", "mse"))
CHARTS = (Chart("How it goes", "error in accuracy"), Chart("Where it ends", "ece", Drawing.END))


def judge(parts: object) -> list[Contrast]:
    """A claim that always holds."""
    return [Contrast("one", np.array([1.0, 1.1, 0.9]))]


@pytest.fixture
def exhibit(monkeypatch: pytest.MonkeyPatch) -> Exhibit:
    """One of two parts among the exhibits."""
    made = replace(
        next(iter(EXHIBITS.values())),
        key="tried",
        parts=(Part("First part", RACE, CHARTS), Part("Second part", RACE, CHARTS[1:])),
        judge=judge,
    )
    monkeypatch.setitem(EXHIBITS, "tried", made)
    return made


def shown(store: Store, experiment_id: str, part: int = 0) -> dict[str, object]:
    return stage(store, experiment_id, page="exhibit", exhibit="tried", part=str(part))


# ------------------------------------------------------------------ the stage


def test_it_has_the_charts_of_the_part_and_nothing_else(store: Store, exhibit: Exhibit) -> None:
    race = reported(store, RACE)
    first = shown(store, race)
    assert list(first) == ["readout", "charts"]
    assert list(charts(first)) == ["exhibit_0", "exhibit_1"]
    assert {"First part", "How it goes", "Where it ends"} <= set(words(first).splitlines())
    assert list(charts(shown(store, race, part=1))) == ["exhibit_0"]
    # A part that there is not is the last.
    assert list(charts(shown(store, race, part=9))) == ["exhibit_0"]


def test_where_it_ends_has_a_dot_a_seed_with_mean_and_interval(
    store: Store, exhibit: Exhibit
) -> None:
    race = reported(store, RACE)
    figure = charts(shown(store, race))["exhibit_1"]
    names = [trace["name"] for trace in figure["data"]]
    assert names == [
        name
        for title in ("CrossEntropy", "MSE")
        for name in (title, f"{title}, 95% interval", f"{title}, mean")
    ]
    colors = [trace["marker"]["color"] for trace in figure["data"] if "marker" in trace]
    assert colors == [entrant.color for entrant in RACE.lineup for _ in range(2)]
    assert len(figure["layout"]["annotations"]) == 2


def test_where_it_stands_is_of_the_newest_epoch_though_the_snapshot_is_older(
    store: Store, exhibit: Exhibit
) -> None:
    state = Reading(store, reported(store, RACE)).state()
    assert state.snapshot is not None
    old = replace(state, snapshot=replace(state.snapshot, epoch=1))
    runs = old.curves.evaluated(old.runs)
    task = RACE.dataset.task
    by_epoch, by_snapshot = (
        next(each for each in yardsticks(task) if each.measure is measure)
        for measure in (Measure.ACCURACY, Measure.ECE)
    )
    epoch, values = _newest(old, runs, by_epoch)
    assert epoch == RACE.training.epochs
    expected = state.snapshot.score(Measure.ACCURACY).reshape(2, 3)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert _newest(old, runs, by_snapshot)[0] == 1


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_stage(store: Store, exhibit: Exhibit, status: Status) -> None:
    found = shown(store, recorded(store, status, REASON))
    assert status.value.capitalize() in words(found)
    assert "charts" in found


def test_an_experiment_of_other_data_has_charts_of_its_own_task(
    store: Store, exhibit: Exhibit
) -> None:
    race = reported(store, race_of("diabetes", ("mse", "l1")))
    assert "R²" in str(charts(shown(store, race))["exhibit_0"]["layout"])


def test_an_exhibit_that_there_is_not_is_refused() -> None:
    with pytest.raises(SpecError, match="there is none of that name"):
        View.parse({"page": "exhibit", "exhibit": "<script>"})
    with pytest.raises(SpecError, match="part of an exhibit"):
        View.parse({"page": "exhibit", "part": "-1"})


# ------------------------------------------------------------------ what it came to


def test_evidence_from_the_store_is_that_of_a_training_in_this_process(store: Store) -> None:
    ours, oracle = evidence_of(Reading(store, reported(store, RACE)).state()), evidence(RACE)
    assert ours is not None
    for place in (0, 1):
        for at in (0, 1, -1):
            found = ours.at(place, Measure.ACCURACY, at)
            np.testing.assert_array_equal(found, oracle.at(place, Measure.ACCURACY, at))
        np.testing.assert_array_equal(ours.end(place, Measure.ECE), oracle.end(place, Measure.ECE))


def showing(store: Store, exhibit: Exhibit, *statuses: Status) -> str:
    """Its parts trained and left in these statuses."""
    key = store.showings.create(exhibit.key)
    store.showings.begin(key, [part.spec for part in exhibit.parts])
    experiments = store.showings.get(key).experiments
    for experiment_id, status in zip(experiments, statuses, strict=True):
        _train(store, experiment_id, status)
    return key


def _train(store: Store, experiment_id: str, status: Status) -> None:
    from core.training import train

    for progress in train(store.get(experiment_id).spec):
        is_end = progress.outcome is not None
        store.report(experiment_id, progress, Status.RUNNING)
        if is_end:
            store.set_status(experiment_id, status, REASON if status is Status.FAILED else None)


def test_a_showing_whose_parts_finished_has_an_outcome(store: Store, exhibit: Exhibit) -> None:
    key = showing(store, exhibit, Status.FINISHED, Status.FINISHED)
    came = came_of(exhibit, store.showings.get(key), store)
    assert came.outcome is not None
    assert came.outcome.finding is Finding.SEEN
    assert came.result is not None
    # Server restarts leave all of it.
    again = Store(store.url)
    assert came_of(exhibit, again.showings.get(key), again).outcome is not None


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED, Status.DIVERGED])
def test_a_part_that_did_not_finish_leaves_no_verdict_and_says_why(
    store: Store, exhibit: Exhibit, status: Status
) -> None:
    key = showing(store, exhibit, Status.FINISHED, status)
    came = came_of(exhibit, store.showings.get(key), store)
    assert came.outcome is None
    assert came.trouble.startswith("No verdict: the training of “Second part”")
    assert "after epoch 3 of 3" in came.trouble
    assert (REASON in came.trouble) is (status is Status.FAILED)


def test_one_of_other_settings_has_no_verdict(store: Store, exhibit: Exhibit) -> None:
    key = showing(store, exhibit, Status.FINISHED, Status.FINISHED)
    other = RACE.model_copy(update={"seeds": (7, 8, 9)})
    changed = replace(exhibit, parts=(replace(exhibit.parts[0], spec=other), exhibit.parts[1]))
    came = came_of(changed, store.showings.get(key), store)
    assert "other settings" in came.trouble
