"""Exhibits in a real browser against the real app: run by one click, bet on, toured."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.exhibits import EXHIBITS
from core.exhibits.recorded import recorded
from core.exhibits.tour import TOUR
from core.records import Bet
from core.store import Store
from tests.browser.conftest import stop_all
from tests.browser.lab import PATIENCE_MS, SCREENS, expect_accessible, stage, wait_for_form

#: The shortest, and one that every checkout has.
KEY = "ce_is_bce"
FINDING = re.compile("^(Seen here|The opposite here|Unclear with [0-9]+ seeds?)$")
#: A demo.
TOUR_SECONDS = 300
#: Much longer than an exhibit may take on a machine that is not busy.
RUN_MS = 240_000


@pytest.fixture
def gallery(page: Page, address: str, store_url: str) -> Iterator[Page]:
    page.goto(f"{address}/exhibits")
    card_button(page, KEY).wait_for()
    wait_for_form(page)
    yield page
    stop_all(store_url)


def card_button(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-run_{key} button")


def finding(page: Page) -> Locator:
    return page.locator(".st-key-finding").get_by_role("heading")


def recorded_seconds(key: str) -> float:
    """That an exhibit took, where it was recorded."""
    found = recorded(key)
    return found.seconds if found else 0.0


def showing(page: Page) -> str:
    """The id in the address, once it is there."""
    expect(page).to_have_url(re.compile("showing=[0-9a-f]+"))
    found = re.search("showing=([0-9a-f]+)", page.url)
    assert found
    return found[1]


def expect_run(page: Page, key: str) -> None:
    """Wait for the sentence, with all charts drawn of what has ended."""
    expect(finding(page)).to_have_text(FINDING, timeout=RUN_MS)
    parts = EXHIBITS[key].parts
    expect(stage(page)).to_have_count(len(parts))
    drawn = page.locator('[data-testid="live-chart"][data-status="finished"]')
    expect(drawn).to_have_count(sum(len(part.charts) for part in parts))


def test_one_click_runs_an_exhibit_to_its_sentence(
    gallery: Page, browser: Browser, address: str, store_url: str
) -> None:
    page = gallery
    card_button(page, KEY).dblclick()
    expect(page.get_by_text(EXHIBITS[KEY].claim)).to_be_visible()
    expect_run(page, KEY)
    key = showing(page)
    assert len(Store(store_url).showings.get(key).experiments) == len(EXHIBITS[KEY].parts)
    # A reload has all of it, and a link opens the experiment.
    page.reload()
    expect_run(page, KEY)
    page.get_by_role("link", name=re.compile("Open in Compare")).first.click()
    expect(page).to_have_url(re.compile("/compare.*experiment=[0-9a-f]+"))
    expect(stage(page)).to_have_attribute("data-status", "finished")


def test_another_browser_bets_and_sees_the_run_and_the_tally(
    gallery: Page, browser: Browser, store_url: str
) -> None:
    page = gallery
    page.locator(f".st-key-card_{KEY}").get_by_role("link", name="Look first").click()
    link = page.get_by_label("Anyone with this link can bet and watch")
    expect(link).to_have_value(re.compile("showing=[0-9a-f]+&guest=1"))
    other = browser.new_context()
    other.set_default_timeout(PATIENCE_MS)
    guest = other.new_page()
    guest.goto(link.input_value())
    guest.get_by_role("radio", name="No difference").click()
    expect(page.get_by_text("1 bet so far")).to_be_visible()
    expect(guest.get_by_text("1 bet so far")).to_be_visible()
    guest.reload()
    mine = guest.get_by_role("radio", name="No difference")
    expect(mine).to_have_attribute("aria-checked", "true")
    page.locator(".st-key-run button").click()
    # Nobody clicks there.
    expect_run(guest, KEY)
    expect_run(page, KEY)
    for each in (page, guest):
        expect(each.get_by_text("1 of 1 bet so")).to_be_visible()
    assert Store(store_url).showings.bets(showing(page)) == (Bet(-1),)
    other.close()


def test_what_is_stopped_has_no_verdict(gallery: Page, store_url: str) -> None:
    page = gallery
    card_button(page, max(EXHIBITS, key=recorded_seconds)).click()
    page.get_by_role("button", name="Stop").click()
    expect(finding(page)).to_have_text("No verdict")
    expect(page.get_by_text("was stopped")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_gallery_and_exhibit_are_accessible(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{address}/exhibits")
    card_button(page, KEY).wait_for()
    wait_for_form(page)
    expect_accessible(page)
    page.locator(f".st-key-card_{KEY}").get_by_role("link", name="Look first").click()
    page.get_by_text("No bets yet").wait_for()
    expect_accessible(page)
    page.locator(".st-key-run button").click()
    expect_run(page, KEY)
    expect_accessible(page)
    context.close()


@pytest.mark.thorough
@pytest.mark.parametrize("key", EXHIBITS)
def test_every_exhibit_runs_by_one_click(gallery: Page, key: str) -> None:
    card_button(gallery, key).click()
    expect(gallery.get_by_text(EXHIBITS[key].claim)).to_be_visible()
    expect_run(gallery, key)


@pytest.mark.thorough
def test_the_tour_takes_less_than_five_minutes(gallery: Page) -> None:
    page, begin = gallery, time.monotonic()
    page.locator(".st-key-tour button").click()
    for place, key in enumerate(TOUR, start=1):
        expect(page.get_by_text(f"{place} of {len(TOUR)}")).to_be_visible()
        expect_run(page, key)
        if place < len(TOUR):
            page.keyboard.press("ArrowRight")
    assert time.monotonic() - begin < TOUR_SECONDS
    if len(TOUR) > 1:
        # Back is as it was left, and nothing is run again.
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_text(f"{len(TOUR) - 1} of {len(TOUR)}")).to_be_visible()
        expect(finding(page)).to_have_text(FINDING)
    page.get_by_role("button", name="Leave the tour").click()
    expect(page).not_to_have_url(re.compile("tour="))
    expect(finding(page)).to_have_text(FINDING)
