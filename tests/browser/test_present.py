"""A stage on the whole screen, and one chart alone in a page of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.store.database import EXAMPLE_IDS
from tests.browser.conftest import stop_all
from tests.browser.lab import (
    PATIENCE_MS,
    button,
    chart,
    press,
    set_number,
    stage,
    wait_for_form,
    wait_for_status,
    wait_for_steps,
)


@pytest.fixture
def projector(browser: Browser, store_url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
    stop_all(store_url)


def slide(page: Page) -> Locator:
    return page.locator(".presenting .stage-part.slide")


def place(page: Page) -> Locator:
    return page.locator(".present-foot span")


def wait_for_drawn(page: Page, key: str) -> Locator:
    host = chart(page, key)
    expect(host).to_have_attribute("data-traces", re.compile(r"\d"))
    return host


def test_arrows_go_through_the_slides_and_a_reload_stays(projector: Page, address: str) -> None:
    page = projector
    page.goto(f"{address}/?present=1")
    for number, (part, seen) in enumerate(
        [("compared", "compared_chart"), ("units", "units_0"), ("learned", "learned_0")], start=1
    ):
        expect(place(page)).to_have_text(f"{number} / 4")
        expect(slide(page)).to_have_attribute("data-part", part)
        box = wait_for_drawn(page, seen).bounding_box()
        assert box is not None
        # It is large, and in sight.
        assert box["height"] > 500
        assert box["y"] + box["height"] < 1080
        page.keyboard.press("ArrowRight")
    expect(slide(page)).to_have_attribute("data-part", "numbers")
    is_covered = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.presenting'))"
    for corner in ([5, 5], [150, 500], [1900, 1070]):
        assert page.evaluate(is_covered, corner)
    page.keyboard.press("ArrowLeft")
    expect(slide(page)).to_have_attribute("data-part", "learned")
    page.reload()
    expect(slide(page)).to_have_attribute("data-part", "learned")
    page.keyboard.press("Escape")
    expect(stage(page)).not_to_have_class(re.compile("presenting"))
    assert "present" not in page.url
    expect(button(page, "Train")).to_be_visible()


@pytest.mark.thorough
def test_letters_and_lines_are_read_from_the_back_of_the_room(
    projector: Page, address: str
) -> None:
    page = projector
    page.goto(address)
    wait_for_form(page)
    host = wait_for_drawn(page, "compared_chart")
    expect(host).to_have_attribute("data-status", "finished")
    size = "host => parseFloat(getComputedStyle(host.querySelector('.xtick text')).fontSize)"
    width = "host => Math.max(...host.data.map(trace => trace.line?.width ?? 0))"
    before = host.evaluate(size), host.evaluate(width)
    press(page, "Present")
    page.wait_for_function(
        f"([host, before]) => ({size})(host) > before", arg=[host.element_handle(), before[0]]
    )
    assert host.evaluate(size) >= 20
    assert host.evaluate(width) >= 1.6 * before[1]
    said = page.locator(".stage-said").evaluate(
        "each => parseFloat(getComputedStyle(each).fontSize)"
    )
    assert said >= 32
    page.keyboard.press("Escape")
    page.wait_for_function(
        f"([host, before]) => ({size})(host) === before", arg=[host.element_handle(), before[0]]
    )


@pytest.mark.thorough
def test_space_pauses_and_resumes_what_trains(projector: Page, address: str) -> None:
    page = projector
    page.goto(address)
    wait_for_form(page)
    set_number(page, "Epochs", 10_000)
    press(page, "Train")
    wait_for_status(page, "running")
    press(page, "Present")
    wait_for_steps(page, more_than=200, key="compared_chart")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    # What is on another slide is not drawn.
    expect(stage(page)).to_have_attribute("data-status", "paused")
    expect(button(page, "Resume")).to_have_count(1)
    wait_for_form(page)
    expect(slide(page)).to_have_attribute("data-part", "compared")
    page.keyboard.press("Space")
    expect(stage(page)).to_have_attribute("data-status", "running")
    page.wait_for_url(re.compile("present=1"))


@pytest.mark.thorough
def test_a_race_is_presented_with_its_tabs(projector: Page, address: str) -> None:
    page = projector
    page.goto(f"{address}/compare?present=1")
    parts = []
    for number in range(1, 7):
        expect(place(page)).to_have_text(f"{number} / 6")
        expect(slide(page)).to_be_visible()
        parts.append(slide(page).get_attribute("data-part"))
        page.keyboard.press("ArrowRight")
    assert parts == ["differences", "shared", "units", "learned", "calibration", "matrix"]
    expect(place(page)).to_have_text("1 / 6")


# ------------------------------------------------------------------ one chart in a page of others


@contextmanager
def page_of_others(address: str) -> Iterator[str]:
    """Another origin, whose page frames the address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            frame = f'<iframe src="{address}" width="800" height="450"></iframe>'
            self.wfile.write(frame.encode())

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    # Another name is another site, from whose pages cookies and the like may be kept away.
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()


@pytest.mark.some(1)
@pytest.mark.parametrize(
    ("path", "example", "key"),
    [("/", EXAMPLE_IDS[0], "units_1"), ("/compare", EXAMPLE_IDS[1], "")],
)
def test_a_chart_is_shown_in_a_page_of_others(
    page: Page, address: str, path: str, example: str, key: str
) -> None:
    page.goto(address + path)
    wait_for_form(page)
    asked = f"{address}{path}?embed=1&experiment={example}" + (f"&chart={key}" if key else "")
    with page_of_others(asked) as outside:
        page.goto(outside)
        framed = page.frame_locator("iframe")
        host = framed.get_by_test_id("live-chart")
        expect(host).to_have_attribute("data-status", "finished")
        expect(host.locator(".xtitle").first).to_be_visible()
        shown = {"/": "compared_chart", "/compare": "shared_chart"}[path]
        expect(host).to_have_attribute("data-chart", key or shown)
        expect(framed.locator("#about")).to_contain_text("Spirals")
        box = host.bounding_box()
        assert box is not None
        assert box["width"] > 700
        assert box["height"] > 330


@pytest.mark.thorough
def test_it_is_live_there(page: Page, address: str, store_url: str) -> None:
    page.goto(address)
    wait_for_form(page)
    set_number(page, "Epochs", 10_000)
    press(page, "Train")
    wait_for_status(page, "running")
    experiment = stage(page).get_attribute("data-experiment")
    with page_of_others(f"{address}/?embed=1&experiment={experiment}") as outside:
        page.goto(outside)
        host = page.frame_locator("iframe").get_by_test_id("live-chart")
        host.wait_for()
        seen = host.evaluate("host => Number(host.dataset.steps ?? 0)")
        page.frames[1].wait_for_function(
            "to => Number(document.querySelector('[data-testid=live-chart]').dataset.steps) > to",
            arg=seen + 2000,
        )
    stop_all(store_url)


def test_the_pages_themselves_are_in_no_frame(page: Page, address: str) -> None:
    for path in ("/", "/compare", "/losses", "/losses?embed=1", "/?embed=true"):
        answer = page.request.get(address + path)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    with page_of_others(address) as outside:
        page.goto(outside)
        page.wait_for_load_state("networkidle")
        assert any("frame" in words for words in refused)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("&experiment=00000000ff", "No experiment '00000000ff' is stored here."),
        ("&experiment=<img src=x onerror=alert(1)>", "No experiment '<img src=x onerr"),
        ("", "An address to embed names an experiment"),
        (f"&experiment={EXAMPLE_IDS[0]}&chart=nothing", "no chart of the name “nothing”"),
    ],
)
def test_what_there_is_not_is_a_sentence(
    page: Page, address: str, query: str, sentence: str
) -> None:
    page.on("dialog", lambda dialog: pytest.fail("It ran."))
    # The example is put into the store when it is first looked at.
    page.goto(address)
    wait_for_form(page)
    page.goto(f"{address}/?embed=1{query}")
    expect(page.get_by_role("status")).to_contain_text(sentence)
    expect(page.locator("img")).to_have_count(0)
