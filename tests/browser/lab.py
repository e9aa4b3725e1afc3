"""What a person does on the Train page and sees there, in the words of the tests."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

#: A slow, busy machine is no failure: conditions are waited for, up to this.
PATIENCE_MS = 60_000


def button(page: Page, name: str) -> Locator:
    """By what is written on it; the shortcut may follow."""
    return page.get_by_role("button", name=re.compile(f"^{name}( Shortcut.*)?$"))


def press(page: Page, name: str) -> None:
    button(page, name).click()


def chart(page: Page, key: str = "loss_chart") -> Locator:
    return page.locator(f'[data-testid="live-chart"][data-chart="{key}"]')


def steps(page: Page) -> int:
    return int(chart(page).get_attribute("data-steps") or 0)


def wait_for_steps(page: Page, more_than: int = 0) -> int:
    page.wait_for_function(
        """([selector, least]) => {
            const host = document.querySelector(selector);
            return host && Number(host.dataset.steps) > least;
        }""",
        arg=['[data-testid="live-chart"][data-chart="loss_chart"]', more_than],
        timeout=PATIENCE_MS,
    )
    return steps(page)


def wait_for_status(page: Page, status: str) -> None:
    expect(chart(page)).to_have_attribute("data-status", status, timeout=PATIENCE_MS)


def set_number(page: Page, label: str, value: float) -> None:
    """Type a value and leave the field; the page has taken it when the form has run again."""
    field = page.get_by_label(label, exact=True).first
    field.fill(str(value))
    field.press("Enter")
    wait_for_form(page)


def wait_for_form(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(re.compile(label)).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    wait_for_form(page)
