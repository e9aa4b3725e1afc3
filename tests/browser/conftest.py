from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import create_engine, select

from core.records import Status, Wanted
from core.store import Store
from core.store.tables import experiments
from tests.browser.app import serving
from tests.browser.chromium import ARGUMENTS, system_chromium
from tests.browser.lab import (
    PATIENCE_MS,
    button,
    wait_for_form,
)

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "args": ARGUMENTS, "executable_path": system_chromium()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}}


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'lab.db'}"


@pytest.fixture(scope="session")
def address(store_url: str) -> Iterator[str]:
    with serving(store_url) as address:
        yield address


@pytest.fixture(scope="session")
def kept_context(
    browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[BrowserContext]:
    """With the scripts of the app in its memory, which every page would load anew without it."""
    context = browser.new_context(**browser_context_args)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def context(kept_context: BrowserContext) -> Iterator[BrowserContext]:
    """Each page in it is a session of its own, and none is left over for the next test."""
    before = kept_context.pages
    yield kept_context
    for page in kept_context.pages:
        if page not in before:
            page.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def train_page(page: Page, address: str, store_url: str) -> Iterator[Page]:
    page.goto(address)
    button(page, "Train").wait_for()
    wait_for_form(page)
    yield page
    stop_all(store_url)


def stop_all(store_url: str) -> None:
    """End what a test that broke off left training, or the next would wait behind it."""
    store = Store(store_url)
    for experiment_id in open_experiments(store_url):
        store.want(experiment_id, Wanted.STOPPED)


def open_experiments(store_url: str) -> list[str]:
    """The ids of all that has not finished; the store itself has no use for such a question."""
    is_open = experiments.c.status.in_([each for each in Status if not each.is_finished])
    database = create_engine(store_url)
    with database.connect() as connection:
        ids = list(connection.scalars(select(experiments.c.id).where(is_open)))
    database.dispose()
    return ids


@pytest.fixture(scope="session")
def shots() -> Path:
    folder = Path("test-results")
    folder.mkdir(exist_ok=True)
    return folder
