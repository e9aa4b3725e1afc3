"""Hubs on a real event loop: one builder for all viewers of a view, and none for nobody."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest

from core.errors import LabError, StoreError
from core.live import hub as hubs_module
from core.live.frames import Frame, next_frame
from core.live.hub import Hub, Hubs, _Built
from core.live.reading import Reading, State
from core.live.view import View
from core.records import Status, Wanted
from core.store import Store
from tests.core.live.staging import TWO_LOSSES, has_all, recorded

#: Longer than any of these tests takes, also on a busy machine.
IN_VAIN = 30.0
COMPARE = View.parse({"page": "compare"})


def run(test: Coroutine[Any, Any, None]) -> None:
    """The test on a loop of its own; it leaves no task behind."""

    async def whole() -> None:
        async with asyncio.timeout(IN_VAIN):
            await test
            # A task that was cancelled ends at the next turn of the loop.
            while others() and all(each.cancelling() for each in others()):
                await asyncio.sleep(0)
            assert others() == set()

    asyncio.run(whole())


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


def read(event: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.removeprefix(b"data: "))
    return found


class Counted(Reading):
    """A reading that counts how often it is asked, and waits where a test wants it to."""

    def __init__(self, store: Store, experiment_id: str) -> None:
        super().__init__(store, experiment_id)
        self.asked = self.looks = 0
        self.gate = threading.Event()
        self.gate.set()
        self.trouble: Exception | None = None

    def standing(self) -> tuple[Status, bool]:
        self.looks += 1
        return super().standing()

    def state(self) -> State:
        self.asked += 1
        assert self.gate.wait(IN_VAIN)
        if self.trouble is not None:
            raise self.trouble
        return super().state()


@pytest.fixture
def running(store: Store) -> Counted:
    return Counted(store, recorded(store, Status.RUNNING))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames follow each other at once, as no test is of how long they take."""
    monkeypatch.setattr(hubs_module, "FRAME_SECONDS", 0.0)


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks go on until it is so."""
    while not condition():
        await asyncio.sleep(0.001)


# ------------------------------------------------------------------ viewers


def test_all_viewers_of_a_view_share_one_builder(running: Counted) -> None:
    async def test() -> None:
        hub = Hub(running, View())
        running.gate.clear()
        async with AsyncExitStack() as stack:
            viewers = [await stack.enter_async_context(aclosing(hub.events())) for _ in range(50)]
            firsts = [asyncio.create_task(anext(viewer)) for viewer in viewers]
            await until(lambda: hub.viewers == 50 and running.asked == 1)
            running.gate.set()
            events = await asyncio.gather(*firsts)
            # All have the only frame there is.
            assert hub._frame is not None
            assert hub._frame.number == 1
            assert all(has_all(read(event)) for event in events)
            assert len({id(event) for event in events}) == 1
        assert hub.viewers == 0

    run(test())


def test_what_had_ended_and_was_resumed_goes_on(store: Store) -> None:
    experiment_id = recorded(store, Status.FAILED)
    reading = Reading(store, experiment_id)

    async def test() -> None:
        hub = Hub(reading, View())
        async for event in hub.events():
            assert read(event)["status"] == "failed"
        assert read(event)["last"]
        # Who comes again gets the same, at once.
        async for event in hub.events():
            assert has_all(read(event))
        store.resume(experiment_id)
        async with aclosing(hub.events()) as again:
            frame = read(await anext(again))
            assert (frame["status"], frame["last"]) == ("queued", False)

    run(test())


def test_what_is_to_be_said_of_the_service_is_seen_until_it_is_well(store: Store) -> None:
    reading = Reading(store, recorded(store, Status.PAUSED))
    said: list[str | None] = ["It is *away*."]

    async def test() -> None:
        hub = Hub(reading, View(), word=lambda: said[0])
        async with aclosing(hub.events()) as events:
            blocks = {each["id"]: each for each in read(await anext(events))["blocks"]}
            assert blocks["service"]["text"] == "It is *away*."
            said[0] = None
            frame = read(await anext(events))
            assert "service" not in [name for _part, names in frame["order"] for name in names]

    run(test())


def test_nobody_looks_and_nothing_is_read(running: Counted) -> None:
    async def test() -> None:
        hub = Hub(running, View())
        assert running.asked == 0
        async with aclosing(hub.events()) as one, aclosing(hub.events()) as other:
            await anext(one)
            await anext(other)
            await other.aclose()
            assert hub.viewers == 1
            before = running.asked
            await until(lambda: running.asked > before)
        assert hub._task is None
        await asyncio.gather(*others(), return_exceptions=True)
        before = running.asked
        for _ in range(50):
            await asyncio.sleep(0)
        assert running.asked == before
        # Whoever looks again sees it go on.
        async with aclosing(hub.events()) as again:
            await anext(again)
            await until(lambda: running.asked > before)

    run(test())


def test_a_slow_viewer_gets_the_newest_frame_and_no_backlog(running: Counted, store: Store) -> None:
    async def test() -> None:
        hub = Hub(running, View())
        async with aclosing(hub.events()) as slow:
            first = read(await anext(slow))
            assert first["status"] == "running"
            for status in (Status.PAUSED, Status.RUNNING, Status.PAUSED):
                store.set_status(running.experiment_id, status)
                before = running.asked
                await until(lambda before=before: running.asked > before + 1)  # type: ignore[misc]
            newest = hub._frame
            assert newest is not None
            assert newest.number >= 4
            second = read(await anext(slow))
            assert second["status"] == "paused"
            assert "readout" in [block["id"] for block in second["blocks"]]
            # There is nothing new: no frame is made, and none is sent.
            before = running.asked
            await until(lambda: running.asked > before + 2)
            assert hub._frame is newest

    run(test())


def test_the_last_frame_ends_the_stream_and_the_building(store: Store) -> None:
    async def test() -> None:
        reading = Counted(store, recorded(store, Status.FINISHED))
        hub = Hub(reading, View())
        events = [read(event) async for event in hub.events()]
        assert [event["last"] for event in events] == [True]
        assert reading.asked == 1
        assert hub.viewers == 0

    run(test())


def test_who_comes_after_the_last_frame_gets_it_while_others_look(store: Store) -> None:
    async def test() -> None:
        reading = Counted(store, recorded(store, Status.STOPPED))
        hub = Hub(reading, View())
        async with aclosing(hub.events()) as early:
            await anext(early)
            late = [read(event) async for event in hub.events()]
            assert [event["last"] for event in late] == [True]
            assert has_all(late[0])
            assert reading.asked == 1

    run(test())


def test_it_follows_an_experiment_to_its_end(running: Counted, store: Store) -> None:
    async def test() -> None:
        statuses = []
        async for event in Hub(running, COMPARE).events():
            statuses.append(read(event)["status"])
            store.set_status(
                running.experiment_id, Status.PAUSED if len(statuses) == 1 else Status.STOPPED
            )
        assert statuses[0] == "running"
        assert statuses[-1] == "stopped"
        assert statuses.count("stopped") == 1

    run(test())


def test_a_sign_of_life_is_sent_while_a_frame_takes_long(
    running: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(hubs_module, "SILENCE_SECONDS", 0.01)
        running.gate.clear()
        async with aclosing(Hub(running, View()).events()) as events:
            assert await anext(events) == b": alive\n\n"
            assert await anext(events) == b": alive\n\n"
            running.gate.set()
            event = await anext(events)
            while event == b": alive\n\n":
                event = await anext(events)
            assert has_all(read(event))

    run(test())


# ------------------------------------------------------------------ trouble


@pytest.mark.parametrize("trouble", [StoreError("It is gone."), KeyError("a mistake of ours")])
@pytest.mark.parametrize("at_first", [True, False])
def test_trouble_ends_the_streams_of_all(
    running: Counted, trouble: Exception, at_first: bool
) -> None:
    async def follow(events: AsyncIterator[bytes]) -> None:
        async for _ in events:
            pass

    async def test() -> None:
        hub = Hub(running, View())
        if at_first:
            running.trouble = trouble
        viewers = [asyncio.create_task(follow(hub.events())) for _ in range(5)]
        if not at_first:
            await until(lambda: running.asked > 2)
            running.trouble = trouble
        ended = await asyncio.gather(*viewers, return_exceptions=True)
        assert all(isinstance(each, LabError) for each in ended)
        assert "a mistake of ours" not in str(ended)
        assert hub.viewers == 0

    run(test())


def test_a_store_that_vanished_ends_the_stream_and_another_try_is_told_too(store: Store) -> None:
    async def test() -> None:
        hubs = Hubs(store)
        experiment_id = recorded(store, Status.RUNNING)
        async with aclosing(hubs.of(experiment_id, View()).events()) as events:
            await anext(events)
            with store._database.write() as connection:
                for table in ("evaluations", "chunks", "snapshots", "runs", "experiments"):
                    connection.exec_driver_sql(f"drop table {table}_v3")
            with pytest.raises(StoreError):
                async for _ in events:
                    pass
        with pytest.raises(StoreError):
            await anext(hubs.of(experiment_id, View()).events())

    run(test())


def test_a_viewer_that_is_cancelled_leaves_nothing(running: Counted) -> None:
    async def follow(hub: Hub) -> None:
        async with aclosing(hub.events()) as events:
            async for _ in events:
                pass

    async def test() -> None:
        hub = Hub(running, View())
        viewer = asyncio.create_task(follow(hub))
        await until(lambda: running.asked > 1)
        viewer.cancel()
        await asyncio.gather(viewer, return_exceptions=True)
        assert hub.viewers == 0
        assert hub._task is None

    run(test())


# ------------------------------------------------------------------ pace


@pytest.mark.parametrize(
    ("cost", "waiting", "pause"),
    [
        (0.0, 0.0, 0.25),
        (0.01, 0.0, 0.24),
        (0.01, 0.1, 0.14),
        (0.01, 1.0, 0.03),
        (1.0, 0.0, 3.0),
    ],
)
def test_the_pace_follows_what_a_frame_costs(
    running: Counted, monkeypatch: pytest.MonkeyPatch, cost: float, waiting: float, pause: float
) -> None:
    """A frame every quarter of a second; but building takes a quarter of a processor's time at
    most."""
    monkeypatch.setattr(hubs_module, "FRAME_SECONDS", 0.25)
    paused: list[float] = []
    now = worked = 0.0

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now

        @staticmethod
        def thread_time() -> float:
            return worked

    class Resting(Hub):
        async def _rest(self, until: float, standing: tuple[Status, bool]) -> None:
            paused.append(until - now)
            await asyncio.Event().wait()

    def costly(before: Frame | None) -> _Built:
        nonlocal now, worked
        worked += cost
        now += cost + waiting
        return _Built(frame, (Status.RUNNING, True), False, cost)

    frame = next_frame(running.state(), View(), None)

    async def test() -> None:
        monkeypatch.setattr(hubs_module, "time", Clock)
        hub = Resting(running, View())
        monkeypatch.setattr(hub, "_build", costly)
        async with aclosing(hub.events()) as events:
            await anext(events)
            await until(lambda: bool(paused))

    run(test())
    assert paused == [pytest.approx(pause)]


def test_what_was_asked_for_is_shown_as_soon_as_it_happens(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame is not due before the test has ended."""
    monkeypatch.setattr(hubs_module, "FRAME_SECONDS", 10 * IN_VAIN)
    key = store.create(TWO_LOSSES)

    async def status(events: AsyncIterator[bytes]) -> str:
        found: str = read(await anext(events))["status"]
        return found

    async def test() -> None:
        async with aclosing(Hubs(store).of(key, View()).events()) as events:
            assert await status(events) == "queued"
            for each in (Status.RUNNING, Status.PAUSED, Status.STOPPED):
                if each is not Status.RUNNING:
                    store.want(key, Wanted(each.value))
                store.set_status(key, each)
                assert await status(events) == each.value

    run(test())


def test_what_takes_long_is_not_looked_for_all_the_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where hundreds of experiments wait in the queue, each with somebody who looks."""
    monkeypatch.setattr(hubs_module, "FRAME_SECONDS", 10 * IN_VAIN)
    monkeypatch.setattr(hubs_module, "EAGER_FOR_SECONDS", 0.0)
    waiting = Counted(store, store.create(TWO_LOSSES))

    async def test() -> None:
        hub = Hub(waiting, View())
        async with aclosing(hub.events()) as events:
            await anext(events)
            store.set_status(waiting.experiment_id, Status.RUNNING)
            # It rests until the next frame is due, or somebody asks for something.
            await until(lambda: bool(hub._asked._waiters))  # type: ignore[attr-defined]
            assert waiting.looks == 0

    run(test())


# ------------------------------------------------------------------ hubs


def test_each_view_of_an_experiment_has_one_hub_while_somebody_looks(store: Store) -> None:
    async def test() -> None:
        hubs = Hubs(store)
        one, other = (recorded(store, Status.RUNNING) for _ in range(2))
        keys = [(one, View()), (one, COMPARE), (other, View())]
        async with AsyncExitStack() as stack:
            found = []
            for key in keys:
                hub = hubs.of(*key)
                await anext(await stack.enter_async_context(aclosing(hub.events())))
                found.append(hub)
            assert len(set(map(id, found))) == 3
            assert [hubs.of(*key) for key in keys] == found
        assert hubs.of(*keys[0]) is not found[0]
        assert len(hubs._hubs) == 1

    run(test())


def test_what_is_asked_is_seen_at_once(
    running: Counted, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame is due in an hour, but not where somebody asks for something; others go on."""
    monkeypatch.setattr(hubs_module, "FRAME_SECONDS", 3600.0)

    async def test() -> None:
        hubs = Hubs(store)
        other = recorded(store, Status.RUNNING)
        async with AsyncExitStack() as stack:
            found = []
            for experiment_id in (running.experiment_id, other):
                hub = hubs.of(experiment_id, View())
                events = await stack.enter_async_context(aclosing(hub.events()))
                await anext(events)
                found.append((hub, events))
            (_, events), (elsewhere, _) = found
            store.set_status(running.experiment_id, Status.PAUSED)
            await asyncio.to_thread(store.want, running.experiment_id, Wanted.PAUSED)
            assert read(await anext(events))["status"] == "paused"
            assert elsewhere._frame is not None
            assert elsewhere._frame.number == 1

    run(test())
    # The loop is closed by now; whoever asks does not notice.
    assert store.want(running.experiment_id, Wanted.RUNNING)


def test_views_of_one_experiment_share_what_was_read(store: Store) -> None:
    hubs = Hubs(store)
    experiment_id = recorded(store, Status.RUNNING)
    assert hubs.readings.of(experiment_id) is hubs.readings.of(experiment_id)


def test_the_end_of_the_server_ends_all_streams(store: Store) -> None:
    async def follow(hubs: Hubs, experiment_id: str, view: View) -> None:
        async for _ in hubs.of(experiment_id, view).events():
            pass

    async def test() -> None:
        hubs = Hubs(store)
        experiment_id = recorded(store, Status.PAUSED)
        viewers = [
            asyncio.create_task(follow(hubs, experiment_id, view)) for view in (View(), COMPARE)
        ]
        await until(lambda: all(hub._frame for hub in hubs._hubs.values()) and bool(hubs._hubs))
        hubs.end()
        ended = await asyncio.gather(*viewers, return_exceptions=True)
        assert all(isinstance(each, LabError) for each in ended)

    run(test())
