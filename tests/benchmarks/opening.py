"""What a finished experiment of a million steps takes in the store, and until its first chart.

It is a race of 15 runs that nobody trained: random losses, in chunks of the size that training
leaves, with the evaluations of the schedule and the snapshots of a short training.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
from contextlib import closing, suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, sync_playwright

from core import place
from core.engine.door import ask_who
from core.records import Evaluation, Progress, Snapshot, Status
from core.spec import ExperimentSpec
from core.spec.schedule import is_judged, next_judged
from core.store import Store
from core.training import train
from core.training.recording import kept_epochs
from tests.benchmarks.browser import fresh_page
from tests.browser.app import serving
from tests.browser.chromium import ARGUMENTS, system_chromium
from tests.waiting import wait_until

#: Each time is the median of so many.
ROUNDS = 3
PAGES = ("", "compare")
#: Steps of a chunk, as a race leaves them in a tenth of a second.
CHUNKS = (100, 220)
#: 1,000,027 steps are 9,709 epochs of 103.
EPOCHS = 9_709
RACE = ExperimentSpec.parse(
    {
        "entrants": [{"loss": loss} for loss in ("cross_entropy", "bce", "mse")],
        "seeds": [0, 1, 2, 3, 4],
        "training": {"batch_size": 14, "epochs": EPOCHS},
    }
)
_SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
#: Milliseconds from the navigation until a chart has points.
_FIRST_CHART = """() => new Promise(done => {
    const has = host => host.data?.some(trace => trace.x?.length > 1)
    const look = () => {
        const charts = [...document.querySelectorAll('[data-testid="live-chart"]')]
        if (charts.some(has)) done(performance.now())
        else requestAnimationFrame(look)
    }
    look()
})"""


def measure() -> dict[str, float]:
    """Megabytes of the store, and seconds until the first chart.

    A fresh server is asked for it first of all, by a fresh browser; a warm one has shown another
    experiment to the same browser before, and its training service is there.
    """
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lab.db"
        key = _finished(Store(url))
        with closing(sqlite3.connect(f"{folder}/lab.db")) as connection:
            (size,) = connection.execute(_SIZE).fetchone()
        fresh, warm = _times(url, key)
    return {"store_mb_15": size / 1e6, "open_warm_s": warm, "open_fresh_s": fresh}


# ------------------------------------------------------------------ the experiment


def _finished(store: Store) -> str:
    start, end = _samples()
    key = store.create(RACE)
    assert store.report(key, start)
    random, total, per_epoch = np.random.default_rng(0), RACE.total_steps, RACE.steps_per_epoch
    to_keep = [next_judged(each, EPOCHS) for each in kept_epochs(EPOCHS)]
    step = 0
    while step < total:
        before, step = step, min(step + int(random.integers(*CHUNKS)), total)
        ended = range(before // per_epoch + 1, step // per_epoch + 1)
        kept = tuple(_at(end.snapshot, epoch) for epoch in ended if epoch in to_keep)
        report = Progress(
            step=step,
            epoch=step // per_epoch,
            seconds=step / 1_500,
            losses=_losses(before, step, random),
            evaluations=tuple(
                _moved(end.evaluations[-1], epoch, random)
                for epoch in ended
                if is_judged(epoch, EPOCHS)
            ),
            diverged_steps=(None,) * RACE.run_count,
            snapshot=kept[-1] if kept else None,
            kept=kept,
        )
        assert store.report(key, report, Status.FINISHED if step == total else Status.RUNNING)
    return key


def _losses(before: int, step: int, random: np.random.Generator) -> NDArray[np.float32]:
    """They fall like those of a training run."""
    noise = random.lognormal(0, 0.3, (step - before, RACE.run_count))
    fall = 0.05 + 2.3 / (1 + np.arange(before + 1, step + 1) / 500)
    return (noise * fall[:, None]).astype(np.float32)


def _samples() -> tuple[Progress, Progress]:
    """The first and the last report of a training of one epoch."""
    training = RACE.training.model_copy(update={"epochs": 1})
    reports = list(train(RACE.model_copy(update={"training": training})))
    return reports[0], reports[-1]


def _at(snapshot: Snapshot | None, epoch: int) -> Snapshot:
    assert snapshot is not None
    return replace(snapshot, epoch=epoch, step=epoch * RACE.steps_per_epoch)


def _moved(sample: Evaluation, epoch: int, random: np.random.Generator) -> Evaluation:
    values = sample.values * random.uniform(0.9, 1.1, sample.values.shape).astype(np.float32)
    return replace(sample, epoch=epoch, step=epoch * RACE.steps_per_epoch, values=values)


# ------------------------------------------------------------------ opened


def _times(url: str, key: str) -> tuple[float, float]:
    """Medians on the slower of the two pages, of a fresh server and of a warm one."""
    fresh: dict[str, list[float]] = {page: [] for page in PAGES}
    warm: dict[str, list[float]] = {page: [] for page in PAGES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system_chromium(), args=ARGUMENTS)
        for name in PAGES * ROUNDS:
            with serving(url) as address, fresh_page(browser) as page:
                fresh[name].append(_first_chart(page, f"{address}/{name}?experiment={key}"))
            with serving(url) as address, fresh_page(browser) as page:
                _first_chart(page, f"{address}/{name}")  # that of the example
                wait_until(lambda: _has_service(url), 60, "the training service")
                warm[name].append(_first_chart(page, f"{address}/{name}?experiment={key}"))
        browser.close()
    slower = [max(map(statistics.median, each.values())) for each in (fresh, warm)]
    return slower[0], slower[1]


def _has_service(url: str) -> bool:
    """Whether it answers, which it does once torch is loaded."""
    with suppress(OSError):
        return bool(ask_who(place.folder(url)).servers)
    return False


def _first_chart(page: Page, address: str) -> float:
    page.goto(address, wait_until="commit")
    milliseconds: float = page.evaluate(_FIRST_CHART)
    return milliseconds / 1000


if __name__ == "__main__":
    print(measure())
