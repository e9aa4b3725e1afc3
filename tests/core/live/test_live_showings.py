"""The stream of a showing: what each viewer hears, from the first bet to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from starlette.applications import Starlette

from core.live.routes import Live
from core.live.showings import LiveShowings
from core.records import Bet, Status, Wanted
from core.store import Store
from tests.core.live.asking import ask, asked
from tests.core.live.staging import TWO_LOSSES

IN_VAIN = 60.0


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, IN_VAIN))


@pytest.fixture
def live(store: Store) -> Live:
    return Live(lambda: store)


@pytest.fixture
def app(live: Live, store: Store) -> Starlette:
    return Starlette(routes=LiveShowings(live, lambda: store).routes)


def test_all_who_look_hear_of_bets_of_the_start_and_of_the_end(
    app: Starlette, store: Store
) -> None:
    async def test() -> None:
        key = store.showings.create("focal")
        async with asked(app, f"/showings/{key}") as one, asked(app, f"/showings/{key}") as other:
            for answer in (one, other):
                assert await answer.event() == {"phase": "waiting", "bets": 0, "last": False}
            store.showings.bet(key, "a", Bet(0))
            for answer in (one, other):
                assert await answer.event() == {"phase": "waiting", "bets": 1, "last": False}
            store.showings.begin(key, [TWO_LOSSES])
            (experiment_id,) = store.showings.get(key).experiments
            assert (await one.event() or {})["phase"] == "starting"
            store.set_status(experiment_id, Status.RUNNING)
            store.want(experiment_id, Wanted.STOPPED)
            store.set_status(experiment_id, Status.STOPPED)
            event = await one.event() or {}
            assert (event["phase"], event["last"]) == ("ended", True)
            assert await one.event() is None

    run(test())


def test_one_that_has_ended_is_told_once(app: Starlette, store: Store) -> None:
    async def test() -> None:
        key = store.showings.create("focal")
        store.showings.begin(key, [TWO_LOSSES])
        store.want(store.showings.get(key).experiments[0], Wanted.STOPPED)
        _, words = await ask(app, f"/showings/{key}")
        assert words == 'data: {"phase": "ended", "bets": 0, "last": true}\n\n'

    run(test())


def test_one_that_is_not_stored_is_not_found(app: Starlette) -> None:
    async def test() -> None:
        answer, words = await ask(app, "/showings/0123456789")
        assert answer.status == 404
        assert words.startswith("No showing '0123456789'")

    run(test())


def test_pages_of_others_get_no_stream(app: Starlette, store: Store) -> None:
    async def test() -> None:
        address = f"/showings/{store.showings.create('focal')}"
        answer, _ = await ask(app, address, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 403

    run(test())


def test_the_end_of_the_server_ends_the_stream(app: Starlette, live: Live, store: Store) -> None:
    async def test() -> None:
        async with asked(app, f"/showings/{store.showings.create('focal')}") as answer:
            await answer.event()
            live.end()
            assert await answer.event() is None

    run(test())
