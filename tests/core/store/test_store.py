"""The store against real SQLite files: what goes in comes out, and every failure is told."""

from __future__ import annotations

import multiprocessing
import sqlite3
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from core.errors import SpecError, StoreError, UnknownExperiment
from core.records import Column, Envelope, Evaluation, Measure, Progress, Split, Status, Wanted
from core.spec import ExperimentSpec
from core.store import Store, database, writing
from tests.core.experiments import entrants
from tests.core.tidy import scores
from tests.facts import SOME_FACTS
from tests.waiting import wait_until

SPEC = ExperimentSpec(entrants=entrants("cross_entropy", "mse"), seeds=(3, 4))
K = SPEC.run_count
FINAL = (Status.FINISHED, Status.STOPPED, Status.DIVERGED, Status.FAILED, Status.INTERRUPTED)
SOME_ID = "0123456789"


def progress(
    step: int, steps: int = 1, epoch: int = 0, runs: int = K, **changes: object
) -> Progress:
    """``steps`` steps up to ``step``, whose losses are the numbers of the steps."""
    numbers = np.arange(step - steps + 1, step + 1, dtype=np.float32)
    made = Progress(
        step=step,
        epoch=epoch,
        seconds=step / 100,
        losses=np.repeat(numbers[:, None], runs, axis=1),
        evaluations=(),
        diverged_steps=(None,) * runs,
    )
    return replace(made, **changes)


def evaluation(epoch: int, value: float = 0.5) -> Evaluation:
    """Of all runs, the first of which has the value."""
    columns = (Column(Split.TRAIN, Measure.EPOCH_LOSS), Column(Split.VAL, Measure.LOSS))
    values = np.arange(2 * K, dtype=np.float32).reshape(2, K)
    values[0, 0] = value
    return Evaluation(epoch, 10 * epoch, columns[epoch == 0 :], values[epoch == 0 :])


# ---------------------------------------------------------------- round trips


def test_a_new_experiment_is_queued_and_wanted_running(store: Store) -> None:
    before = datetime.now(UTC)
    experiment = store.get(store.create(SPEC, pause_after_epoch=1))
    assert experiment.spec == SPEC
    assert (experiment.status, experiment.wanted) == (Status.QUEUED, Wanted.RUNNING)
    assert (experiment.step, experiment.epoch, experiment.seconds) == (0, 0, 0)
    assert (experiment.facts, experiment.reason) == (None, None)
    assert experiment.pause_after_epoch == 1
    assert before <= experiment.created_at == experiment.heartbeat <= datetime.now(UTC)


def test_runs_are_numbered_entrant_by_entrant(store: Store) -> None:
    runs = store.runs(store.create(SPEC))
    assert [run.index for run in runs] == [0, 1, 2, 3]
    assert [(run.entrant, run.seed) for run in runs] == [(0, 3), (0, 4), (1, 3), (1, 4)]
    assert {run.status for run in runs} == {Status.QUEUED}


def test_entrants_of_one_loss_and_own_expressions_come_back_in_their_order(store: Store) -> None:
    described = [
        {"loss": "focal", "parameters": {"gamma": 0.5}, "name": "<b>half</b>"},
        {"loss": "custom", "expression": "(p - y)**2"},
        {"loss": "focal", "parameters": {"gamma": 5.0}, "learning_rate": 1000.0},
        {"loss": "custom", "expression": "abs(p - y)"},
        {"loss": "focal"},
    ]
    spec = ExperimentSpec.parse(
        {
            "entrants": described,
            "seeds": [9, 2],
            "network": {"start": {"scheme": "kaiming", "head_factor": 0.01}},
        }
    )
    key = store.create(spec)
    again = store.get(key).spec
    assert again == spec
    assert [entrant.model_dump(exclude_defaults=True) for entrant in again.entrants] == described
    assert (again.network.start.scheme, again.network.start.head_factor) == ("kaiming", 0.01)
    assert [(run.index, run.entrant, run.seed) for run in store.runs(key)] == [
        (0, 0, 9), (1, 0, 2), (2, 1, 9), (3, 1, 2), (4, 2, 9), (5, 2, 2), (6, 3, 9), (7, 3, 2),
        (8, 4, 9), (9, 4, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("version", [2, 4])
def test_a_record_of_another_version_is_refused_and_left_as_it_is(
    store: Store, file: Path, version: int
) -> None:
    key, other = store.create(SPEC), store.create(SPEC)
    with closing(sqlite3.connect(file)) as connection:
        with connection:
            connection.execute(
                "update experiments_v3 set version = ?, spec = 'unheard of' where id = ?",
                [version, key],
            )
        row = "select * from experiments_v3 where id = ?"
        before = connection.execute(row, [key]).fetchone()
        with told(key, str(file), f"version {version} ", "reads version 3", "left as it is"):
            store.get(key)
        assert connection.execute(row, [key]).fetchone() == before
    assert store.get(other).spec == SPEC


def test_what_is_refused_now_but_was_trained_before_can_be_read(store: Store, file: Path) -> None:
    described = {"training": {"protocol": "matched_gradients"}, "optimizer": {"name": "adam"}}
    with pytest.raises(SpecError):
        ExperimentSpec.parse(described)
    earlier = ExperimentSpec.parse(described, is_stored=True)
    assert store.get(store.create(earlier)).spec == earlier


def test_a_report_is_all_there_at_once(store: Store) -> None:
    key = store.create(SPEC)
    judged = (evaluation(0), evaluation(1, np.inf))
    assert store.report(key, progress(5, 5, epoch=1, evaluations=judged, facts=SOME_FACTS))
    experiment = store.get(key)
    assert (experiment.status, experiment.step, experiment.epoch) == (Status.RUNNING, 5, 1)
    assert (experiment.seconds, experiment.facts) == (0.05, SOME_FACTS)
    assert store.step(key) == 5
    read = store.evaluations(key)
    assert [(each.epoch, each.step, each.columns) for each in read] == [
        (each.epoch, each.step, each.columns) for each in judged
    ]
    for ours, theirs in zip(read, judged, strict=True):
        assert ours.values.dtype == np.float32
        np.testing.assert_array_equal(ours.values, theirs.values)
    assert {run.status for run in store.runs(key)} == {Status.RUNNING}


def test_facts_stay_when_a_later_report_has_none(store: Store) -> None:
    key = store.create(SPEC)
    store.report(key, progress(1, facts=SOME_FACTS))
    store.report(key, progress(2))
    assert store.get(key).facts == SOME_FACTS


def test_a_nan_survives(store: Store) -> None:
    key = store.create(SPEC)
    store.report(key, progress(1, evaluations=(evaluation(1, np.nan),)))
    assert np.isnan(store.evaluations(key)[0].values[0, 0])


floats = st.floats(width=32, allow_nan=True, allow_infinity=True)
parts = st.lists(st.integers(0, 5), max_size=6)


@given(data=st.data(), sizes=parts, runs=st.integers(1, 20))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_bit_of_the_losses_comes_back(
    store: Store, data: st.DataObject, sizes: list[int], runs: int
) -> None:
    key = store.create(ExperimentSpec(seeds=tuple(range(runs))))
    written, step = [], 0
    for size in sizes:
        losses = data.draw(npst.arrays(np.float32, (size, runs), elements=floats))
        step += size
        store.report(key, progress(step, runs=runs, losses=losses))
        written.extend([losses] if size else [])
    read = store.chunks(key)
    assert [chunk.index for chunk in read] == list(range(len(written)))
    assert [chunk.first_step for chunk in read] == [
        1 + sum(len(part) for part in written[:index]) for index in range(len(written))
    ]
    for chunk, losses in zip(read, written, strict=True):
        assert chunk.losses.dtype == np.float32
        assert chunk.losses.shape == losses.shape
        assert chunk.losses.tobytes() == losses.tobytes()


def test_losses_are_little_endian_in_the_file_byte_by_byte(store: Store, file: Path) -> None:
    store.report(store.create(SPEC), progress(1))
    with closing(sqlite3.connect(file)) as connection:
        (blob,) = connection.execute("select losses from chunks_v3").fetchone()
    assert zlib.decompress(blob) == b"\x00" * 2 * K + b"\x80" * K + b"\x3f" * K


def test_an_evaluation_is_one_row_of_little_endian_scores(store: Store, file: Path) -> None:
    store.report(store.create(SPEC), progress(1, evaluations=(evaluation(1, 0.5),)))
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("select columns, scores from evaluations_v3").fetchall()
    assert rows == [("train.epoch_loss val.loss", np.array([0.5, *range(1, 8)], "<f4").tobytes())]


# ---------------------------------------------------------------- overviews

#: After so few chunks, as every one of them is a transaction.
OVERVIEW_EVERY = 8


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "OVERVIEW_EVERY", OVERVIEW_EVERY)


def filled(store: Store, count: int) -> str:
    """An experiment with so many chunks of 1 to 5 steps each."""
    key = store.create(SPEC)
    random, step = np.random.default_rng(0), 0
    for index in range(count):
        losses = random.standard_normal((1 + index % 5, K)).astype(np.float32)
        step += len(losses)
        assert store.report(key, progress(step, losses=losses))
    return key


@pytest.mark.parametrize("count", [1, OVERVIEW_EVERY - 1, OVERVIEW_EVERY, 2 * OVERVIEW_EVERY + 7])
def test_who_knows_nothing_gets_an_overview_of_all_but_the_newest_chunks(
    store: Store, count: int
) -> None:
    key = filled(store, count)
    chunks, news = store.chunks(key), store.news(key)
    covered = count // OVERVIEW_EVERY * OVERVIEW_EVERY
    assert [chunk.index for chunk in news.chunks] == list(range(covered, count))
    assert (news.overview is not None) == (covered > 0)
    if news.overview is None:
        return
    assert news.overview.last_chunk == covered - 1
    ends = [[chunk.first_step + len(chunk.losses) - 1, chunk.seconds] for chunk in chunks[:covered]]
    np.testing.assert_array_equal(news.overview.clock, ends)
    whole = Envelope(K)
    whole.extend(np.concatenate([chunk.losses for chunk in chunks[:covered]]))
    assert news.overview.envelope.count == whole.count
    for run in range(K):
        for ours, theirs in zip(news.overview.envelope.points(run), whole.points(run), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_who_knows_some_chunks_gets_no_overview(store: Store) -> None:
    key = filled(store, OVERVIEW_EVERY + 3)
    news = store.news(key, after_chunk=0)
    assert news.overview is None
    assert len(news.chunks) == OVERVIEW_EVERY + 2
    assert [chunk.index for chunk in store.chunks(key, after=4, to=6)] == [5, 6]


def test_a_damaged_overview_is_said_to_be(store: Store, file: Path) -> None:
    key = filled(store, OVERVIEW_EVERY)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("update overviews_v3 set content = 'x'")
    with told(key, str(file), "damaged"):
        store.news(key)


@pytest.mark.parametrize("change", ["columns = 'val.unheard'", "scores = x'00'"])
def test_a_damaged_evaluation_is_said_to_be(store: Store, file: Path, change: str) -> None:
    key = store.create(SPEC)
    store.report(key, progress(1, epoch=1, evaluations=(evaluation(1),)))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"update evaluations_v3 set {change}")
    for read in (store.news, store.evaluations):
        with told(key, str(file), "damaged"):
            read(key)


# ---------------------------------------------------------------- cursors, lists, the queue


def test_a_reader_gets_only_what_is_new(store: Store) -> None:
    key = store.create(SPEC)
    for step in (1, 2, 3):
        store.report(key, progress(step, evaluations=(evaluation(step),)))
    assert [chunk.index for chunk in store.chunks(key, after=0)] == [1, 2]
    assert store.chunks(key, after=2) == []
    assert [row.epoch for row in store.evaluations(key, after_epoch=1)] == [2, 3]
    assert store.evaluations(key, after_epoch=3) == []


def test_news_are_what_the_reads_one_by_one_give(store: Store) -> None:
    key = store.create(SPEC)
    for step in (1, 2, 3):
        store.report(key, progress(step, epoch=step, evaluations=(evaluation(step),)))
    for after in (-1, 1, 3):
        news = store.news(key, after_chunk=after, after_epoch=after)
        assert news.experiment == store.get(key)
        assert news.runs == store.runs(key)
        assert scores(news.evaluations) == scores(store.evaluations(key, after_epoch=after))
        known = store.chunks(key, after=after)
        assert [chunk.index for chunk in news.chunks] == [chunk.index for chunk in known]
        assert news.snapshot is None


def test_who_asked_to_hear_is_told_what_is_asked(store: Store) -> None:
    heard: list[str] = []
    store.on_want(heard.append)
    key, other = store.create(SPEC), store.create(SPEC)
    store.want(key, Wanted.PAUSED)
    store.want(other, Wanted.STOPPED)
    assert not store.want(other, Wanted.RUNNING)
    assert heard == [key, other]


def test_experiments_are_kept_apart(store: Store) -> None:
    one, other = store.create(SPEC), store.create(SPEC)
    store.report(one, progress(2, 2, evaluations=(evaluation(0),)))
    assert (store.chunks(other), store.evaluations(other)) == ([], [])
    assert store.get(other).status is Status.QUEUED
    assert {run.status for run in store.runs(other)} == {Status.QUEUED}


def test_the_place_in_the_queue_moves_up(store: Store) -> None:
    first, second, third = (store.create(SPEC) for _ in range(3))
    assert [store.queue_place(key) for key in (first, second, third)] == [1, 2, 3]
    store.report(first, progress(1))
    assert [store.queue_place(key) for key in (second, third)] == [1, 2]


# ---------------------------------------------------------------- status


@pytest.mark.parametrize("final", FINAL)
def test_a_finished_experiment_never_changes(store: Store, final: Status) -> None:
    key = store.create(SPEC)
    store.report(key, progress(1))
    assert store.set_status(key, final, "Because.")
    before = store.get(key), store.runs(key)
    assert not store.set_status(key, Status.RUNNING)
    assert not store.set_status(key, Status.FAILED, "Something else.")
    assert not store.report(key, progress(2, evaluations=(evaluation(1),)))
    assert not store.want(key, Wanted.PAUSED)
    store.service.heartbeat([key])
    assert store.service.heartbeats() == {}
    assert not store.service.interrupt(key, before[0].heartbeat.timestamp())
    assert (store.get(key), store.runs(key)) == before
    assert len(store.chunks(key)) == 1
    assert store.evaluations(key) == []


def test_a_diverged_run_keeps_its_first_step_and_status(store: Store) -> None:
    key = store.create(SPEC)
    diverged = (None, 2, None, None)
    store.report(key, progress(2, diverged_steps=diverged))
    store.report(key, progress(3, diverged_steps=diverged), Status.FINISHED)
    statuses = [run.status for run in store.runs(key)]
    assert statuses == [Status.FINISHED, Status.DIVERGED, Status.FINISHED, Status.FINISHED]
    assert store.runs(key)[1].diverged_step == 2


def test_what_is_wanted_reaches_the_job(store: Store) -> None:
    key = store.create(SPEC)
    assert store.want(key, Wanted.RUNNING, pause_after_epoch=4)
    assert store.command(key) == (Wanted.RUNNING, 4)
    assert store.want(key, Wanted.PAUSED)
    assert store.command(key) == (Wanted.PAUSED, None)


def test_the_epoch_to_pause_after_becomes_a_pause(store: Store) -> None:
    key = store.create(SPEC, pause_after_epoch=2)
    store.report(key, progress(1, epoch=1))
    assert store.command(key) == (Wanted.RUNNING, 2)
    store.report(key, progress(2, epoch=2))
    assert store.command(key) == (Wanted.PAUSED, None)


def test_nothing_takes_a_stop_back(store: Store) -> None:
    key = store.create(SPEC, pause_after_epoch=1)
    store.report(key, progress(1))
    assert store.want(key, Wanted.STOPPED)
    assert not store.want(key, Wanted.RUNNING)
    store.report(key, progress(2, epoch=1))
    assert store.command(key).wanted is Wanted.STOPPED


def test_a_queued_experiment_is_stopped_at_once(store: Store) -> None:
    key = store.create(SPEC)
    store.want(key, Wanted.STOPPED)
    assert store.get(key).status is Status.STOPPED
    assert {run.status for run in store.runs(key)} == {Status.STOPPED}


def test_a_job_whose_experiment_has_finished_is_to_stop(store: Store) -> None:
    key = store.create(SPEC)
    store.set_status(key, Status.INTERRUPTED)
    assert store.command(key).wanted is Wanted.STOPPED


# ---------------------------------------------------------------- several processes


def write_reports(url: str, key: str, count: int) -> None:
    writer = Store(url)
    for step in range(1, count + 1):
        writer.report(key, progress(step, evaluations=(evaluation(step),)))
    writer.set_status(key, Status.FINISHED)


def test_readers_and_writers_in_other_processes_see_whole_reports(store: Store) -> None:
    reports = 60
    keys = [store.create(SPEC) for _ in range(2)]
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_reports, args=(store.url, key, reports)) for key in keys]
    for writer in writers:
        writer.start()
    seen = dict.fromkeys(keys, 0)

    def all_is_read() -> bool:
        for key in keys:
            new = store.chunks(key, after=seen[key] - 1)
            # Written in one transaction with the chunk, so never behind it.
            assert store.step(key) >= seen[key] + len(new) <= len(store.evaluations(key))
            seen[key] += len(new)
        return all(store.get(key).status is Status.FINISHED for key in keys)

    wait_until(all_is_read, 30, "both writers to finish")
    for key in keys:
        assert [chunk.index for chunk in store.chunks(key)] == list(range(reports))
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0


def test_threads_share_a_store(store: Store) -> None:
    keys = [store.create(SPEC) for _ in range(8)]

    def live(key: str) -> int:
        for step in range(1, 11):
            store.report(key, progress(step))
        return len(store.chunks(key))

    with ThreadPoolExecutor(max_workers=8) as threads:
        assert list(threads.map(live, keys)) == [10] * 8


def open_store(url: str, ready: multiprocessing.synchronize.Barrier) -> None:
    ready.wait()
    Store(url).create(SPEC)


def test_processes_may_make_the_same_file_at_once(file: Path) -> None:
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(4)
    url = f"sqlite:///{file}"
    processes = [fork.Process(target=open_store, args=(url, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("select count(*) from experiments_v3").fetchone() == (4,)


# ---------------------------------------------------------------- what can go wrong


@contextmanager
def told(*words: str, error: type[StoreError] = StoreError) -> Iterator[None]:
    """The block fails with one sentence or more that says all these words."""
    with pytest.raises(error) as caught:
        yield
    message = str(caught.value)
    assert message.endswith(".")
    assert "Traceback" not in message
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("key", [SOME_ID, "", "x" * 5000, "' or 1=1 --", "\ud800", "ÄÖÜ"])
@pytest.mark.parametrize(
    "read",
    [
        Store.get,
        Store.runs,
        Store.chunks,
        Store.evaluations,
        Store.command,
        Store.queue_place,
        Store.checkpoint,
        Store.news,
    ],
)
def test_an_unknown_id_is_told_shortly(store: Store, read: object, key: str) -> None:
    assert callable(read)
    with pytest.raises(UnknownExperiment) as caught:
        read(store, key)
    assert len(str(caught.value)) < 400
    assert "No experiment" in str(caught.value)


def test_nothing_is_written_to_an_unknown_id(store: Store) -> None:
    with told("No experiment", SOME_ID, error=UnknownExperiment):
        store.report(SOME_ID, progress(1))
    with told(SOME_ID, error=UnknownExperiment):
        store.set_status(SOME_ID, Status.FAILED)
    with told(SOME_ID, error=UnknownExperiment):
        store.want(SOME_ID, Wanted.PAUSED)


def test_a_missing_folder(tmp_path: Path) -> None:
    with told(str(tmp_path / "gone"), "doesn't exist", "LOSSLAB_STORE"):
        Store(f"sqlite:///{tmp_path}/gone/lab.db")


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    store = Store(f"sqlite:///{folder}/lab.db")
    key = store.create(SPEC)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with told(str(folder), "doesn't exist"):
        store.want(key, Wanted.PAUSED)


def test_a_file_that_goes_away(store: Store, file: Path) -> None:
    key = store.create(SPEC)
    for path in file.parent.iterdir():
        path.unlink()
    with told(str(file), "no such table", "Restart"):
        store.want(key, Wanted.PAUSED)


def test_a_file_that_was_to_be_there(file: Path) -> None:
    with told(str(file), "can't be opened", "permissions", "LOSSLAB_STORE"):
        Store(f"sqlite:///file:{file}?mode=rw&uri=true")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with told(str(tmp_path), "is a folder"):
        Store(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(file: Path) -> None:
    file.write_text("Dear diary, " * 500)
    with told(str(file), "isn't an SQLite database"):
        Store(f"sqlite:///{file}")


def test_a_file_that_is_damaged_within(store: Store, file: Path) -> None:
    key = store.create(SPEC)
    # What closes last writes the log into the file.
    store._database._engine.dispose()
    content = bytearray(file.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    content[page:] = b"\xff" * (len(content) - page)
    file.write_bytes(content)
    with told(str(file), "damaged", "Move it away"):
        Store(f"sqlite:///{file}").get(key)


def test_a_full_disk(store: Store, file: Path) -> None:
    key = store.create(SPEC)
    with store._database.read() as connection:
        # No more pages than it has, which SQLite tells as it tells a disk that is full.
        connection.exec_driver_sql("pragma max_page_count = 1")
    steps = 100_000
    with told(str(file), "full", "Free some space"):
        store.report(key, progress(steps, steps, evaluations=(evaluation(0),)))
    assert (store.chunks(key), store.evaluations(key), store.step(key)) == ([], [], 0)
    with store._database.read() as connection:
        connection.exec_driver_sql("pragma max_page_count = 1000000")
    assert store.report(key, progress(steps, steps))


def test_missing_tables(store: Store, file: Path) -> None:
    key = store.create(SPEC)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("drop table chunks_v3")
    with told(str(file), "no such table: chunks_v3", "Restart"):
        store.chunks(key)


def test_tables_of_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table experiments_v3 (id text primary key, colour text)")
    with told(str(file), "tables of this version"):
        Store(f"sqlite:///{file}").create(SPEC)


def test_a_read_only_database_can_still_be_read(store: Store, file: Path) -> None:
    key = store.create(SPEC)
    reader = Store(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert reader.get(key).spec == SPEC
    with told(str(file), "read-only"):
        reader.want(key, Wanted.PAUSED)


def test_a_locked_database(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    key = store.create(SPEC)
    impatient = Store(store.url)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        with told(str(file), "locked by another program for 0.1 s"):
            impatient.want(key, Wanted.PAUSED)
        assert impatient.get(key).wanted is Wanted.RUNNING
    assert impatient.want(key, Wanted.PAUSED)


def test_a_corrupt_spec_spoils_no_other(store: Store, file: Path) -> None:
    good, bad = store.create(SPEC), store.create(SPEC)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("update experiments_v3 set spec = '{' where id = ?", [bad])
    with told(bad, str(file), "damaged", "not valid JSON"):
        store.get(bad)
    assert store.get(good).spec == SPEC


def test_a_corrupt_chunk(store: Store, file: Path) -> None:
    key = store.create(SPEC)
    store.report(key, progress(3, 3))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("update chunks_v3 set losses = x'00112233445566'")
    with told(key, "damaged"):
        store.chunks(key)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense with hunter2", ["can't be read", "sqlite:////"]),
        ("nosuch://user:hunter2@host/db", ["isn't installed", "nosuch"]),
        ("postgresql+pg8000://user:hunter2@host/db", ["isn't installed", "user:***@host"]),
        ("sqlite://", ["in memory"]),
        ("sqlite:///:memory:", ["in memory"]),
    ],
)
def test_an_address_that_leads_nowhere(url: str, words: list[str]) -> None:
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert "hunter2" not in str(caught.value)


# ---------------------------------------------------------------- where it is


def test_the_environment_names_the_store(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSLAB_STORE", f"sqlite:///{file}")
    Store().create(SPEC)
    assert file.exists()


def test_the_default_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOSSLAB_STORE", raising=False)
    default = tmp_path / ".losslab" / "losslab.db"
    monkeypatch.setattr(database, "DEFAULT_FILE", default)
    Store()
    assert default.exists()


def test_the_url_leads_there_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store("sqlite:///here.db").url == f"sqlite:///{tmp_path}/here.db"


def test_readers_do_not_wait_for_writers(store: Store, file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
