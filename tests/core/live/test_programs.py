"""The route of programs that run: what they print beside what a real training has recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette

from core.live.programs import LivePrograms
from core.live.routes import Live
from core.program import written
from core.program.running import Programs
from core.records import Status
from core.spec import LESSON, ExperimentSpec
from core.store import Store
from core.training import train
from tests.core.live.asking import ask, asked

IN_VAIN = 60.0


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, IN_VAIN))


@pytest.fixture
def programs() -> Iterator[Programs]:
    made = Programs()
    yield made
    made.close()


@pytest.fixture
def live(store: Store) -> Live:
    return Live(lambda: store)


@pytest.fixture
def app(live: Live, programs: Programs) -> Starlette:
    return Starlette(routes=LivePrograms(live, lambda: programs).routes)


def trained(store: Store, spec: ExperimentSpec) -> str:
    experiment_id = store.create(spec)
    for progress in train(spec):
        store.report(experiment_id, progress, progress.outcome or Status.RUNNING)
    return experiment_id


async def seen(app: Starlette, address: str) -> tuple[dict[str, Any], list[list[str]]]:
    """The last frame of a stream, and all rows as a page puts them together."""
    frame: dict[str, Any] = {}
    rows: list[list[str]] = []
    async with asked(app, address) as answer:
        assert answer.status == 200
        while (event := await answer.event()) is not None:
            frame = event
            rows = rows[: frame["after"]] + frame["rows"]
    return frame, rows


def test_the_lesson_beside_the_lab(app: Starlette, programs: Programs, store: Store) -> None:
    async def test() -> None:
        address = f"/program/{programs.start(written(LESSON))}"
        frame, rows = await seen(app, f"{address}?experiment={trained(store, LESSON)}")
        assert (frame["status"], frame["last"], frame["fraction"]) == ("finished", True, 1.0)
        assert frame["words"] == "Finished. Epoch 10 of 10."
        assert [row[0] for row in rows] == [str(epoch) for epoch in range(1, 11)]
        for _epoch, printed, lab in rows:
            assert float(printed) == pytest.approx(float(lab), rel=1e-5)
        assert frame["said"].startswith("The largest relative difference from the lab's losses is")
        assert frame["said"].endswith("over 10 epochs.")

        # An experiment of other settings is none to compare with, and neither is no experiment.
        other = LESSON.model_copy(update={"seeds": (1,)})
        for query in (f"?experiment={trained(store, other)}", ""):
            frame, rows = await seen(app, address + query)
            assert "press Train" in frame["said"]
            assert [row[2] for row in rows] == [""] * 10

    run(test())


def test_a_run_that_is_not_known_is_not_found(app: Starlette) -> None:
    async def test() -> None:
        answer, words = await ask(app, "/program/0123456789abcdef")
        assert (answer.status, words) == (
            404,
            "This program is not known any more; run it again.",
        )

    run(test())


def test_pages_of_others_get_no_stream(app: Starlette, programs: Programs) -> None:
    async def test() -> None:
        address = f"/program/{programs.start(written(LESSON))}"
        answer, _ = await ask(app, address, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 403

    run(test())


def test_the_end_of_the_server_ends_the_stream(
    app: Starlette, live: Live, programs: Programs
) -> None:
    async def test() -> None:
        training = LESSON.training.model_copy(update={"epochs": 10_000})
        endless = LESSON.model_copy(update={"training": training})
        async with asked(app, f"/program/{programs.start(written(endless))}") as answer:
            assert await answer.event() is not None
            live.end()
            while await answer.event() is not None:
                pass

    run(test())
