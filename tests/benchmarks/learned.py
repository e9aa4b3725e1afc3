"""What it costs to show, while it goes on and after, what each network learns."""

from __future__ import annotations

import random
import statistics
import tempfile
import time

import torch
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.example import EXAMPLES, SPEC
from core.records import Status
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from core.training.preparation import prepare
from core.training.recording import Recorder
from tests.benchmarks.browser import fresh_page, looked_at
from tests.benchmarks.viewers import training
from tests.browser.app import engine_of, serving
from tests.browser.chromium import ARGUMENTS, system_chromium
from tests.browser.lab import chart, stage

ROUNDS = 30
#: Milliseconds from the slider's move until each chart of the surfaces has been drawn.
_SCRUB = """number => new Promise(done => {
    const slider = document.querySelector('.replay input')
    const awaited = new Set(['learned_0', 'learned_1', 'learned_2'])
    const begin = performance.now()
    const hear = ({ target }) => {
        awaited.delete(target.dataset.chart)
        if (awaited.size) return
        document.removeEventListener('drawn', hear)
        done(performance.now() - begin)
    }
    document.addEventListener('drawn', hear)
    slider.value = number
    slider.dispatchEvent(new Event('input', { bubbles: true }))
})"""


def measure() -> dict[str, float]:
    """Medians: training with the networks in sight by training with nobody looking, the page's
    share of a core, seconds of a move of the replay's slider, and for how long one snapshot of a
    race of fifteen holds its training up."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lab.db"
        with serving(url) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=system_chromium(), args=ARGUMENTS)
            store = Store(url)
            with engine_of(url) as engine, training(store, engine, _long(SPEC)) as key:
                seen, busy = looked_at(
                    browser,
                    store,
                    key,
                    f"{address}/?experiment={key}",
                    "units_0",
                    look_at=_look_at_networks,
                )
            moves = _moves(browser, store, address)
            browser.close()
    held = _held()
    return {
        "seen_vs_unseen": seen,
        "seen_busy": busy,
        "replay_s": statistics.median(moves),
        "snapshot_ms": statistics.median(held),
        "snapshot_worst_ms": max(held),
    }


def _long(spec: ExperimentSpec) -> ExperimentSpec:
    """With more steps than a fast machine takes while it is looked at."""
    longer = spec.training.model_copy(update={"batch_size": 4, "epochs": 10_000})
    return spec.model_copy(update={"training": longer})


def _look_at_networks(page: Page) -> None:
    page.get_by_role("radio", name="Network").click()
    networks = stage(page).locator(".network")
    expect(networks).to_have_count(3)
    networks.first.scroll_into_view_if_needed()


def _moves(browser: Browser, store: Store, address: str) -> list[float]:
    """Seconds of moves to and fro through as many snapshots as are kept of one training."""
    spec = SPEC.model_copy(update={"training": SPEC.training.model_copy(update={"epochs": 240})})
    key = store.create(spec)
    for progress in train(spec, kept_seconds=1000.0):
        store.report(key, progress, progress.outcome or Status.RUNNING)
    count = len(store.moments(key))
    places = random.Random(0).choices(range(count - 1), k=ROUNDS)
    with fresh_page(browser) as page:
        page.goto(f"{address}/?experiment={key}")
        surface = chart(page, "learned_0")
        surface.scroll_into_view_if_needed()
        expect(surface).to_have_attribute("data-status", "finished")
        page.evaluate("() => new Promise(requestIdleCallback)")
        moves = []
        for before, number in zip([count, *places], places, strict=False):
            if number != before:
                moves.append(page.evaluate(_SCRUB, number) / 1000)
    return moves


def _held() -> list[float]:
    """Milliseconds for which training waits for a snapshot, made and packed."""
    torch.set_num_threads(1)
    with torch.inference_mode():
        prepared = prepare(EXAMPLES["compare"].spec)
        recorder = Recorder(prepared)
        for batch in prepared.batches.epoch():
            recorder.add(batch, prepared.learner.step(batch))
        recorder.report_epoch(1)
        held = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            recorder._newest_snapshot().to_bytes()
            held.append(1000 * (time.perf_counter() - begin))
    return held


if __name__ == "__main__":
    print(measure())
