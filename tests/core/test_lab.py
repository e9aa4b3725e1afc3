"""What a server has: each part once, however many threads ask, and nothing left at the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import StoreError
from core.lab import Lab, lab
from core.program import written
from core.program.running import RunStatus
from core.records import Status
from core.spec import ExperimentSpec
from tests.core.engine.test_engine import host_of, processes
from tests.waiting import wait_until


@pytest.mark.parametrize("part", ["store", "engine", "calculator"])
def test_each_part_is_made_once_for_all_threads(here: Lab, part: str) -> None:
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: getattr(here, part), range(64)))
    assert len({id(each) for each in found}) == 1


def test_closing_ends_every_process_also_those_that_train(here: Lab) -> None:
    experiment_id = here.store.create(ExperimentSpec.parse({"training": {"epochs": 10_000}}))
    here.engine.look()
    host = host_of(here.engine)
    wait_until(lambda: here.store.get(experiment_id).step > 0, 60, "steps")
    assert here.calculator.ask("try_out", "(p - y)**2", "moons") is None
    assert len(processes(host)) > 2
    program = here.programs.start(written(ExperimentSpec.parse({"training": {"epochs": 10_000}})))
    here.end()
    assert here.programs.get(program).status is RunStatus.STOPPED
    wait_until(lambda: not processes(host), 15, "the end of all processes")
    assert here.store.get(experiment_id).status is Status.INTERRUPTED


def test_closing_what_was_never_used_starts_nothing() -> None:
    unused = Lab()
    unused.leave()
    assert unused._engine is None


def test_a_store_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSSLAB_STORE", f"sqlite:///{tmp_path / 'missing' / 'lab.db'}")
    (tmp_path / "missing").write_text("A file in the way.")
    made = Lab()
    for _ in range(2):
        with pytest.raises(StoreError):
            _ = made.engine
    (tmp_path / "missing").unlink()
    (tmp_path / "missing").mkdir()
    assert made.store is made.store


def test_there_is_one_in_a_process_until_it_is_forgotten() -> None:
    lab.cache_clear()
    first = lab()
    assert lab() is first
    lab.cache_clear()
    assert lab() is not first
    lab.cache_clear()
