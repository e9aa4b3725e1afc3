"""What a person waits for, measured in the browser against the real app."""

from __future__ import annotations

import statistics
import tempfile

from playwright.sync_api import Page, sync_playwright

from tests.browser.app import serving
from tests.browser.chromium import ARGUMENTS, system_chromium
from tests.browser.lab import button, set_number, wait_for_status, wait_for_steps

ROUNDS = 9

#: Milliseconds from the click on a button to a chart of which ``isThere(host)`` is true.
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
_CHART = '[data-testid="live-chart"][data-chart="loss_chart"]'


def measure() -> dict[str, float]:
    """Medians of click to first points and of Stop to ``stopped``, in seconds."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(f"sqlite:///{folder}/lab.db") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=system_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        _round(page, address)  # the host warms up
        rounds = [_round(page, address) for _ in range(ROUNDS)]
        moves = _slider_moves(page, address)
        browser.close()
    starts, stops = zip(*rounds, strict=True)
    return {
        "click_to_points_s": statistics.median(starts),
        "stop_s": statistics.median(stops),
        "slider_s": statistics.median(moves),
    }


def _slider_moves(page: Page, address: str) -> list[float]:
    """Seconds from a move of the shapes' slider until all three charts have followed."""
    page.goto(f"{address}/losses")
    page.get_by_role("tab", name="Shape").click()
    page.get_by_role("slider", name="Prediction").wait_for()
    page.wait_for_function("document.querySelectorAll('[data-place]').length === 3")
    return [page.evaluate(_MOVE) / 1000 for _ in range(ROUNDS)]


def _round(page: Page, address: str) -> tuple[float, float]:
    page.set_default_timeout(60_000)
    page.goto(address)
    button(page, "Train").wait_for()
    set_number(page, "Epochs", 10_000)
    page.wait_for_function("() => window.Plotly")
    started = page.evaluate(_CLICK_TO, ["Train", _CHART, "Number(host.dataset.steps) > 0"])
    wait_for_steps(page, more_than=200)
    stopped = page.evaluate(_CLICK_TO, ["Stop", _CHART, "host.dataset.status === 'stopped'"])
    wait_for_status(page, "stopped")
    return started / 1000, stopped / 1000


if __name__ == "__main__":
    print(measure())
