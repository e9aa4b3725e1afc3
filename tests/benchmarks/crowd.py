"""What viewers of many experiments get, alone and while others click.

50 viewers look at 50 experiments, 10 of which go on; then 20 visitors more press something every
two seconds, each of which is a pass of a page's script. The experiments that go on are written by a
process of their own as ten trainings would: how many really train at once depends on the cores.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from core.records import Progress, Status
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from tests.benchmarks.viewers import Viewer
from tests.browser.app import serving
from tests.waiting import wait_until

EXPERIMENTS, LIVE, VISITORS = 50, 10, 20
CLICK_SECONDS = 2.0
#: The first frames of so many experiments take some seconds by themselves.
LOOKED_SECONDS = 20.0
#: A writer's steps a second, and how often it writes them.
_PACE, _WRITE_SECONDS = 3_000, 0.2

_SPEC = ExperimentSpec.parse(
    {
        "entrants": [{"loss": loss} for loss in ("cross_entropy", "bce", "mse")],
        "training": {"epochs": 10_000},
    }
)
_SHORT = ExperimentSpec.parse(_SPEC.model_dump() | {"training": {"epochs": 3}})


def measure() -> dict[str, float]:
    """Frames a second of the slowest viewer of one that goes on, and the age of nearly all."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lab.db"
        store, first = Store(url), list(train(_SHORT))
        over = [store.create(_SHORT) for _ in range(EXPERIMENTS - LIVE)]
        for key in over:
            for report in first:
                store.report(key, report, report.outcome or Status.RUNNING)
        live = [store.create(_SPEC) for _ in range(LIVE)]
        for key in live:
            store.report(key, first[0])
        with serving(url) as address, written(url, live):
            wait_until(lambda: store.step(live[-1]) > 0, 60, "what goes on to do so")
            addresses = [f"{address}/live/{key}?page=train" for key in live + over]
            measured = _of(_look(addresses), "crowd")
            with clicking(address) as passes:
                measured |= _of(_look(addresses), "crowd_clicked")
            measured["crowd_passes_s"] = passes[0] / LOOKED_SECONDS
    return measured


def _of(them: list[Viewer], name: str) -> dict[str, float]:
    """Of those whose experiments go on, once everybody has something to look at."""
    begin = max(each.came[0] for each in them)
    later = [
        [age for came, age in zip(each.came, each.ages, strict=True) if came > begin]
        for each in them[:LIVE]
    ]
    seconds = max(came for each in them for came in each.came) - begin
    ages = [age for each in later for age in each]
    return {
        f"{name}_fps": min(map(len, later)) / seconds,
        f"{name}_age_s": statistics.quantiles(ages, n=20)[-1],
    }


def _look(addresses: list[str]) -> list[Viewer]:
    them = [Viewer() for _ in addresses]

    async def all_look() -> None:
        pairs = zip(them, addresses, strict=True)
        await asyncio.gather(*(each.look(address, LOOKED_SECONDS) for each, address in pairs))

    asyncio.run(all_look())
    return them


# ------------------------------------------------------------------ what goes on


@contextmanager
def written(url: str, keys: list[str]) -> Iterator[None]:
    """Experiments that go on meanwhile, as their processes would write them."""
    context = multiprocessing.get_context("spawn")
    is_over = context.Event()
    writer = context.Process(target=_write, args=(url, keys, is_over), daemon=True)
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        writer.join(30)


def _write(url: str, keys: list[str], is_over: Event) -> None:
    store, steps = Store(url), int(_PACE * _WRITE_SECONDS)
    losses = np.random.default_rng(0).random((steps, _SPEC.run_count), np.float32)
    step = 0
    while not is_over.wait(_WRITE_SECONDS):
        step += steps
        report = Progress(step, 0, step / _PACE, losses, (), (None,) * _SPEC.run_count)
        for key in keys:
            store.report(key, report)


# ------------------------------------------------------------------ who clicks


@contextmanager
def clicking(address: str) -> Iterator[list[int]]:
    """Visitors who press something again and again; yields how many passes there were."""
    passes, is_over = [0], threading.Event()

    async def all_click() -> None:
        await asyncio.gather(*(_click(address, passes, is_over) for _ in range(VISITORS)))

    thread = threading.Thread(target=asyncio.run, args=(all_click(),))
    thread.start()
    # Their first passes draw whole pages.
    time.sleep(2 * CLICK_SECONDS)
    passes[0] = 0
    try:
        yield passes
    finally:
        is_over.set()
        thread.join(30)


async def _click(address: str, passes: list[int], is_over: threading.Event) -> None:
    parts = urlsplit(address)
    route = f"ws://{parts.netloc}/_stcore/stream"
    async with connect(
        route,
        subprotocols=["streamlit"],
        origin=address,
        max_size=None,  # type: ignore[list-item, arg-type]
    ) as socket:
        with suppress(ConnectionClosed):
            await asyncio.sleep(random.uniform(0, CLICK_SECONDS))
            while not is_over.is_set():
                message = BackMsg()
                message.rerun_script.query_string = ""
                await socket.send(message.SerializeToString())
                begin = time.monotonic()
                async for content in socket:
                    if ForwardMsg.FromString(content).WhichOneof("type") == "script_finished":
                        break
                passes[0] += 1
                await asyncio.sleep(max(0.0, CLICK_SECONDS - (time.monotonic() - begin)))


if __name__ == "__main__":
    print(measure())
