"""The routes of live data against a real store: streams, files, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.applications import Starlette

from core.errors import StoreError
from core.live import routes
from core.live.files import FILES
from core.live.routes import Live
from core.records import Status
from core.store import Store
from tests.core.live.asking import ask, asked
from tests.core.live.staging import has_all, race_of, recorded, reported, stage

IN_VAIN = 30.0


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, IN_VAIN))


@pytest.fixture
def live(store: Store) -> Live:
    return Live(lambda: store)


@pytest.fixture
def app(live: Live) -> Starlette:
    return Starlette(routes=live.routes)


# ------------------------------------------------------------------ streams


def test_a_stream_goes_to_the_end_of_the_experiment(
    app: Starlette, live: Live, store: Store
) -> None:
    async def test() -> None:
        experiment_id = recorded(store, Status.RUNNING)
        async with asked(app, f"/live/{experiment_id}") as answer:
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            first = await answer.event()
            assert first is not None
            assert has_all(first)
            assert live._streams == {"127.0.0.1": 1}
            store.set_status(experiment_id, Status.STOPPED)
            while (event := await answer.event()) is not None:
                last = event
            assert last["last"] is True
        assert live._streams == {}

    run(test())


def test_the_options_are_those_of_the_address(app: Starlette, store: Store) -> None:
    async def test() -> None:
        experiment_id = reported(store, race_of(seeds=[0]))
        address = f"/live/{experiment_id}?page=compare&tab=units&log=true"
        async with asked(app, address) as answer:
            event = await answer.event()
            assert event is not None
            shown = stage(store, experiment_id, page="compare", tab="units", log="true")
            assert has_all(event)
            assert event["blocks"] == list(shown.values())

    run(test())


def test_a_viewer_who_leaves_is_counted_no_more(app: Starlette, live: Live, store: Store) -> None:
    async def test() -> None:
        experiment_id = recorded(store, Status.PAUSED)
        async with asked(app, f"/live/{experiment_id}") as answer:
            await answer.event()
            assert live._hubs is not None
            (hub,) = live._hubs._hubs.values()
            assert hub.viewers == 1
        assert hub.viewers == 0
        assert hub._task is None
        assert live._streams == {}

    run(test())


def test_viewers_who_come_at_once_share_a_hub(app: Starlette, live: Live, store: Store) -> None:
    async def test() -> None:
        experiment_id = recorded(store, Status.PAUSED)
        async with AsyncExitStack() as stack:
            coming = [
                stack.enter_async_context(asked(app, f"/live/{experiment_id}")) for _ in range(20)
            ]
            answers = await asyncio.gather(*coming)
            await asyncio.gather(*(each.event() for each in answers))
            assert live._hubs is not None
            assert [hub.viewers for hub in live._hubs._hubs.values()] == [20]

    run(test())


@pytest.mark.parametrize(
    "experiment_id",
    ["0123456789", "nonsense", "ABCDEF0123", "%00", "a" * 5000, "'; drop table x", "..", "é"],
)
@pytest.mark.parametrize("file", ["", "/losses.csv", "/scores.csv"])
def test_what_is_not_stored_is_not_found(app: Starlette, experiment_id: str, file: str) -> None:
    async def test() -> None:
        answer, words = await ask(app, f"/live/{experiment_id}{file}")
        assert answer.status == 404
        assert answer.headers["content-type"].startswith("text/plain")
        assert words.startswith("No experiment ")
        assert len(words) < 500

    run(test())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("colour=red", "The name of an option was 'colour'; a view has none of that name."),
        ("tab=all", "The view's option 'tab' was 'all', which it can't be."),
        ("smoothing=7", "Smoothing was 7.0; allowed is 0 to 0.99."),
    ],
)
def test_options_that_no_page_has_are_refused(
    app: Starlette, store: Store, options: str, sentence: str
) -> None:
    async def test() -> None:
        answer, words = await ask(app, f"/live/{recorded(store, Status.PAUSED)}?{options}")
        assert (answer.status, words) == (400, sentence)
        assert answer.headers["content-type"].startswith("text/plain")

    run(test())


@pytest.mark.parametrize(
    ("site", "status"),
    [
        ("cross-site", 403),
        ("same-site", 403),
        ("anything", 403),
        ("same-origin", 200),
        ("none", 200),
        (None, 200),
    ],
)
def test_pages_of_others_get_no_stream(
    app: Starlette, store: Store, site: str | None, status: int
) -> None:
    async def test() -> None:
        experiment_id = recorded(store, Status.STOPPED)
        headers = {"Sec-Fetch-Site": site} if site else {}
        answer, _ = await ask(app, f"/live/{experiment_id}", headers=headers)
        assert answer.status == status

    run(test())


def test_there_are_only_so_many_streams_of_one_and_of_all(
    app: Starlette, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(routes, "MOST_OF_ONE", 2)
        monkeypatch.setattr(routes, "MOST_OF_ALL", 3)
        address = f"/live/{recorded(store, Status.PAUSED)}"
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(asked(app, address, visitor="10.0.0.1"))
            async with asked(app, address, visitor="10.0.0.1"):
                refused, words = await ask(app, address, visitor="10.0.0.1")
                assert (refused.status, words) == (
                    503,
                    "Too many streams are open. Try again later.",
                )
                third = await stack.enter_async_context(asked(app, address, visitor="10.0.0.2"))
                assert third.status == 200
                assert (await ask(app, address, visitor="10.0.0.3"))[0].status == 503
            again = await stack.enter_async_context(asked(app, address, visitor="10.0.0.1"))
            assert (first.status, again.status) == (200, 200)

    run(test())


def test_streams_asked_for_at_once_are_counted_before_they_begin(
    app: Starlette, live: Live, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(routes, "MOST_OF_ONE", 3)
        address = f"/live/{recorded(store, Status.PAUSED)}"
        async with AsyncExitStack() as stack:
            coming = [stack.enter_async_context(asked(app, address)) for _ in range(10)]
            answers = await asyncio.gather(*coming)
            assert sorted(each.status for each in answers) == [200] * 3 + [503] * 7
        assert live._streams == {}

    run(test())


def test_a_store_that_is_in_trouble_lets_the_page_try_again(store: Store) -> None:
    def broken() -> Store:
        raise StoreError("The database is locked.")

    async def test() -> None:
        app = Starlette(routes=Live(broken).routes)
        for file in ("", *(f"/{name}" for name in FILES)):
            answer, words = await ask(app, f"/live/0123456789{file}")
            assert (answer.status, words) == (503, "The database is locked.")

    run(test())


def test_an_experiment_that_vanishes_ends_its_stream(app: Starlette, store: Store) -> None:
    async def test() -> None:
        experiment_id = recorded(store, Status.PAUSED)
        async with asked(app, f"/live/{experiment_id}") as answer:
            assert await answer.event() is not None
            with store._database.write() as connection:
                for table in ("evaluations", "chunks", "snapshots", "runs", "experiments"):
                    connection.exec_driver_sql(f"delete from {table}_v3")
            while await answer.event() is not None:
                pass
        assert (await ask(app, f"/live/{experiment_id}"))[0].status == 404

    run(test())


def test_the_end_of_the_server_ends_streams_and_begins_none(
    app: Starlette, live: Live, store: Store
) -> None:
    async def test() -> None:
        address = f"/live/{recorded(store, Status.PAUSED)}"
        async with asked(app, address) as answer:
            assert await answer.event() is not None
            live.end()
            while await answer.event() is not None:
                pass
        assert (await ask(app, address))[1] == ""

    run(test())


def test_what_is_about_to_be_seen_is_read_before_it_is_asked_for(live: Live, store: Store) -> None:
    key = recorded(store, Status.FINISHED)

    async def test() -> None:
        for each in (key, "0" * 10, "../x"):
            live.open(each)
        await asyncio.gather(*live._openings)
        assert not live._openings
        known = live._of(store).readings._kept
        # What is not there takes no other one's place.
        assert list(known) == [key]
        assert known[key]._curves is not None

    run(test())


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_saved_under_a_name_of_its_own(app: Starlette, store: Store, name: str) -> None:
    async def test() -> None:
        experiment_id = reported(store, race_of(seeds=[0]))
        answer, text = await ask(app, f"/live/{experiment_id}/{name}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="loss-lab-{experiment_id}-{name}"'
        )
        assert answer.headers["cache-control"] == "no-store"
        assert text == FILES[name](store, experiment_id)
        assert text.startswith("entrant,seed,")

    run(test())


@pytest.mark.parametrize("name", ["secrets.csv", "losses.csv.gz", "..", "%2e%2e"])
def test_there_is_no_other_file(app: Starlette, store: Store, name: str) -> None:
    async def test() -> None:
        answer, words = await ask(app, f"/live/{recorded(store, Status.PAUSED)}/{name}")
        assert (answer.status, words) == (404, "There is no such file.")

    run(test())
