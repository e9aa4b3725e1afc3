"""A shared server: who has logged in owns what they start; without log-in the browser does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.errors import UnknownExperiment
from core.records import Status
from core.store import Store
from tests.browser.app import Server
from tests.browser.lab import (
    PATIENCE_MS,
    button,
    expect_accessible,
    expect_own,
    press,
    stage,
    wait_for_form,
)
from tests.browser.login_service import login_service, secrets_of
from tests.waiting import wait_until

SHARED = {"LOSSLAB_SHARED": "1"}


@contextmanager
def visitor(browser: Browser) -> Iterator[Page]:
    """A browser of one's own, with cookies of its own."""
    context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def at(page: Page, address: str) -> Page:
    page.goto(address)
    button(page, "Stop").wait_for()
    wait_for_form(page)
    return page


def start(page: Page) -> str:
    """Start a training that pauses after an epoch, and waits; its id."""
    press(page, "One epoch")
    expect_own(page)
    return stage(page).get_attribute("data-experiment") or ""


def expect_stopped(store: Store, experiment_id: str) -> None:
    wait_until(lambda: store.get(experiment_id).status is Status.STOPPED, 30, "the end of it")


def log_in(page: Page, name: str) -> None:
    press(page, "Log in")
    page.get_by_label("Who are you?").fill(name)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".st-key-account")).to_contain_text(name)
    wait_for_form(page)


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('shared') / 'lab.db'}"


@pytest.mark.thorough
def test_who_has_logged_in_owns_what_they_start(
    browser: Browser, store_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.toml"
    with login_service() as service:
        server = Server(store_url, variables=SHARED, options=("--secrets.files", str(file)))
        file.write_text(secrets_of(service, server.address), encoding="utf-8")
        store = Store(store_url)
        try:
            server.start()
            with visitor(browser) as ada, visitor(browser) as bob:
                at(ada, server.address)
                expect(button(ada, "Train")).to_be_disabled()
                expect(ada.get_by_text("Log in to train here")).to_be_visible()
                log_in(ada, "Ada")
                own = start(ada)
                here = f"{server.address}/?experiment={own}"
                bob.goto(f"{server.address}/losses")
                log_in(bob, "Bob")
                at(bob, here)
                expect(bob.get_by_text("Somebody else started this")).to_be_visible()
                expect(button(bob, "Stop")).to_be_disabled()
                expect(button(bob, "Train")).to_be_enabled()
                # A session of hers that knows nothing of the one before.
                at(ada, here)
                press(ada, "Stop")
                expect_stopped(store, own)
                press(ada, "Log out")
                expect(button(ada, "Log in")).to_be_visible()
        finally:
            server.end()


def test_without_log_in_a_browser_keeps_its_key_and_a_link_hands_one_on(
    browser: Browser, store_url: str
) -> None:
    server, store = Server(store_url, variables=SHARED), Store(store_url)
    try:
        server.start()
        with visitor(browser) as ada, visitor(browser) as bob:
            own = start(at(ada, server.address))
            here = ada.url
            assert "key" not in here
            expect(button(at(bob, here), "Stop")).to_be_disabled()
            # Also after a reload, and once the browser's tab was closed.
            expect(button(at(ada, here), "Stop")).to_be_enabled()
            # The pass that says that it rests closes what was opened before.
            expect(button(ada, "Resume")).to_be_enabled()
            press(ada, "Share control")
            press(ada, "Link with which it can be stopped")
            link = ada.get_by_test_id("stCode").inner_text().strip()
            expect_accessible(ada)
            at(bob, link)
            expect(button(bob, "Stop")).to_be_enabled()
            expect(bob).not_to_have_url(link)
            # The browser keeps it, and the address does not.
            assert "key" not in bob.url
            expect(button(at(bob, here), "Stop")).to_be_enabled()
            press(bob, "Stop")
            expect_stopped(store, own)
            wait_for_form(bob)
            expect(button(bob, "Delete")).to_have_count(0)
            ada.keyboard.press("Escape")
            press(ada, "Delete")
            press(ada, "Delete for good")
            expect(stage(ada)).not_to_have_attribute("data-experiment", own)
            with pytest.raises(UnknownExperiment):
                store.get(own)
    finally:
        server.end()
