"""What a person waits for, measured in the browser against the real app.

Beside it stands what the least possible page of Streamlit needs for the same, measured in
turns: a busy machine makes both slower.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit
from playwright.sync_api import Browser, Page, sync_playwright

from core.engine import Engine
from core.store import Store
from tests.benchmarks.viewers import RACE, TRAINING, rate, training
from tests.browser.app import engine_of, serving
from tests.browser.chromium import ARGUMENTS, system_chromium
from tests.browser.lab import button, set_number, wait_for_status, wait_for_steps

ROUNDS = 9
#: A training is looked at, and not, for so long in turns.
SECONDS = 4.0
LOOKS = 6
COUNTER = Path(__file__).with_name("counter.py")
HELLO = Path(streamlit.__file__).parent / "hello" / "streamlit_app.py"

#: Milliseconds from the click on a button to an element of which ``isThere(host)`` is true.
_CLICK_TO = """([label, selector, isThere]) => new Promise(done => {
    const button = [...document.querySelectorAll('button')]
        .find(each => each.innerText.includes(label))
    const there = new Function('host', `return ${isThere}`)
    const begin = performance.now()
    const look = () => {
        const host = document.querySelector(selector)
        if (host && there(host)) done(performance.now() - begin)
        else requestAnimationFrame(look)
    }
    button.click()
    look()
})"""
#: Milliseconds from the click on Stop until each element is of a stopped training.
_STOP = """selectors => new Promise(done => {
    const times = selectors.map(() => null)
    const begin = performance.now()
    const look = () => {
        selectors.forEach((selector, at) => {
            const isStopped = document.querySelector(selector)?.dataset.status === 'stopped'
            if (isStopped) times[at] ??= performance.now() - begin
        })
        if (times.every(each => each !== null)) done(times)
        else requestAnimationFrame(look)
    }
    [...document.querySelectorAll('button')].find(each => each.innerText.includes('Stop')).click()
    look()
})"""
_STAGE = '[data-testid="stage"]'
#: Milliseconds from the slider's next place to the charts that show it.
_MOVE = """() => new Promise(done => {
    const slider = document.querySelector('.shape-slider input')
    const charts = [...document.querySelectorAll('[data-place]')]
    const before = charts[0].dataset.place
    const begin = performance.now()
    const look = () => {
        if (charts.every(host => host.dataset.place !== before)) done(performance.now() - begin)
        else requestAnimationFrame(look)
    }
    slider.stepUp()
    slider.dispatchEvent(new Event('input', { bubbles: true }))
    look()
})"""
#: The one at the top, which has an entrant's points from its first epoch on.
_CHART = '[data-testid="live-chart"][data-chart="compared_chart"]'
#: Milliseconds from the navigation to the first paint, and to the first button of the page or,
#: where it has none, its first text.
_FIRSTS = """() => new Promise(done => {
    const look = () => {
        const [painted] = performance.getEntriesByName('first-contentful-paint')
        const button = document.querySelector(
            '[data-testid="stButton"] button, [data-testid="stMarkdown"]')
        if (painted && button) done([painted.startTime, performance.now()])
        else requestAnimationFrame(look)
    }
    look()
})"""


def measure() -> dict[str, float]:
    """Medians of what a person waits for, in seconds; what looking costs the training."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/lab.db"
        with (
            serving(url) as address,
            serving(url, COUNTER) as counter,
            serving(url, HELLO) as hello,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=system_chromium(), args=ARGUMENTS)
            measured = _clicks(browser, address, counter)
            measured |= _firsts(browser, address, hello, counter)
            with engine_of(url) as engine:
                measured |= _looks(browser, Store(url), engine, address)
            browser.close()
    return measured


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh context, which has nothing in its cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


# ------------------------------------------------------------------ clicks


def _clicks(browser: Browser, address: str, counter: str) -> dict[str, float]:
    with fresh_page(browser) as page, fresh_page(browser) as counting:
        counting.goto(counter)
        _round(page, address)  # the host warms up
        _count(counting, 1)
        rounds = [(*_round(page, address), _count(counting, 2 + n)) for n in range(ROUNDS)]
        moves = _slider_moves(page, address)
    starts, stops, drawings, counts = (
        statistics.median(each) for each in zip(*rounds, strict=True)
    )
    return {
        "click_to_points_s": starts,
        "stop_s": stops,
        "stop_drawn_s": drawings,
        "streamlit_click_s": counts,
        "slider_s": statistics.median(moves),
    }


def _round(page: Page, address: str) -> tuple[float, float, float]:
    """Seconds to points, to the word that it is stopped, and to the last drawing of a chart."""
    page.goto(address)
    button(page, "Train").wait_for()
    set_number(page, "Epochs", 10_000)
    # Nobody is so fast that the page is not at rest by then.
    page.wait_for_function("() => window.Plotly")
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(requestIdleCallback)")
    before = page.get_by_test_id("stage").get_attribute("data-experiment")
    is_other = f"host.closest('.stage').dataset.experiment !== '{before}'"
    has_points = f"Number(host.dataset.steps) > 0 && {is_other}"
    started = page.evaluate(_CLICK_TO, ["Train", _CHART, has_points])
    wait_for_steps(page, more_than=200)
    stopped, drawn = page.evaluate(_STOP, [_STAGE, _CHART])
    wait_for_status(page, "stopped")
    return started / 1000, stopped / 1000, drawn / 1000


def _count(page: Page, clicks: int) -> float:
    """Seconds from the click on the least page's button to the text that says so."""
    button(page, "Count").wait_for()
    is_counted = f"host.innerText === 'counted {clicks}'"
    milliseconds: float = page.evaluate(_CLICK_TO, ["Count", '[data-testid="stText"]', is_counted])
    return milliseconds / 1000


def _slider_moves(page: Page, address: str) -> list[float]:
    """Seconds from a move of the shapes' slider until all three charts have followed."""
    page.goto(f"{address}/losses")
    page.get_by_role("tab", name="Shape").click()
    page.get_by_role("slider", name="Prediction").wait_for()
    page.wait_for_function("document.querySelectorAll('[data-place]').length === 3")
    return [page.evaluate(_MOVE) / 1000 for _ in range(ROUNDS)]


# ------------------------------------------------------------------ the first paint


def _firsts(browser: Browser, *addresses: str) -> dict[str, float]:
    """How many times as long the Train page takes as Streamlit's own hello page to its first
    paint, and as the least page to its first button."""
    for address in addresses:
        _visit(browser, address)
    paints, buttons = [], []
    for _ in range(ROUNDS):
        ours, hello, least = (_visit(browser, address) for address in addresses)
        paints.append((ours[0] / hello[0], ours[0], hello[0], least[0]))
        buttons.append(ours[1] / least[1])
    ratio, *milliseconds = (statistics.median(each) for each in zip(*paints, strict=True))
    ours_s, hello_s, least_s = (each / 1000 for each in milliseconds)
    return {
        "first_paint_ratio": ratio,
        "first_paint_s": ours_s,
        "hello_paint_s": hello_s,
        "streamlit_paint_s": least_s,
        "first_button_ratio": statistics.median(buttons),
    }


def _visit(browser: Browser, address: str) -> list[float]:
    with fresh_page(browser) as page:
        page.goto(address, wait_until="commit")
        milliseconds: list[float] = page.evaluate(_FIRSTS)
        return milliseconds


# ------------------------------------------------------------------ what looking costs


def _looks(browser: Browser, store: Store, engine: Engine, address: str) -> dict[str, float]:
    """The browser's share of one core, and how fast it trains beside nobody looking."""
    with training(store, engine, TRAINING) as key:
        beside, busy = looked_at(browser, store, key, f"{address}/?experiment={key}", "units_0")
    with training(store, engine, RACE) as key:
        of_race, _busy = looked_at(
            browser, store, key, f"{address}/compare?experiment={key}", "shared_chart"
        )
    return {"browser_busy": busy, "live_vs_alone": beside, "race_live_vs_alone": of_race}


def looked_at(
    browser: Browser,
    store: Store,
    key: str,
    address: str,
    chart: str,
    look_at: Callable[[Page], None] = lambda page: None,
) -> tuple[float, float]:
    """Medians of the rate of training by that with nobody looking, and of the page's share.

    ``look_at`` goes to what is to be seen on the page.
    """
    ratios, shares = [], []
    for _ in range(LOOKS):
        with rate(store, key) as alone:
            time.sleep(SECONDS)
        with fresh_page(browser) as page:
            page.goto(address)
            wait_for_steps(page, key=chart)
            look_at(page)
            with rate(store, key) as watched, _busy(page) as share:
                page.wait_for_timeout(1000 * SECONDS)
        ratios.append(watched() / alone())
        shares.append(share())
    return statistics.median(ratios), statistics.median(shares)


@contextmanager
def _busy(page: Page) -> Iterator[Callable[[], float]]:
    """The share of the time that the page's main thread works."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def metrics() -> tuple[float, float]:
        found = session.send("Performance.getMetrics")["metrics"]
        values = {each["name"]: each["value"] for each in found}
        return values["TaskDuration"], values["Timestamp"]

    shares: list[float] = []
    worked, at = metrics()
    yield lambda: shares[0]
    worked_then, then = metrics()
    shares.append((worked_then - worked) / (then - at))


if __name__ == "__main__":
    print(measure())
