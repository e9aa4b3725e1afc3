"""Faults as a person sees them: what happened is said, and what trained goes on."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from core import place
from core.engine.door import ask_who
from core.store import Store
from tests.browser.lab import (
    button,
    expect_accessible,
    press,
    set_number,
    stage,
    steps,
    wait_for_status,
    wait_for_steps,
)


def start(page: Page) -> str:
    """A long training; its id."""
    set_number(page, "Epochs", 10_000)
    press(page, "Train")
    wait_for_steps(page, more_than=500)
    return stage(page).get_attribute("data-experiment") or ""


def test_what_failed_says_why_and_is_resumed(train_page: Page, store_url: str) -> None:
    page = train_page
    experiment = start(page)
    os.kill(ask_who(place.folder(store_url)).jobs[experiment], signal.SIGKILL)
    wait_for_status(page, "failed")
    expect(stage(page)).to_contain_text("was ended by signal 9 (SIGKILL)")
    seen = steps(page)
    expect(button(page, "Train")).to_be_enabled()
    expect_accessible(page)
    press(page, "Resume")
    wait_for_status(page, "running")
    wait_for_steps(page, more_than=seen)
    expect(stage(page)).not_to_contain_text("SIGKILL")
    expect(button(page, "Pause")).to_be_enabled()
    assert stage(page).get_attribute("data-experiment") == experiment
    press(page, "Stop")
    wait_for_status(page, "stopped")


@pytest.mark.thorough
def test_a_lost_service_is_said_to_be_and_its_return_too(train_page: Page, store_url: str) -> None:
    page = train_page
    experiment = start(page)
    os.kill(ask_who(place.folder(store_url)).pid, signal.SIGKILL)
    said = stage(page).locator(".stage-info").filter(has_text="The training service")
    expect(said.filter(has_text="is back")).to_be_visible()
    seen = Store(store_url).step(experiment)
    wait_for_steps(page, more_than=seen)
    wait_for_status(page, "running")
    # What is over is no news.
    expect(said).to_have_count(0)
    press(page, "Stop")
    wait_for_status(page, "stopped")


def test_how_the_lab_fares(page: Page, address: str) -> None:
    page.goto(f"{address}/status")
    expect(page.get_by_role("heading", name="Status")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Training service: ready, process \d+"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"Store: .*lab\.db, [\d,.]+ MB"))).to_be_visible()
    expect_accessible(page)
