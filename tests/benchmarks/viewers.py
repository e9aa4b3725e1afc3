"""What many viewers of one experiment get, and what they cost its training.

The viewers are connections of this machine alone, to the real app with a real training. They
follow for a few seconds and hang up.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.engine import Engine
from core.records import Wanted
from core.spec import ExperimentSpec
from core.store import Store
from tests.browser.app import engine_of, serving
from tests.waiting import wait_until

#: Viewers look, and nobody looks, for so long in turns.
SECONDS = 5.0
ROUNDS = 6
FEW, MANY = 50, 200
#: After so many epochs a race's curves are as large as they get.
RACE_EPOCHS, RACE_VIEWERS = 250, 10
_SENT = b'"sent":'
_LOSSES = [{"loss": loss} for loss in ("cross_entropy", "bce", "mse")]
#: With small batches, so that it has more steps than a fast machine takes while it is looked at.
TRAINING = ExperimentSpec.parse(
    {"entrants": _LOSSES, "training": {"batch_size": 8, "epochs": 10_000}}
)
RACE = ExperimentSpec.parse(
    {"entrants": _LOSSES, "seeds": [0, 1, 2, 3, 4], "training": {"epochs": 10_000}}
)


@dataclass
class Viewer:
    """What one viewer got: how old each frame was when it came, and when that was; how many bytes
    in all."""

    ages: list[float] = field(default_factory=list)
    came: list[float] = field(default_factory=list)
    size: int = 0

    async def look(self, address: str, seconds: float) -> None:
        """Follow a stream for so long."""
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        writer.write(request.encode())
        try:
            async with asyncio.timeout(seconds):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200"), head
                while size := int(await reader.readline(), 16):
                    self._take(await reader.readexactly(size + len("\r\n")))
        except TimeoutError:
            return
        finally:
            writer.close()

    def _take(self, event: bytes) -> None:
        self.size += len(event)
        if event.startswith(b"data: "):
            begin = event.index(_SENT) + len(_SENT)
            self.came.append(time.time())
            self.ages.append(self.came[-1] - float(event[begin : event.index(b",", begin)]))


def look(address: str, viewers: int) -> list[Viewer]:
    """What so many viewers got who looked at the same time."""
    them = [Viewer() for _ in range(viewers)]

    async def all_look() -> None:
        await asyncio.gather(*(each.look(address, SECONDS) for each in them))

    asyncio.run(all_look())
    return them


def measure() -> dict[str, float]:
    """Frames a second, their age, kilobytes a second, and steps a second beside nobody's."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lab.db"
        with serving(url) as address, engine_of(url) as engine:
            store = Store(url)
            with training(store, engine, TRAINING) as key:
                stream = f"{address}/live/{key}?page=train"
                measured = _of_few(store, key, stream)
                measured["viewers_200_fps"] = _slowest(look(stream, MANY))
            with training(store, engine, RACE) as key:
                wait_until(lambda: store.get(key).epoch >= RACE_EPOCHS, 120, "a long race")
                them = look(f"{address}/live/{key}?page=compare", RACE_VIEWERS)
                sizes = [each.size / SECONDS / 1000 for each in them]
                measured["race_kb_s"] = statistics.median(sizes)
    return measured


def _of_few(store: Store, key: str, stream: str) -> dict[str, float]:
    ratios, slowest, ages = [], [], []
    for _ in range(ROUNDS):
        with rate(store, key) as alone:
            time.sleep(SECONDS)
        with rate(store, key) as watched:
            them = look(stream, FEW)
        ratios.append(watched() / alone())
        slowest.append(_slowest(them))
        ages += [age for each in them for age in each.ages]
    return {
        "viewers_50_fps": statistics.median(slowest),
        "viewers_50_age_s": statistics.quantiles(ages, n=20)[-1],
        "viewers_50_training": statistics.median(ratios),
    }


def _slowest(them: list[Viewer]) -> float:
    return min(len(each.ages) for each in them) / SECONDS


# ------------------------------------------------------------------ a training to look at


@contextmanager
def training(store: Store, engine: Engine, spec: ExperimentSpec) -> Iterator[str]:
    """The id of an experiment that trains, and is stopped after."""
    key = store.create(spec)
    engine.look()
    wait_until(lambda: store.step(key) > 0, 60, "the first step")
    try:
        yield key
    finally:
        store.want(key, Wanted.STOPPED)
        wait_until(lambda: store.get(key).status.is_finished, 60, "the end of training")


@contextmanager
def rate(store: Store, key: str) -> Iterator[Callable[[], float]]:
    """Steps in a second of the job's own time, of what is trained within."""
    before = store.get(key)
    rates: list[float] = []
    yield lambda: rates[0]
    after = store.get(key)
    assert not after.status.is_finished, "it was to train on"
    rates.append((after.step - before.step) / (after.seconds - before.seconds))


if __name__ == "__main__":
    print(measure())
