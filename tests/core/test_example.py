"""The recorded examples: finished when opened, of what the form starts with, and telling."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.compare.courses import courses, judged_split
from core.compare.so_far import SoFar
from core.example import EXAMPLES, SPEC, ensure
from core.judging.yardsticks import first_yardstick
from core.live.reading import Reading
from core.records import Status
from core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/lab.db")


@pytest.mark.parametrize("page", EXAMPLES)
def test_an_example_opens_finished(store: Store, page: str) -> None:
    key = ensure(store, page)
    experiment = store.get(key)
    assert experiment.status is Status.FINISHED
    assert experiment.spec == EXAMPLES[page].spec
    assert experiment.spec.model_copy(update={"seeds": SPEC.seeds}) == SPEC
    assert experiment.epoch == SPEC.training.epochs
    assert len(store.runs(key)) == len(SPEC.entrants) * len(experiment.spec.seeds)
    assert all(run.status is Status.FINISHED for run in store.runs(key))
    snapshot = store.snapshot(key)
    assert snapshot is not None
    assert snapshot.epoch == SPEC.training.epochs
    moments = store.moments(key)
    assert moments[0] == (0, 0)
    assert moments[-1] == (snapshot.step, snapshot.epoch)
    assert len(moments) >= 12
    for step, epoch in moments:
        kept = store.kept(key, step)
        assert kept is not None
        assert (kept.step, kept.epoch) == (step, epoch)


def test_on_train_the_losses_come_to_nine_tenths_at_different_epochs(store: Store) -> None:
    state = Reading(store, ensure(store, "train")).state()
    spec = state.experiment.spec
    accuracy = first_yardstick(spec.dataset.task).measure
    runs = state.curves.evaluated(state.runs)
    found = courses(runs, spec, judged_split(spec), accuracy)
    arrived = [next(epoch for epoch, value in enumerate(course.values[0]) if value >= 0.9)
               for course in found]  # fmt: skip
    assert [entrant.title for entrant in spec.lineup] == ["CrossEntropy", "BCE", "MSE"]
    assert len(set(arrived)) == 3
    assert max(arrived) == arrived[2]
    so_far = SoFar.of(found)
    assert so_far.mark is not None
    assert so_far.mark >= 0.9
